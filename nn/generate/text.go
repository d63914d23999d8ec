package generate

import (
	"context"
	"iter"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Begin is what a text with this prompt begins with. A pretrained model's prompt stands at the beginning of a document,
// so the beginning mark comes first.
func Begin(tok *tokenizer.Tokenizer, prompt string) []int {
	var ids []int
	if bos := tok.BOS(); bos >= 0 {
		ids = append(ids, bos)
	}
	return append(ids, tok.Encode(prompt)...)
}

// Text goes on from the prompt to the end of the text, piece by piece; a piece is whole characters, and may be empty.
// The tokenizer says which token ends a text, whatever o.Stop is.
func (g *Generator) Text(ctx context.Context, tok *tokenizer.Tokenizer, prompt string, o Options) iter.Seq2[string, error] {
	return g.TextFrom(ctx, tok, Begin(tok, prompt), o)
}

// TextFrom is Text for a prompt in tokens, such as a chat's.
func (g *Generator) TextFrom(ctx context.Context, tok *tokenizer.Tokenizer, prompt []int, o Options) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		o.Stop = tok.EOS()
		d := tok.NewDecoder(true)
		for id, err := range g.Tokens(ctx, prompt, o) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(d.Next(id), nil) {
				return
			}
		}
		yield(d.Flush(), nil)
	}
}
