package nn

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Inputs are what a graph reads anew each time: tokens, where they are, what they see and what they count. They lie in
// one buffer, which is written once a micro-batch.
type Inputs struct {
	N int

	Token    *host.Buffer // (N) u32
	Position *host.Buffer // (N) u32: place in its document, for RoPE
	Keys     *host.Buffer // (N) vec2u: first and last key that the token sees
	Row      *host.Buffer // (N) u32: row of the cache for its key and value; of use with a Cache only
	Target   *host.Buffer // (N) u32
	Weight   *host.Buffer // (N) f32: -d loss / d log_prob
	Share    *host.Buffer // (1) f32: the micro-batch's share of the step, in training
	Queries  *host.Buffer // (N) vec2u: first and last token that sees this one
	Order    *host.Buffer // (N) u32: the tokens' places, sorted by token
	Segment  *host.Buffer // (segments) vec4u: token, from, to in Order, 0

	// Of pairs of rows, after needPairs; a token's Weight is then its mask.
	Reference  *host.Buffer // (B) f32: the row's log-probability under the reference model
	PairWeight *host.Buffer // (B/2) f32

	pairs  *host.Buffer // holds both, nil without
	vocab  int
	all    *host.Buffer
	words  []uint32 // what will be written to all
	offset map[*host.Buffer]int
	counts []uint32 // (V+1) scratch of the sort by token

	pairWeight []float32 // what will be written to PairWeight
}

// NewInputs makes room for N tokens of a vocabulary of V.
func NewInputs(dev *host.Device, N, V int) *Inputs {
	in := &Inputs{N: N, vocab: V, offset: map[*host.Buffer]int{}, counts: make([]uint32, V+1)}
	fields := []struct {
		to    **host.Buffer
		name  string
		words int
	}{{&in.Token, "tokens", N}, {&in.Position, "positions", N}, {&in.Keys, "keys", 2 * N}, {&in.Row, "cache rows", N},
		{&in.Target, "targets", N}, {&in.Weight, "loss weights", N}, {&in.Share, "share of the step", 1}, {&in.Queries, "queries", 2 * N},
		{&in.Order, "order by token", N}, {&in.Segment, "segments", 4 * in.segments()}}
	total := int64(0)
	for _, f := range fields {
		total += host.Align(int64(4 * f.words))
	}
	in.all = dev.Allocate("inputs", "inputs", total)
	in.words = make([]uint32, total/4)
	at := int64(0)
	for _, f := range fields {
		*f.to = in.all.Slice(f.name, at, int64(4*f.words))
		in.offset[*f.to] = int(at / 4)
		at += host.Align(int64(4 * f.words))
	}
	return in
}

// needPairs makes room for what compares the rows of a batch of B.
func (in *Inputs) needPairs(dev *host.Device, B int) {
	rows := host.Align(int64(4 * B))
	in.pairs = dev.Allocate("inputs", "pairs", 2*rows)
	in.Reference, in.PairWeight = in.pairs.Slice("reference", 0, int64(4*B)), in.pairs.Slice("pair weights", rows, int64(2*B))
	in.pairWeight = make([]float32, B/2)
}

// setPairs writes the rows' references, and scale for each pair of which both rows count.
func (in *Inputs) setPairs(dev *host.Device, b *data.Batch, scale float64) {
	for i := range in.pairWeight {
		in.pairWeight[i] = 0
		if b.Counts(i) && b.Counts(b.B/2+i) {
			in.pairWeight[i] = float32(scale)
		}
	}
	dev.Write(in.Reference, 0, host.AsBytes(b.Reference))
	dev.Write(in.PairWeight, 0, host.AsBytes(in.pairWeight))
}

// segments is the largest number of different tokens.
func (in *Inputs) segments() int { return min(in.N, in.vocab) }

// field is the host's copy of a buffer's words.
func (in *Inputs) field(b *host.Buffer) []uint32 {
	at := in.offset[b]
	return in.words[at : at+int(b.Size/4)]
}

// SetBatch writes a micro-batch. Its token n weighs mask[n] * scale in the loss, or, where rows are compared, a pair of
// them scale: one over Objective.Count makes the mean of the micro-batch.
func (in *Inputs) SetBatch(dev *host.Device, b *data.Batch, scale float64) {
	if b.B*b.T != in.N {
		panic(fmt.Sprintf("nn: a batch of %d x %d tokens for inputs of %d", b.B, b.T, in.N))
	}
	copy(in.field(in.Token), b.Inputs)
	copy(in.field(in.Target), b.Targets)
	position, keys, queries := in.field(in.Position), in.field(in.Keys), in.field(in.Queries)
	weight := in.field(in.Weight)
	if in.pairs != nil {
		in.setPairs(dev, b, scale)
		scale = 1
	}
	last := uint32(in.N - 1) // of the document that n is in
	for n := in.N - 1; n >= 0; n-- {
		start := b.Start[n]
		position[n] = uint32(n) - start
		keys[2*n], keys[2*n+1] = start, uint32(n)
		if n+1 < in.N && b.Start[n+1] == uint32(n+1) {
			last = uint32(n)
		}
		queries[2*n], queries[2*n+1] = uint32(n), last
		weight[n] = host.AsWord(float32(float64(b.Mask[n]) * scale))
	}
	in.sortByToken(b.Inputs)
	dev.Write(in.all, 0, host.AsBytes(in.words))
}

