// Package generate lets a model write: graphs with a cache of keys and values that several texts share, each with rows of
// its own, and the choice of each text's next token from its logits.
package generate

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
)

// Batch says how much a generator holds.
type Batch struct {
	Context   int  // most tokens of a text, its prompt included
	Texts     int  // most texts at a time
	HalfCache bool // keep keys and values as halves: half the memory, and logits some 1e-3 off
	// KeepPrompts remembers what was read of prompts whose texts have left, so that the next turn of a conversation need
	// not be read from its beginning. It is for a model whose parameters do not change.
	KeepPrompts bool
}

// promptRows is how many tokens of a prompt go through the model at once.
const promptRows = 32

// Generator decodes up to Batch.Texts texts together, which join and leave as they like. What a text becomes depends on
// its prompt and options alone, to the bit, not on which others there are. A generator belongs to its device's goroutine.
type Generator struct {
	batch  Batch
	model  *nn.Model
	rope   *nn.Rope
	caches []*nn.Cache
	prompt pass
	next   []pass // for 1, 2, 4, ... texts
	slots  []slot
	leaves int         // how many texts have left
	queue  []*Sequence // those whose prompts are not yet read, first come, first read
	rows   []nn.Row
	logits []float32
}

// slot is room for a text: slot s has Context rows of the caches from s*Context on.
type slot struct {
	text *Sequence // nil: free
	kept []int     // the prompt that a free slot still holds
	left int       // which leave made it free
}

// pass is a recorded graph for some tokens.
type pass struct {
	inputs *nn.Inputs
	graph  *nn.Graph
	record *host.Recording
	logits *nn.Tensor
}

// New makes a generator for one text at a time, of at most context tokens.
func New(m *nn.Model, context int) (*Generator, error) {
	return NewBatch(m, Batch{Context: context, Texts: 1})
}

// NewBatch makes a generator for several texts. The error says what does not fit the device.
func NewBatch(m *nn.Model, b Batch) (*Generator, error) {
	dev, V := m.Device, m.Config.VocabSize
	if most := m.CacheReach(b.Texts, max(promptRows, 2*b.Texts), b.HalfCache); b.Context > most {
		return nil, fmt.Errorf("%d texts of %d tokens are too many for this adapter (%s), which shows a kernel at most %s of a buffer: a context of %d would fit",
			b.Texts, b.Context, dev.Info.Name, host.Bytes(dev.Info.Limits.StorageBinding), most)
	}
	g := &Generator{batch: b, model: m, rope: nn.NewRope(dev, m.Config, b.Context), slots: make([]slot, b.Texts)}
	g.caches = nn.NewCaches(dev, m.Config, b.Texts*b.Context+1, b.Context, b.HalfCache) // and a spare row; see SetRows
	g.prompt = pass{inputs: nn.NewInputs(dev, promptRows, V), graph: nn.NewGraph(dev, false)}
	m.Hidden(g.prompt.graph, g.prompt.inputs, g.rope, g.caches)
	g.prompt.record = g.prompt.graph.Compile("generation")
	for n := 1; ; n *= 2 {
		p := pass{inputs: nn.NewInputs(dev, n, V), graph: nn.NewDecodingGraph(dev)}
		p.logits = p.graph.Logits(m.Hidden(p.graph, p.inputs, g.rope, g.caches), m.Head())
		p.record = p.graph.Compile("generation")
		g.next = append(g.next, p)
		if n >= b.Texts {
			g.logits = make([]float32, n*V)
			break
		}
	}
	if err := dev.Err(); err != nil {
		g.Release()
		return nil, fmt.Errorf("%w; %d texts of %d tokens need %s of keys and values: try a shorter context or fewer texts",
			err, b.Texts, b.Context, host.Bytes(int64(b.Texts*b.Context)*nn.CacheBytes(m.Config, b.HalfCache)))
	}
	return g, nil
}

// Release gives everything but the model back.
func (g *Generator) Release() {
	for _, p := range append(g.next, g.prompt) {
		p.graph.Release()
		p.inputs.Release()
	}
	nn.ReleaseCaches(g.caches)
	g.rope.Release()
}

// Warm runs every graph without a text, so that the first text does not wait for the driver to compile kernels.
func (g *Generator) Warm() error {
	for _, p := range append(g.next, g.prompt) {
		for range 2 { // see host's pacing
			p.inputs.SetRows(g.model.Device, nil, g.spare())
			g.model.Device.Replay(nil, p.record)
		}
	}
	return g.model.Device.Wait()
}

// spare is the caches' last row, which belongs to no text.
func (g *Generator) spare() int { return g.batch.Texts * g.batch.Context }

// Context is the most tokens of a text.
func (g *Generator) Context() int { return g.batch.Context }

// Running is how many texts have joined and not left.
func (g *Generator) Running() int {
	n := 0
	for _, s := range g.slots {
		if s.text != nil {
			n++
		}
	}
	return n
}

// Free is how many more texts can join.
func (g *Generator) Free() int { return g.batch.Texts - g.Running() }

// Join adds a text that goes on from the prompt, which must not be changed later. There must be room for it.
func (g *Generator) Join(prompt []int, o Options) (*Sequence, error) {
	if err := g.check(prompt); err != nil {
		return nil, err
	}
	at, read := g.freeSlot(prompt)
	t := &Sequence{slot: at, prompt: prompt, read: read, options: o, sampler: newSampler(o, prompt, g.model.Config.VocabSize)}
	g.slots[at] = slot{text: t}
	g.queue = append(g.queue, t)
	return t, nil
}

