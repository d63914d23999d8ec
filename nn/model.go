package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Model is a MiniMind-family model's parameters on a device.
type Model struct {
	Config config.Model
	Device *host.Device
	Probe  bool // its training measures each layer's largest activation

	base     *parameters // in state-dict order
	adapters *Adapters   // nil: none
	byName   map[string]*Tensor
}

// NewModel makes a model whose parameters are zero. The error says when it cannot run on the device.
func NewModel(dev *host.Device, c config.Model) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := checkExperts(c, dev.Info.Limits, dev.Info.Name); err != nil {
		return nil, err
	}
	m := &Model{Config: c, Device: dev, byName: map[string]*Tensor{}}
	list := c.Parameters()
	for _, p := range list {
		if bytes := 4 * p.Elements(); bytes > dev.Info.Limits.StorageBinding {
			return nil, fmt.Errorf("%s is %s and this adapter (%s) shows a kernel at most %s: a vocabulary of at most %d tokens would fit",
				p.Name, host.Bytes(bytes), dev.Info.Name, host.Bytes(dev.Info.Limits.StorageBinding), dev.Info.Limits.StorageBinding/int64(4*c.HiddenSize))
		}
	}
	m.base = newParameters(dev, checkpoint.GroupParameter, "parameters", list)
	for _, t := range m.base.tensors {
		m.byName[t.Name] = t
	}
	if err := dev.Err(); err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

// Release gives the parameters back, those of adapters too.
func (m *Model) Release() {
	if m.adapters != nil {
		m.adapters.Release()
	}
	m.base.release()
}

// Adapters are those of the model, nil if it has none.
func (m *Model) Adapters() *Adapters { return m.adapters }

// trained are the parameters that training changes.
func (m *Model) trained() *parameters {
	if m.adapters != nil {
		return m.adapters.set
	}
	return m.base
}

// Init draws fresh parameters from the seed, as the published models were: PyTorch's default for linear layers and
// the embedding that is tied to one, uniform in +-1/sqrt(fan_in), and ones for norms. The first loss is then near
// ln V + 1/6.
func (m *Model) Init(seed uint64) {
	for i, t := range m.base.tensors {
		v := make([]float32, t.Elements())
		if len(t.Shape) == 1 {
			for j := range v {
				v[j] = 1
			}
		} else {
			draw, bound := rand.NewPCG(seed, uint64(i)), 1/math.Sqrt(float64(t.Shape[1]))
			for j := range v {
				v[j] = float32((float64(draw.Uint64()>>11)/(1<<52) - 1) * bound)
			}
		}
		m.Device.Write(t.Data, 0, host.AsBytes(v))
	}
}

// SetParameter uploads the values of one parameter.
func (m *Model) SetParameter(name string, v []float32) error {
	t := m.byName[name]
	if t == nil || len(v) != t.Elements() {
		return fmt.Errorf("%s with %d elements is no parameter of this model", name, len(v))
	}
	m.Device.Write(t.Data, 0, host.AsBytes(v))
	return m.Device.Err()
}

// Parameter reads the values of one parameter.
func (m *Model) Parameter(name string) ([]float32, error) {
	t := m.byName[name]
	if t == nil {
		return nil, fmt.Errorf("%s is no parameter of this model", name)
	}
	v := make([]float32, t.Elements())
	return v, m.Device.Read(t.Data, 0, host.AsBytes(v))
}

