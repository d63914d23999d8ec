package tokenizer

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func train(t *testing.T, docs []string, vocabSize int, special ...string) *Tokenizer {
	t.Helper()
	tok, err := Train(slices.Values(docs), vocabSize, special)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// The example of Hugging Face's own test of its BpeTrainer.
func TestTrainAsHuggingFace(t *testing.T) {
	docs := strings.Fields("roses are are red voilets blue BERT is is big and so GPT-2")
	tok := train(t, docs, 259)
	if got, want := tok.tokens[256:], []string{"re", "are", "is"}; !slices.Equal(got, want) {
		t.Errorf("learned %q, want %q", got, want)
	}
}

// Ids and order as in MiniMind's files: special tokens, then bytes from '!' on, the newline being 198 later.
func TestTrainLayout(t *testing.T) {
	special := []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
	tok := train(t, []string{"hello"}, 259, special...)
	for token, want := range map[string]int{"<|endoftext|>": 0, "<|im_end|>": 2, "!": 3, "Ċ": 201, "Ń": 258} {
		if id, ok := tok.TokenID(token); !ok || id != want {
			t.Errorf("TokenID(%q) = %d, %t; want %d", token, id, ok, want)
		}
	}
	if tok.VocabSize() != 259 || tok.BOS() != 1 || tok.EOS() != 2 || tok.Pad() != 0 {
		t.Errorf("size %d, BOS %d, EOS %d, Pad %d", tok.VocabSize(), tok.BOS(), tok.EOS(), tok.Pad())
	}
}

// plainMerges is the definition of training: count all pairs anew before each merge.
func plainMerges(tok *Tokenizer, docs []string) []merge {
	var words [][]uint16
	for _, doc := range docs {
		for text := []byte(doc); len(text) > 0; {
			n := wordLen(text)
			var ids []uint16
			for _, b := range text[:n] {
				ids = append(ids, tok.byteIDs[b])
			}
			words = append(words, ids)
			text = text[n:]
		}
	}
	var merges []merge
	for len(merges) < len(tok.merges) {
		counts := map[uint32]int{}
		for _, ids := range words {
			for i := range len(ids) - 1 {
				counts[pairKey(ids[i], ids[i+1])]++
			}
		}
		var best uint32
		for pair, n := range counts {
			if n > counts[best] || n == counts[best] && pair < best {
				best = pair
			}
		}
		m := merge{uint16(best >> 16), uint16(best), uint16(len(tok.tokens) - len(tok.merges) + len(merges))}
		merges = append(merges, m)
		for w, ids := range words {
			for i := 0; i+1 < len(ids); i++ {
				if ids[i] == m.left && ids[i+1] == m.right {
					ids[i] = m.joined
					ids = slices.Delete(ids, i+1, i+2)
				}
			}
			words[w] = ids
		}
	}
	return merges
}

func TestTrainAgainstPlain(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		var docs []string
		for range 30 {
			words := []string{"aaa", "abab", "banana", " the", " then", "你好世界", "世界", "，", "  \n", " 12", "é"}
			var doc strings.Builder
			for range 1 + rng.IntN(12) {
				doc.WriteString(words[rng.IntN(len(words))])
			}
			docs = append(docs, doc.String(), randomWord(rng, "ab", 12))
		}
		tok := train(t, docs, 260+rng.IntN(100), "<s>")
		if want := plainMerges(tok, docs); !slices.Equal(tok.merges, want) {
			t.Fatalf("docs %q:\nlearned %v\nwant    %v", docs, tok.merges, want)
		}
		rng.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if again := train(t, docs, tok.VocabSize(), "<s>"); again.Hash() != tok.Hash() {
			t.Fatal("the order of documents changes what is learned")
		}
	}
}

func TestTrainRunsOutOfPairs(t *testing.T) {
	tok := train(t, []string{"abc"}, 1000)
	if got, want := tok.tokens[256:], []string{"ab", "abc"}; !slices.Equal(got, want) {
		t.Errorf("learned %q, want %q", got, want)
	}
}

func TestTrainNeverSpellsSpecial(t *testing.T) {
	tok := train(t, []string{"ab", "ab", "cd"}, 300, "ab")
	if got := tok.EncodeOrdinary("ab"); len(got) != 2 {
		t.Errorf("EncodeOrdinary of a special token's text = %v, want two bytes", got)
	}
	if got := tok.Encode("ab"); !slices.Equal(got, []int{0}) {
		t.Errorf("Encode = %v, want [0]", got)
	}
}

func TestTrainErrors(t *testing.T) {
	for _, c := range []struct {
		size    int
		special []string
		want    string
	}{
		{255, nil, "256 to 65536"},
		{256, []string{"<s>"}, "257 to 65536"},
		{65537, nil, "256 to 65536"},
		{300, []string{"<s>", "<s>"}, "given twice"},
		{300, []string{""}, "empty"},
		{300, []string{"\xff"}, "UTF-8"},
		{300, []string{"a"}, "byte 0x61"},
	} {
		_, err := Train(slices.Values([]string{"text"}), c.size, c.special)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Train(%d, %q): %v, want an error with %q", c.size, c.special, err, c.want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	tok := train(t, []string{"the cat, the hat; 你好你好 <&>"}, 300, "<|im_start|>", "<|用户|>")
	var file bytes.Buffer
	if err := tok.WriteJSON(&file); err != nil {
		t.Fatal(err)
	}
	back, err := Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != tok.Hash() {
		t.Error("WriteJSON and Load give another hash")
	}
	if text := "<|用户|>你好 <&>"; back.Decode(back.Encode(text), false) != text {
		t.Errorf("decodes to %q", back.Decode(back.Encode(text), false))
	}
}
