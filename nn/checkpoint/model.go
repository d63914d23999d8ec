package checkpoint

import (
	"io"
	"math"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// ModelHeader is the header of a model's weights alone: to speak with and to begin with, without what training needs. The
// tokenizer is the text of its tokenizer.json.
func ModelHeader(m config.Model, tokenizerHash string, tokenizer []byte) *Header {
	return &Header{Model: m, TokenizerHash: tokenizerHash, Tokenizer: tokenizer, State: State{BestValidationLoss: math.Inf(1)}, Tensors: Tensors(m, GroupParameter)}
}

// CopyModel writes the model of a checkpoint that was begun to be read as a checkpoint of its weights alone.
func CopyModel(w io.Writer, r *Reader) error {
	out, err := NewWriter(w, ModelHeader(r.Header.Model, r.Header.TokenizerHash, r.Header.Tokenizer))
	if err != nil {
		return err
	}
	var values []byte
	for _, t := range r.Header.Tensors { // to the last, with which the end is checked
		values = slices.Grow(values[:0], int(t.Bytes))[:t.Bytes]
		if _, err := r.Next(values); err != nil {
			return err
		}
		if t.Group != GroupParameter {
			continue
		}
		if err := out.Tensor(values); err != nil {
			return err
		}
	}
	return out.Close()
}