// LoadModel makes the model of a checkpoint with its parameters; what else it holds is read and checked, not kept.
func LoadModel(dev *host.Device, r *checkpoint.Reader) (*Model, error) {
	if r.Header.Adapter != nil {
		return nil, fmt.Errorf("this checkpoint holds adapters only (of rank %d, for the model whose weights are %.12s): give the checkpoint that they were trained on, and these beside it",
			r.Header.Adapter.LoRA.Rank, r.Header.Adapter.Base)
	}
	m, err := NewModel(dev, r.Header.Model)
	if err != nil {
		return nil, err
	}
	if err := loadTensors(dev, r, map[string]*arenas{checkpoint.GroupParameter: m.base.values}, nil); err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

// weight is a parameter of the model.
func (m *Model) weight(format string, layer int) *Tensor {
	name := format
	if layer >= 0 {
		name = fmt.Sprintf("model.layers.%d.%s", layer, format)
	}
	t := m.byName[name+".weight"]
	if t == nil {
		panic("nn: no parameter " + name + ".weight")
	}
	return t
}

// Hidden records the model up to its last norm: (N, C). With caches, one for each layer, the inputs continue what these
// hold.
func (m *Model) Hidden(g *Graph, in *Inputs, rope *Rope, caches []*Cache) *Tensor {
	c := m.Config
	x := g.Embedding(in, m.weight("model.embed_tokens", -1))
	for l := range c.NumHiddenLayers {
		var cache *Cache
		if caches != nil {
			cache = caches[l]
		}
		x = g.Residual(x, m.attention(g, l, g.RMSNorm(x, m.weight("input_layernorm", l), c.RMSNormEps), in, rope, cache))
		x = g.Residual(x, m.feedForward(g, l, g.RMSNorm(x, m.weight("post_attention_layernorm", l), c.RMSNormEps)))
		if m.Probe {
			g.watch(x)
		}
	}
	if m.Probe {
		g.endProbe()
	}
	return g.RMSNorm(x, m.weight("model.norm", -1), c.RMSNormEps)
}

func (m *Model) attention(g *Graph, l int, x *Tensor, in *Inputs, rope *Rope, cache *Cache) *Tensor {
	D := m.Config.HeadDim
	q := m.linear(g, x, "self_attn.q_proj", l)
	k := m.linear(g, x, "self_attn.k_proj", l)
	v := m.linear(g, x, "self_attn.v_proj", l)
	if m.Config.QKNorm {
		q = m.headNorm(g, q, m.weight("self_attn.q_norm", l))
		k = m.headNorm(g, k, m.weight("self_attn.k_norm", l))
	}
	q, k = g.RoPE(q, in, rope), g.RoPE(k, in, rope)
	var y *Tensor
	if cache != nil {
		y = g.CachedAttention(q, k, v, in, D, cache)
	} else {
		y = g.Attention(q, k, v, in, D)
	}
	return m.linear(g, y, "self_attn.o_proj", l)
}

// headNorm is the norm over each head of x (N, heads*D).
func (m *Model) headNorm(g *Graph, x, weight *Tensor) *Tensor {
	D := m.Config.HeadDim
	return g.Reshape(g.RMSNorm(g.Reshape(x, x.Elements()/D, D), weight, m.Config.RMSNormEps), x.Shape...)
}

func (m *Model) feedForward(g *Graph, l int, x *Tensor) *Tensor {
	if m.Config.MoE != nil {
		return m.mixture(g, l, x)
	}
	return m.swiglu(g, "mlp", l, x)
}

// swiglu is down(silu(gate(x)) * up(x)) with a layer's projections of that name.
func (m *Model) swiglu(g *Graph, name string, l int, x *Tensor) *Tensor {
	gate := m.linear(g, x, name+".gate_proj", l)
	up := m.linear(g, x, name+".up_proj", l)
	return m.linear(g, g.SwiGLU(gate, up), name+".down_proj", l)
}

// Head is the output head's weight (V, C): the embedding, when they are tied.
func (m *Model) Head() *Tensor {
	if m.Config.TieWordEmbeddings {
		return m.weight("model.embed_tokens", -1)
	}
	return m.weight("lm_head", -1)
}

// CheckReach refuses rows of T tokens that the adapter's attention kernels cannot span; training needs the backward
// pass too. Software adapters end long loops silently, so this is no matter of taste.
func (m *Model) CheckReach(T int, training bool) error {
	group := 1
	if training {
		group = m.Config.NumAttentionHeads / m.Config.NumKeyValueHeads
	}
	reach := int(shaders.AttentionReach(uint32(m.Config.HeadDim), uint32(group)))
	if m.Device.Info.CPU && T > reach {
		return fmt.Errorf("rows of %d tokens are too long for %s with heads of %d: at most %d", T, m.Device.Info.Name, m.Config.HeadDim, reach)
	}
	return nil
}
