//go:build !js

package generate

import (
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// These take long on the adapter that Node has, which runs TestTogetherAsAlone.

// So it is with a cache of float32.
func TestTogetherAsAloneInFloat32(t *testing.T) { testTogetherAsAlone(t, testModel(t, nil), false) }

// Nor do others' tokens change anything by where they put one's own among an expert's rows.
func TestTogetherAsAloneWithExperts(t *testing.T) {
	testTogetherAsAlone(t, testModel(t, shared), false)
}

// TestKeptPrompts goes on with conversations: what a slot still holds of a prompt is not read again, and changes no bit.
func TestKeptPrompts(t *testing.T) {
	for _, moe := range []*config.MoE{nil, shared} {
		m := testModel(t, moe)
		keeping := testBatch(t, m, Batch{Context: 120, Texts: 2, KeepPrompts: true})
		plain := testBatch(t, m, Batch{Context: 120, Texts: 1})
		turn := prompt(70)
		for i, c := range []struct {
			prompt []int
			read   int // without reading it
		}{
			{turn[:40], 0},
			{turn[:70], 39}, // the conversation goes on: all that was read of its prompt
			{turn[:70], 69}, // the same question again
			{append(slices.Clone(turn[:50]), 1, 2, 3), 50}, // another turn after 50 tokens
			{append([]int{3}, turn[:20]...), 0},            // another conversation, in the other slot
			{turn[:52], 50},                                // back to the one before
			{turn[:1], 0},
		} {
			o := Options{MaxNewTokens: 5, Temperature: 1, Seed: uint64(i), Stop: -1, LogProbs: true}
			text, err := keeping.Join(c.prompt, o)
			if err != nil {
				t.Fatal(err)
			}
			if text.read != c.read {
				t.Errorf("turn %d: %d tokens of the prompt are there, want %d", i, text.read, c.read)
			}
			var got []Token
			for text.End == "" {
				if advanced, err := keeping.Step(); err != nil {
					t.Fatal(err)
				} else if len(advanced) > 0 {
					got = append(got, text.Token)
				}
			}
			want := together(t, plain, []job{{prompt: c.prompt, options: o}})[0]
			if !slices.EqualFunc(got, want, func(a, b Token) bool { return a.Alternative == b.Alternative }) {
				t.Errorf("turn %d: %v, from the beginning %v", i, got, want)
			}
		}
	}
}
