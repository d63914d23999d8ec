package tokenizer_test

import (
	"bytes"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

func load(t testing.TB, data []byte) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Load(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
