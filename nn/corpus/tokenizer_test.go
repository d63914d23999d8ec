package corpus

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

var update = flag.Bool("update", false, "write tokenizer.json anew")

const (
	vocabSize         = 512
	trainingDocuments = 4000
)

// nonASCII returns the corpus's Chinese characters and punctuation, sorted.
func nonASCII() []string {
	characters := map[string]bool{}
	for document := range Documents(1, trainingDocuments) {
		for _, r := range document {
			if r >= utf8.RuneSelf {
				characters[string(r)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(characters))
}

// trainingText yields the documents, and each Chinese character so often that
// its bytes are merged before anything else is: left to their frequency, half of
// the characters would stay in pieces, and pieces would merge across characters.
func trainingText(yield func(string) bool) {
	for document := range Documents(1, trainingDocuments) {
		if !yield(document) {
			return
		}
	}
	for _, character := range nonASCII() {
		if !yield(strings.Repeat(character+"\n", 10*trainingDocuments)) {
			return
		}
	}
}

func TestTokenizerIsTrainedOnTheCorpus(t *testing.T) {
	trained, err := tokenizer.Train(trainingText, vocabSize, []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := trained.WriteJSON(&file); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("tokenizer.json", file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if trained.Hash() != Tokenizer().Hash() {
		t.Fatal("tokenizer.json is not what training on the corpus gives; run go generate ./nn/corpus")
	}
}

func TestTokenizerFitsTheCorpus(t *testing.T) {
	tok := Tokenizer()
	if tok.VocabSize() != vocabSize || tok.Pad() != 0 || tok.BOS() != 1 || tok.EOS() != 2 {
		t.Errorf("vocabulary %d, pad %d, BOS %d, EOS %d; want 512, 0, 1, 2", tok.VocabSize(), tok.Pad(), tok.BOS(), tok.EOS())
	}
	for _, character := range nonASCII() {
		if ids := tok.Encode(character); len(ids) != 1 {
			t.Errorf("%s is %d tokens", character, len(ids))
		}
	}
	tokens, longest := 0, 0
	const documents = 2000
	for document := range Documents(2, documents) {
		ids := tok.Encode(document)
		if got := tok.Decode(ids, false); got != document {
			t.Fatalf("%q decodes to %q", document, got)
		}
		for _, id := range ids {
			if piece := tok.Decode([]int{id}, false); !utf8.ValidString(piece) {
				t.Fatalf("token %d of %q is part of a character", id, document)
			}
		}
		tokens, longest = tokens+len(ids), max(longest, len(ids))
	}
	if mean := tokens / documents; mean < 25 || mean > 45 || longest > 90 {
		t.Errorf("documents of %d tokens on average, at most %d; want 25 to 45, at most 90", mean, longest)
	}
	t.Logf("%d tokens in %d documents, at most %d", tokens, documents, longest)
}