// sortByToken fills Order and Segment: a counting sort, stable, so that sums over a token's places have one order.
func (in *Inputs) sortByToken(tokens []uint32) {
	order, segment := in.field(in.Order), in.field(in.Segment)
	clear(in.counts)
	clear(segment)
	for _, t := range tokens {
		in.counts[t+1]++
	}
	used := 0
	for t := range in.vocab {
		n := in.counts[t+1]
		in.counts[t+1] += in.counts[t]
		if n > 0 {
			copy(segment[4*used:], []uint32{uint32(t), in.counts[t], in.counts[t+1], 0})
			used++
		}
	}
	for n, t := range tokens {
		order[in.counts[t]] = uint32(n)
		in.counts[t]++
	}
}

// Row is a token that goes on with a text in a cache.
type Row struct {
	Token    int
	Position int // in its text
	First    int // the cache's row of the text's first token; this one's is First+Position
}

// SetRows writes one token a row, each of which sees its text up to itself. Rows beyond those given see nothing, and what
// they are goes to the spare row of the cache, which nobody sees.
func (in *Inputs) SetRows(dev *host.Device, rows []Row, spare int) {
	token, position, keys, row := in.field(in.Token), in.field(in.Position), in.field(in.Keys), in.field(in.Row)
	for n := range in.N {
		if n < len(rows) {
			r := rows[n]
			token[n], position[n], row[n] = uint32(r.Token), uint32(r.Position), uint32(r.First+r.Position)
			keys[2*n], keys[2*n+1] = uint32(r.First), row[n]
		} else {
			token[n], position[n], row[n] = 0, 0, uint32(spare)
			keys[2*n], keys[2*n+1] = 1, 0
		}
	}
	dev.Write(in.all, 0, host.AsBytes(in.words))
}

// Release gives the memory back.
func (in *Inputs) Release() {
	in.all.Release()
	if in.pairs != nil {
		in.pairs.Release()
	}
}

// Rope holds the tables of the rotary embedding for positions 0 to T-1.
type Rope struct {
	T, D     int
	Cos, Sin *host.Buffer // (T, D/2)
}

// NewRope computes the tables, in float64, and uploads them.
func NewRope(dev *host.Device, c config.Model, T int) *Rope {
	cos, sin := c.RopeTables(T)
	upload := func(name string, v []float32) *host.Buffer {
		b := dev.Allocate("rotary tables", name, int64(4*len(v)))
		dev.Write(b, 0, host.AsBytes(v))
		return b
	}
	return &Rope{T: T, D: c.HeadDim, Cos: upload("cos", cos), Sin: upload("sin", sin)}
}

// Release gives the tables back.
func (r *Rope) Release() {
	r.Cos.Release()
	r.Sin.Release()
}

// Cache holds a layer's keys and values of the tokens so far.
type Cache struct {
	Keys, Values *host.Buffer // (S, K*D) each

	longest int  // most rows of one text
	half    bool // numbers are halves
}

// NewCaches makes a cache of S rows for each layer, for texts of at most longest rows. Numbers are float32, or halves.
func NewCaches(dev *host.Device, c config.Model, S, longest int, half bool) []*Cache {
	bytes := int64(S) * CacheBytes(c, half) / int64(2*c.NumHiddenLayers)
	caches := make([]*Cache, c.NumHiddenLayers)
	for l := range caches {
		caches[l] = &Cache{Keys: dev.Allocate("key/value cache", fmt.Sprintf("keys of layer %d", l), bytes),
			Values: dev.Allocate("key/value cache", fmt.Sprintf("values of layer %d", l), bytes), longest: longest, half: half}
	}
	return caches
}

// CacheBytes is what a token takes in the caches of all layers: a key and a value of K*D numbers in each.
func CacheBytes(c config.Model, half bool) int64 {
	bytes := 4
	if half {
		bytes = 2
	}
	return int64(2 * c.NumHiddenLayers * c.NumKeyValueHeads * c.HeadDim * bytes)
}

// CacheReach is the most tokens that each of so many texts can have in a cache, if rows of them are computed at a time: no
// buffer may be larger than the adapter shows to a kernel.
func (m *Model) CacheReach(texts, rows int, half bool) int {
	c, limit := m.Config, min(m.Device.Info.Limits.StorageBinding, m.Device.Info.Limits.Buffer)
	row := CacheBytes(c, half) / int64(2*c.NumHiddenLayers)
	part := int64(4 * rows * c.NumAttentionHeads * c.HeadDim) // of the sums that attention makes over each part of the keys
	return int(min((limit/row-1)/int64(texts), limit/part*attentionPart))
}

// ReleaseCaches gives them back.
func ReleaseCaches(caches []*Cache) {
	for _, c := range caches {
		c.Keys.Release()
		c.Values.Release()
	}
}