// freeSlot is the free slot that holds most of a prompt's beginning, of equals the one that was left first, and how much
// of it. What a prompt's token left in the caches depends, to the bit, on the tokens before it alone; the last is left for
// decode, which tells what follows.
func (g *Generator) freeSlot(prompt []int) (at, read int) {
	at = -1
	for i, s := range g.slots {
		if s.text != nil {
			continue
		}
		same := 0
		for same < min(len(s.kept), len(prompt)-1) && s.kept[same] == prompt[same] {
			same++
		}
		if at < 0 || same > read || same == read && s.left < g.slots[at].left {
			at, read = i, same
		}
	}
	if at < 0 {
		panic(fmt.Sprintf("generate: Join with no room: %d texts are running", g.batch.Texts))
	}
	return at, read
}

func (g *Generator) check(prompt []int) error {
	if len(prompt) == 0 {
		return fmt.Errorf("an empty prompt: at least the token that begins a text is needed")
	}
	if len(prompt) > g.batch.Context {
		return fmt.Errorf("the prompt has %d tokens and the context %d: shorten it", len(prompt), g.batch.Context)
	}
	for _, id := range prompt {
		if id < 0 || id >= g.model.Config.VocabSize {
			return fmt.Errorf("the prompt's token %d is not in the model's vocabulary of %d: is this its tokenizer?", id, g.model.Config.VocabSize)
		}
	}
	return nil
}

// Leave takes a text out before its end. One that has ended has left.
func (g *Generator) Leave(t *Sequence) {
	if g.slots[t.slot].text != t {
		return
	}
	g.leaves++
	free := slot{left: g.leaves}
	if g.batch.KeepPrompts {
		free.kept = t.prompt[:min(t.read, len(t.prompt)-1)] // not the answer: decode rounds otherwise
	}
	g.slots[t.slot] = free
}

// Step reads a part of a prompt, if one waits, and lets every text whose prompt has been read go on by one token. It
// returns those, in no order that matters.
func (g *Generator) Step() ([]*Sequence, error) {
	g.readPrompt()
	var ready []*Sequence
	g.rows = g.rows[:0]
	for _, s := range g.slots {
		if t := s.text; t != nil && t.read >= len(t.prompt)-1 {
			ready = append(ready, t)
			g.rows = append(g.rows, nn.Row{Token: t.last(), Position: t.read, First: t.slot * g.batch.Context})
		}
	}
	if len(ready) == 0 {
		return nil, g.model.Device.Err()
	}
	logits, err := g.decode()
	if err != nil {
		return nil, err
	}
	var choices sync.WaitGroup
	for i, t := range ready {
		choices.Go(func() { t.advance(logits[i], g.batch.Context) })
	}
	choices.Wait()
	for _, t := range ready {
		if t.End != "" {
			g.Leave(t)
		}
	}
	return ready, nil
}

// readPrompt puts the next tokens of the first waiting prompt into the caches; its last token is left for decode.
func (g *Generator) readPrompt() {
	for len(g.queue) > 0 {
		t := g.queue[0]
		if g.slots[t.slot].text != t || t.read >= len(t.prompt)-1 { // it left, or has been read
			g.queue = g.queue[1:]
			continue
		}
		part := t.prompt[t.read : len(t.prompt)-1]
		part = part[:min(len(part), promptRows)]
		g.rows = g.rows[:0]
		for i, token := range part {
			g.rows = append(g.rows, nn.Row{Token: token, Position: t.read + i, First: t.slot * g.batch.Context})
		}
		g.prompt.inputs.SetRows(g.model.Device, g.rows, g.spare())
		g.model.Device.Replay(nil, g.prompt.record)
		t.read += len(part)
		return
	}
}

// decode puts a token of each text into the caches and returns the logits (V) of what follows each; the next decode
// overwrites them.
func (g *Generator) decode() ([][]float32, error) {
	dev, V := g.model.Device, g.model.Config.VocabSize
	size := 0
	for 1<<size < len(g.rows) {
		size++
	}
	p := g.next[size]
	p.inputs.SetRows(dev, g.rows, g.spare())
	dev.Replay(nil, p.record)
	if err := dev.Read(p.logits.Data, 0, host.AsBytes(g.logits[:len(g.rows)*V])); err != nil {
		return nil, err
	}
	var logits [][]float32
	for i := range g.rows {
		logits = append(logits, g.logits[i*V:(i+1)*V])
	}
	return logits, nil
}

// Tokens goes on from the prompt, alone, until Stop, MaxNewTokens or a full context. The iterator's error is the
// device's, the prompt's, or that of ctx.
func (g *Generator) Tokens(ctx context.Context, prompt []int, o Options) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		if o.MaxNewTokens == 0 {
			return
		}
		t, err := g.Join(prompt, o)
		if err != nil {
			yield(0, err)
			return
		}
		defer g.Leave(t)
		for t.End == "" {
			err := ctx.Err()
			var advanced []*Sequence
			if err == nil {
				advanced, err = g.Step()
			}
			if err != nil {
				yield(0, err)
				return
			}
			if len(advanced) > 0 && t.End != EndStop && !yield(t.Token.ID, nil) {
				return
			}
		}
	}
}

// Greedy returns n tokens that go on from the prompt, each the likeliest, and the logits (n, V) that chose them.
func (g *Generator) Greedy(prompt []int, n int) (ids []int, logits []float32, err error) {
	for id, err := range g.Tokens(context.Background(), prompt, Options{MaxNewTokens: n, Greedy: true, Stop: -1}) {
		if err != nil {
			return nil, nil, err
		}
		ids, logits = append(ids, id), append(logits, g.logits[:g.model.Config.VocabSize]...)
	}
	return ids, logits, nil
}
