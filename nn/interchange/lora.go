package interchange

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// Adapters are LoRA's matrices as MiniMind saves them, without their model, its product B A counting once.
type Adapters struct {
	header  *checkpoint.Header
	tensors []*Tensor // one for each of the model's AdapterParameters
}

// AreAdapters reports whether tensors are adapters and nothing else.
func AreAdapters(tensors []*Tensor) bool {
	return len(tensors) > 0 && !slices.ContainsFunc(tensors, func(t *Tensor) bool { return !strings.Contains(t.Name, ".lora.") })
}

// NewAdapters checks that the tensors are adapters for the model of a checkpoint, whose weights it reads: adapters say
// which these were.
func NewAdapters(tensors []*Tensor, base *checkpoint.Reader) (*Adapters, error) {
	model := base.Header.Model
	byName, err := named(tensors)
	if err != nil {
		return nil, err
	}
	l, err := loraOf(model, byName)
	if err != nil {
		return nil, err
	}
	a := &Adapters{}
	for _, p := range model.AdapterParameters(l) {
		switch t := byName[p.Name]; {
		case t == nil:
			return nil, fmt.Errorf("%s, %v, is missing: these are no adapters of this model", p.Name, p.Shape)
		case !slices.Equal(t.Shape, p.Shape):
			return nil, fmt.Errorf("%s has the shape %v, and for this model it is %v", p.Name, t.Shape, p.Shape)
		default:
			a.tensors = append(a.tensors, t)
			delete(byName, p.Name)
		}
	}
	for name, t := range byName {
		return nil, fmt.Errorf("%s, %v, belongs to no layer of this model that can be adapted: it would be lost", name, t.Shape)
	}
	sum := sha256.New() // as nn.Model.Hash
	err = EachParameter(base, func(_ config.Parameter, values []byte) error {
		sum.Write(values)
		return nil
	})
	a.header = &checkpoint.Header{Model: model, TokenizerHash: base.Header.TokenizerHash, Tokenizer: base.Header.Tokenizer,
		State:   checkpoint.State{BestValidationLoss: math.Inf(1)},
		Adapter: &checkpoint.Adapter{LoRA: l, Base: hex.EncodeToString(sum.Sum(nil))},
		Tensors: checkpoint.TensorsOf(model.AdapterParameters(l), checkpoint.GroupAdapter)}
	return a, err
}

// loraOf tells rank and layers from names and shapes.
func loraOf(model config.Model, byName map[string]*Tensor) (l config.LoRA, err error) {
	var targets []string
	for name, t := range byName {
		module, isA := strings.CutSuffix(name, config.AdapterA(""))
		if !isA {
			continue
		}
		if len(t.Shape) != 2 {
			return l, fmt.Errorf("%s has the shape %v: no adapter's", name, t.Shape)
		}
		l.Rank = t.Shape[0]
		if target := module[strings.LastIndex(module, ".")+1:]; !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	if len(targets) == 0 {
		return l, errors.New("there is no A of an adapter among its tensors")
	}
	slices.Sort(targets)
	l.Targets = strings.Join(targets, ",")
	return l, l.Validate(model)
}

// LoRA is their rank and which layers they adapt.
func (a *Adapters) LoRA() config.LoRA { return a.header.Adapter.LoRA }

// WriteCheckpoint writes a checkpoint of the adapters, as a training of adapters saves them.
func (a *Adapters) WriteCheckpoint(w io.Writer) error { return writeTensors(w, a.header, a.tensors) }
