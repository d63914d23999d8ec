package tokenizer

import (
	"slices"
	"testing"
)

// withAdded has the bytes as ids 0 to 255 and the added tokens from 256 on.
func withAdded(t *testing.T, added ...addedToken) *Tokenizer {
	t.Helper()
	vocab := map[string]int{}
	for b, r := range byteRunes {
		vocab[string(r)] = b
	}
	for i := range added {
		added[i].ID = 256 + i
	}
	tok, err := newTokenizer(vocab, nil, added)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestAddedTokens(t *testing.T) {
	think := addedToken{Content: "<think>"}
	for _, c := range []struct {
		name  string
		added []addedToken
		text  string
		want  []int
	}{
		{"one", []addedToken{think}, "a<think>b", []int{'a', 256, 'b'}},
		{"neighbours", []addedToken{think}, "<think><think>", []int{256, 256}},
		{"cut short", []addedToken{think}, "<thi", []int{'<', 't', 'h', 'i'}},
		{"the longest", []addedToken{{Content: "<a"}, {Content: "<a>b"}, {Content: "<a>"}}, "<a>b<a>c<ad", []int{257, 258, 'c', 256, 'd'}},
		{"the leftmost", []addedToken{{Content: "bcd"}, {Content: "ab"}}, "abcd", []int{257, 'c', 'd'}},
		{"not UTF-8 around", []addedToken{think}, "\xff<think>\xe4", []int{0xff, 256, 0xe4}},
		{"no strip", []addedToken{think}, " <think> ", []int{' ', 256, ' '}},
		{"lstrip", []addedToken{{Content: "<m>", LStrip: true}}, "a \u3000<m> b", []int{'a', 256, ' ', 'b'}},
		{"rstrip", []addedToken{{Content: "<m>", RStrip: true}}, "a <m> \n\nb", []int{'a', ' ', 256, 'b'}},
		{"both, to the ends", []addedToken{{Content: "<m>", LStrip: true, RStrip: true}}, "  <m>  <m> ", []int{256, 256}},
		// Those with normalized = false are looked for first in all the text.
		{"normalized", []addedToken{{Content: "ab", Normalized: true}, {Content: "bc"}}, "abc ab", []int{'a', 257, ' ', 256}},
	} {
		tok := withAdded(t, c.added...)
		if got := tok.Encode(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: Encode(%q) = %v, want %v", c.name, c.text, got, c.want)
		}
		for _, id := range tok.EncodeOrdinary(c.text) {
			if id >= 256 {
				t.Errorf("%s: EncodeOrdinary(%q) has the added token %d", c.name, c.text, id)
			}
		}
	}
}
