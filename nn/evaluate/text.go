// Package evaluate measures models: the loss on texts and conversations that were held out, on texts of different
// lengths, and multiple choice.
package evaluate

import (
	"context"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Text is how well a model predicts a text.
type Text struct {
	Loss        float64 `json:"loss"`          // mean -log p of a target token, in nats
	Perplexity  float64 `json:"perplexity"`    // e^loss: among so many equally likely tokens it chooses
	BitsPerByte float64 `json:"bits_per_byte"` // of the text, marks left out: for comparing vocabularies
	Tokens      int64   `json:"tokens"`        // targets that count
	Bytes       int64   `json:"bytes"`         // that these stand for
}

// Rows gives the rows to predict, in epochs: a data.Stream.
type Rows interface {
	Next(*data.Batch) error
	Cursor() data.Cursor
}

// batchTokens bounds a batch, and so its memory.
const batchTokens = 2048

// Loss predicts one epoch of rows of T tokens, or the first rows that have about the given number of tokens (0: all).
// progress, if not nil, is told the tokens that are done.
func Loss(ctx context.Context, m *nn.Model, tok *tokenizer.Tokenizer, rows Rows, T int, tokens int64, progress func(tokens int64)) (Text, error) {
	b := data.NewBatch(max(batchTokens/T, 1), T)
	e, err := nn.NewEvaluation(m, nn.CrossEntropy{}, b.B, T)
	if err != nil {
		return Text{}, err
	}
	defer e.Release()
	bytes := bytesOf(tok, m.Config.VocabSize)
	var t Text
	sum := 0.0
	for epoch := rows.Cursor().Epoch; rows.Cursor().Epoch == epoch && (tokens == 0 || t.Tokens < tokens); {
		if err := ctx.Err(); err != nil {
			return Text{}, err
		}
		if err := rows.Next(b); err != nil {
			return Text{}, err
		}
		count := 0
		for n, weight := range b.Mask {
			if weight != 0 {
				b.Mask[n] = 1 // every target counts alike
				count++
				t.Bytes += bytes[b.Targets[n]]
			}
		}
		if count == 0 {
			continue
		}
		state, err := e.Run(b, 1/float64(count))
		if err != nil {
			return Text{}, err
		}
		sum += state.Loss * float64(count)
		if t.Tokens += int64(count); progress != nil {
			progress(t.Tokens)
		}
	}
	if t.Tokens == 0 {
		return Text{}, fmt.Errorf("nothing in this data counts: there is nothing to predict")
	}
	t.Loss = sum / float64(t.Tokens)
	t.Perplexity = math.Exp(t.Loss)
	if t.Bytes > 0 {
		t.BitsPerByte = sum / math.Ln2 / float64(t.Bytes)
	}
	return t, nil
}

// bytesOf is how many bytes of text each token stands for; marks stand for none.
func bytesOf(tok *tokenizer.Tokenizer, vocabSize int) []int64 {
	bytes := make([]int64, max(vocabSize, tok.VocabSize()))
	for id := range tok.VocabSize() {
		d := tok.NewDecoder(true)
		if d.Next(id)+d.Flush() != "" {
			bytes[id] = int64(len(tok.Bytes(id)))
		}
	}
	return bytes
}

// Length is a model's loss on rows of a length, as it is and with its rotary embedding stretched.
type Length struct {
	Tokens int  `json:"length"` // of a row
	Plain  Text `json:"plain"`
	YaRN   Text `json:"yarn"`
}

// Lengths measures the model on a text as rows of each of the lengths, without stretching and with it. rows opens the
// text's rows of T tokens anew. All lengths see about as many tokens.
func Lengths(ctx context.Context, m *nn.Model, tok *tokenizer.Tokenizer, rows func(T int) (Rows, error), lengths []int, stretch *config.RopeScaling,
	tokens int64, progress func(done float64)) ([]Length, error) {
	var all []Length
	for i, T := range lengths {
		l := Length{Tokens: T}
		for k, scaling := range []*config.RopeScaling{nil, stretch} {
			r, err := rows(T)
			if err != nil {
				return nil, err
			}
			stretched := *m
			stretched.Config.RopeScaling = scaling
			into := []*Text{&l.Plain, &l.YaRN}[k]
			*into, err = Loss(ctx, &stretched, tok, OneText{r}, T, tokens, func(done int64) {
				progress((float64(2*i+k) + min(float64(done)/float64(tokens), 1)) / float64(2*len(lengths)))
			})
			if err != nil {
				return nil, fmt.Errorf("rows of %d tokens: %w", T, err)
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// OneText makes one running text of each row's documents: they see one another, and positions go on.
type OneText struct{ Rows }

// Next fills b with the next rows.
func (o OneText) Next(b *data.Batch) error {
	err := o.Rows.Next(b)
	for n := range b.Start {
		if b.Mask[n] != 0 {
			b.Start[n] = uint32(n / b.T * b.T)
		}
	}
	return err
}
