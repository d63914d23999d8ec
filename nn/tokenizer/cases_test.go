package tokenizer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// MiniMind's tokenizers: the vocabulary of 2025 and the one retrained in 2026.
const (
	minimind2 = "tokenizer-minimind2"
	minimind3 = "tokenizer-minimind3"
)

// readShared reads a file of the data folder beside the checkout.
func readShared(t testing.TB, path ...string) []byte {
	t.Helper()
	root := os.Getenv("MINIMIND_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	data, err := os.ReadFile(filepath.Join(append([]string{root, "data"}, path...)...))
	if err != nil {
		t.Fatalf("%v\nThe tests need the shared folder beside the checkout, or MINIMIND_SHARED naming it.", err)
	}
	return data
}

func loadShared(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	return load(t, readShared(t, name, "tokenizer.json"))
}

// The ids that Hugging Face gives.
func TestCases(t *testing.T) {
	for _, name := range []string{minimind2, minimind3} {
		tok := loadShared(t, name)
		var cases []struct {
			Text string
			IDs  []int
		}
		if err := json.Unmarshal(readShared(t, name, "cases.json"), &cases); err != nil {
			t.Fatal(err)
		}
		if len(cases) < 20 {
			t.Fatalf("%s: only %d cases", name, len(cases))
		}
		for _, c := range cases {
			checkEncode(t, tok, name, c.Text, c.IDs)
		}
	}
}

// Ids published or computed elsewhere.
func TestPublishedIDs(t *testing.T) {
	vectors := map[string]map[string][]int{
		minimind2: {
			"assistant":               {1078, 538, 501},
			"user":                    {320, 275},
			"system":                  {85, 736},
			"<|im_start|>assistant\n": {1, 1078, 538, 501, 201},
			"<|im_end|>\n":            {2, 201},
			"hello":                   {5125, 338},
			"白日依山尽":                   {1976, 1395, 3897, 2442, 2150},
			"这是一个测试，看看分词器是否能正确处理中文。": {434, 1589, 3560, 270, 1380, 1380, 554, 1582, 1179, 2010, 424, 2826, 1958, 413, 677, 286},
			"The sun sets in the west": {1148, 4289, 271, 1943, 295, 276, 288, 533},
			"<think>":                  {30, 450, 1573, 32},
			"</think>":                 {5540, 450, 1573, 32},
		},
		minimind3: {
			"assistant":                {1388, 570, 811},
			"user":                     {832, 311},
			"system":                   {118, 4849},
			"<|im_start|>assistant\n":  {1, 1388, 570, 811, 234},
			"<|im_end|>\n":             {2, 234},
			"hello":                    {6170},
			"白日依山尽":                    {2178, 1053, 2472, 2302, 1932},
			"The sun sets in the west": {750, 3150, 2139, 118, 353, 309, 339, 611},
			"<tool_call></tool_call>":  {21, 22},
		},
	}
	for name, texts := range vectors {
		tok := loadShared(t, name)
		for text, ids := range texts {
			checkEncode(t, tok, name, text, ids)
		}
	}
}

func checkEncode(t *testing.T, tok *tokenizer.Tokenizer, name, text string, want []int) {
	t.Helper()
	got := tok.Encode(text)
	if !slices.Equal(got, want) {
		t.Errorf("%s: Encode(%q) = %v, want %v", name, text, got, want)
	}
	if back := tok.Decode(got, false); back != text {
		t.Errorf("%s: Decode(Encode(%q)) = %q", name, text, back)
	}
}

func TestRoles(t *testing.T) {
	for _, name := range []string{minimind2, minimind3} {
		tok := loadShared(t, name)
		if tok.VocabSize() != 6400 || tok.BOS() != 1 || tok.EOS() != 2 || tok.Pad() != 0 {
			t.Errorf("%s: size %d, BOS %d, EOS %d, Pad %d; want 6400, 1, 2, 0",
				name, tok.VocabSize(), tok.BOS(), tok.EOS(), tok.Pad())
		}
	}
	if id, ok := loadShared(t, minimind2).TokenID("Ċ"); !ok || id != 201 {
		t.Errorf("TokenID of the newline = %d, %t; want 201", id, ok)
	}
}
