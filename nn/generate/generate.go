// Package generate lets a model write: a graph of one token with a cache of keys and values, and the choice of the
// next token from its logits.
package generate

import (
	"context"
	"fmt"
	"iter"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
)

// Options shape the choice of tokens.
type Options struct {
	MaxNewTokens      int
	Temperature       float64 // 1 leaves the model's probabilities; below is bolder; 0 is greedy
	TopK              int     // only the k likeliest; 0: all
	TopP              float64 // only the likeliest that make up this probability; 0 or 1: all
	RepetitionPenalty float64 // divides the logits of tokens seen before, if positive, else multiplies; 0 or 1: none
	Seed              uint64
	Greedy            bool // always the likeliest
	Stop              int  // the token that ends a text and is not returned; negative: none
}

// prefillRows is how many tokens of a prompt go through the model at once.
const prefillRows = 32

// Generator holds what a model needs to write: two graphs, for a prompt's tokens and for one token, and the cache.
type Generator struct {
	model   *nn.Model
	context int // most tokens of a sequence
	rope    *nn.Rope
	caches  []*nn.Cache
	prompt  pass
	next    pass
	out     *nn.Tensor
	logits  []float32
}

// pass is a recorded graph for some tokens.
type pass struct {
	inputs *nn.Inputs
	graph  *nn.Graph
	record *host.Recording
}

// New makes a generator for sequences of at most context tokens.
func New(m *nn.Model, context int) (*Generator, error) {
	if err := m.CheckReach(context, false); err != nil {
		return nil, err
	}
	dev := m.Device
	g := &Generator{model: m, context: context, rope: nn.NewRope(dev, m.Config, context), logits: make([]float32, m.Config.VocabSize)}
	g.caches = nn.NewCaches(dev, m.Config, context+1) // a spare row takes what fills the prompt's last rows
	begin := func(n int) (pass, *nn.Tensor) {
		p := pass{inputs: nn.NewInputs(dev, n, m.Config.VocabSize), graph: nn.NewGraph(dev, false)}
		return p, m.Hidden(p.graph, p.inputs, g.rope, g.caches)
	}
	g.prompt, _ = begin(prefillRows)
	g.prompt.record = g.prompt.graph.Compile("generation")
	var hidden *nn.Tensor
	g.next, hidden = begin(1)
	g.out = g.next.graph.Logits(hidden, m.Head())
	g.next.record = g.next.graph.Compile("generation")
	return g, dev.Err()
}

// Release gives everything but the model back.
func (g *Generator) Release() {
	for _, p := range []pass{g.prompt, g.next} {
		p.graph.Release()
		p.inputs.Release()
	}
	nn.ReleaseCaches(g.caches)
	g.rope.Release()
}

// Tokens goes on from the prompt, until Stop, MaxNewTokens or a full context. The iterator's error is the device's, the
// prompt's, or that of ctx.
func (g *Generator) Tokens(ctx context.Context, prompt []int, o Options) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		if err := g.check(prompt); err != nil {
			yield(0, err)
			return
		}
		sampler := newSampler(o, prompt)
		g.read(prompt[:len(prompt)-1])
		token := prompt[len(prompt)-1]
		for i := 0; i < o.MaxNewTokens && len(prompt)-1+i < g.context; i++ {
			if err := ctx.Err(); err != nil {
				yield(0, err)
				return
			}
			logits, err := g.step(token, len(prompt)-1+i)
			if err != nil {
				yield(0, err)
				return
			}
			token = sampler.choose(logits)
			if token == o.Stop || !yield(token, nil) {
				return
			}
		}
	}
}

func (g *Generator) check(prompt []int) error {
	if len(prompt) == 0 {
		return fmt.Errorf("an empty prompt: at least the token that begins a text is needed")
	}
	if len(prompt) > g.context {
		return fmt.Errorf("the prompt has %d tokens and the context %d: shorten it", len(prompt), g.context)
	}
	for _, id := range prompt {
		if id < 0 || id >= g.model.Config.VocabSize {
			return fmt.Errorf("the prompt's token %d is not in the model's vocabulary of %d: is this its tokenizer?", id, g.model.Config.VocabSize)
		}
	}
	return nil
}

// read puts a prompt's tokens into the cache.
func (g *Generator) read(tokens []int) {
	for past := 0; past < len(tokens); past += prefillRows {
		part := tokens[past:min(past+prefillRows, len(tokens))]
		g.prompt.inputs.SetTokens(g.model.Device, part, past, g.context)
		g.model.Device.Replay(nil, g.prompt.record)
	}
}

// step puts one token into the cache, after `past` others, and returns the logits (V) of what follows; they are
// overwritten by the next step.
func (g *Generator) step(token, past int) ([]float32, error) {
	dev := g.model.Device
	g.next.inputs.SetTokens(dev, []int{token}, past, g.context)
	dev.Replay(nil, g.next.record)
	err := dev.Read(g.out.Data, 0, host.AsBytes(g.logits))
	return g.logits, err
}

// Greedy returns n tokens that go on from the prompt, each the likeliest, and the logits (n, V) that chose them.
func (g *Generator) Greedy(prompt []int, n int) (ids []int, logits []float32, err error) {
	if err := g.check(prompt); err != nil {
		return nil, nil, err
	}
	g.read(prompt[:len(prompt)-1])
	token := prompt[len(prompt)-1]
	for i := range n {
		step, err := g.step(token, len(prompt)-1+i)
		if err != nil {
			return nil, nil, err
		}
		token = likeliest(step)
		ids, logits = append(ids, token), append(logits, step...)
	}
	return ids, logits, nil
}
