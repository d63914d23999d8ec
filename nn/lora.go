package nn

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Adapters are LoRA's low-rank matrices beside a model's frozen weights. While a model has adapters, every graph that is
// recorded applies them, and training changes nothing else.
type Adapters struct {
	LoRA config.LoRA

	model *Model
	set   *parameters
}

// NewAdapters gives the model adapters that change nothing yet: A is drawn from the seed, normal with standard deviation
// 0.02, and B is zero, as MiniMind begins them.
func NewAdapters(m *Model, l config.LoRA, seed uint64) (*Adapters, error) {
	a, err := attach(m, l)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(a.set.tensors); i += 2 { // A, B, A, B, ...
		t, random := a.set.tensors[i], rand.New(rand.NewPCG(seed, uint64(i)))
		v := make([]float32, t.Elements())
		for j := range v {
			v[j] = float32(0.02 * random.NormFloat64())
		}
		m.Device.Write(t.Data, 0, host.AsBytes(v))
	}
	if err := m.Device.Err(); err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

// LoadAdapters gives the model the adapters of a checkpoint, if they were trained on its weights.
func LoadAdapters(m *Model, r *checkpoint.Reader) (*Adapters, error) {
	if err := m.CheckBase(r.Header); err != nil {
		return nil, err
	}
	a, err := attach(m, r.Header.Adapter.LoRA)
	if err != nil {
		return nil, err
	}
	if err := loadTensors(m.Device, r, map[string]*arenas{checkpoint.GroupAdapter: a.set.values}, nil); err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

// CheckBase says why a checkpoint does not hold adapters for the model as it is.
func (m *Model) CheckBase(h *checkpoint.Header) error {
	if h.Adapter == nil {
		return errors.New("this checkpoint holds no adapters but a whole model: it needs no base")
	}
	if !reflect.DeepEqual(h.Model, m.Config) {
		return fmt.Errorf("these adapters are for another model, of %d layers of width %d and %d tokens, and this one has %d layers of width %d and %d tokens: give the checkpoint that they were trained on",
			h.Model.NumHiddenLayers, h.Model.HiddenSize, h.Model.VocabSize, m.Config.NumHiddenLayers, m.Config.HiddenSize, m.Config.VocabSize)
	}
	hash, err := m.Hash()
	if err == nil && hash != h.Adapter.Base {
		err = fmt.Errorf("these adapters were trained on other weights (%.12s) than this model's (%.12s): give the checkpoint that they were trained on", h.Adapter.Base, hash)
	}
	return err
}

// attach gives the model adapters, all zero.
func attach(m *Model, l config.LoRA) (*Adapters, error) {
	if m.adapters != nil {
		return nil, errors.New("the model has adapters already: merge them first")
	}
	if err := l.Validate(m.Config); err != nil {
		return nil, err
	}
	a := &Adapters{LoRA: l, model: m}
	a.set = newParameters(m.Device, checkpoint.GroupAdapter, "adapters", m.Config.AdapterParameters(l))
	for _, t := range a.set.tensors {
		m.byName[t.Name] = t
	}
	m.adapters = a
	if err := m.Device.Err(); err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

// Release takes the adapters from the model. Graphs that were recorded with them must not be replayed.
func (a *Adapters) Release() {
	for _, t := range a.set.tensors {
		delete(a.model.byName, t.Name)
	}
	a.model.adapters = nil
	a.set.release()
}

// Header is what a checkpoint of the adapters says of them.
func (a *Adapters) Header() (*checkpoint.Adapter, error) {
	base, err := a.model.Hash()
	return &checkpoint.Adapter{LoRA: a.LoRA, Base: base}, err
}

// Merge adds each adapter's product to its layer's weight and takes the adapters from the model: what is recorded from now
// on gives the logits that adapters beside the weights gave, to the rounding of float32.
func (a *Adapters) Merge() error {
	m := a.model
	for i := 0; i < len(a.set.list); i += 2 { // A, B, A, B, ...
		name := strings.TrimSuffix(a.set.list[i].Name, config.AdapterA("")) + ".weight"
		w, err := m.merged(name)
		if err != nil {
			return err
		}
		if err := m.SetParameter(name, w); err != nil {
			return err
		}
	}
	a.Release()
	return m.Device.Err()
}

// merged reads a parameter with what its adapter adds, if it has one: W + Alpha/Rank * B A, computed in float64 and rounded
// once.
func (m *Model) merged(name string) ([]float32, error) {
	w, err := m.Parameter(name)
	module := strings.TrimSuffix(name, ".weight")
	if err != nil || m.byName[config.AdapterA(module)] == nil {
		return w, err
	}
	low, err := m.Parameter(config.AdapterA(module))
	if err != nil {
		return nil, err
	}
	high, err := m.Parameter(config.AdapterB(module))
	if err != nil {
		return nil, err
	}
	l := m.adapters.LoRA
	addProduct(w, high, low, l.Rank, l.Factor())
	return w, nil
}

// SaveMerged writes a checkpoint of the whole model, its adapters merged, if it has some: weights alone, to speak with and
// to begin with. The model stays as it is. The tokenizer is the text of its tokenizer.json, under its hash.
func (m *Model) SaveMerged(w io.Writer, tokenizerHash string, tokenizer []byte) error {
	h := checkpoint.ModelHeader(m.Config, tokenizerHash, tokenizer)
	out, err := checkpoint.NewWriter(w, h)
	if err != nil {
		return err
	}
	for _, t := range h.Tensors {
		values, err := m.merged(t.Name)
		if err != nil {
			return err
		}
		if err := out.Tensor(host.AsBytes(values)); err != nil {
			return err
		}
	}
	return out.Close()
}

// addProduct adds factor * B A to w (O, I), with B (O, rank) and A (rank, I).
func addProduct(w, b, a []float32, rank int, factor float64) {
	I := len(a) / rank
	row := make([]float64, I)
	for o := range len(w) / I {
		clear(row)
		for r := range rank {
			x := factor * float64(b[o*rank+r])
			for i, y := range a[r*I : (r+1)*I] {
				row[i] += x * float64(y)
			}
		}
		for i, x := range row {
			w[o*I+i] = float32(float64(w[o*I+i]) + x)
		}
	}
}

// Hash is the SHA-256 of the model's parameters, adapters left out: adapters name their base by it.
func (m *Model) Hash() (string, error) {
	sum := sha256.New()
	for _, t := range m.base.tensors {
		bytes := make([]byte, t.Data.Size)
		if err := m.Device.Read(t.Data, 0, bytes); err != nil {
			return "", err
		}
		sum.Write(bytes)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// linear records a linear layer of the model, with its adapter if it has one: x W^T + Alpha/Rank * (x A^T) B^T.
func (m *Model) linear(g *Graph, x *Tensor, module string, layer int) *Tensor {
	weight := m.weight(module, layer)
	y := g.Linear(x, weight)
	name := strings.TrimSuffix(weight.Name, ".weight")
	a, b := m.byName[config.AdapterA(name)], m.byName[config.AdapterB(name)]
	if a == nil {
		return y
	}
	return g.Residual(y, g.Linear(g.Scale(g.Linear(x, a), m.adapters.LoRA.Factor()), b))
}

// Scale returns factor * x.
func (g *Graph) Scale(x *Tensor, factor float64) *Tensor {
	if factor == 1 {
		return x
	}
	n := uint32(x.Elements())
	out := g.tensor(x.Name+" scaled", x.Shape, x)
	g.emit(shaders.Scale{Count: n, Factor: float32(factor), X: x.Data, Out: out.Data}.Call())
	g.onBackward(out, func() {
		dx, add := g.gradient(x)
		g.emit(shaders.Scale{Count: n, Factor: float32(factor), Accumulate: add, X: g.dout(out), Out: dx}.Call())
	})
	return out
}
