package nn

import (
	"fmt"
	"io"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// parameters are tensors that train, or stay as they are, together: a model's, or its adapters'.
type parameters struct {
	group   string // of tensors in a checkpoint
	list    []config.Parameter
	tensors []*Tensor
	values  *arenas
}

// newParameters makes room for them; all are zero.
func newParameters(dev *host.Device, group, purpose string, list []config.Parameter) *parameters {
	p := &parameters{group: group, list: list, values: newArenas(dev, purpose, list)}
	for i, e := range list {
		p.tensors = append(p.tensors, &Tensor{Name: e.Name, Shape: e.Shape, Data: p.values.tensors[i]})
	}
	return p
}

// bytes is the size of one value for each element.
func (p *parameters) bytes() int64 {
	total := int64(0)
	for _, e := range p.list {
		total += 4 * e.Elements()
	}
	return total
}

func (p *parameters) release() { p.values.release() }

// arenas are a few large buffers that hold one tensor for each parameter, in order, none larger than a binding may be:
// what treats all parameters alike (AdamW, the norm) is then a handful of dispatches.
type arenas struct {
	buffers []*host.Buffer
	tensors []*host.Buffer // a slice of a buffer for each parameter
}

// newArenas lays out one tensor for each parameter; tensors begin at multiples of host.Alignment, with zeros between. The
// experts of a layer stay together: a kernel sees them all at once.
func newArenas(dev *host.Device, purpose string, parameters []config.Parameter) *arenas {
	limit := min(dev.Info.Limits.StorageBinding, dev.Info.Limits.Buffer) / host.Alignment * host.Alignment
	type place struct {
		arena  int
		offset int64
	}
	var places []place
	var sizes []int64
	for i, p := range parameters {
		size := host.Align(4 * p.Elements())
		if n := len(sizes); n == 0 || sizes[n-1]+together(parameters[i:]) > limit {
			sizes = append(sizes, 0)
		}
		last := len(sizes) - 1
		places = append(places, place{last, sizes[last]})
		sizes[last] += size
	}
	a := &arenas{}
	for i, size := range sizes {
		a.buffers = append(a.buffers, dev.Allocate(purpose, fmt.Sprintf("%s %d", purpose, i), size))
	}
	for i, p := range parameters {
		a.tensors = append(a.tensors, a.buffers[places[i].arena].Slice(p.Name, places[i].offset, 4*p.Elements()))
	}
	return a
}

// together is the size of the first parameter, and of those that follow it if they are of the same layer's experts.
func together(parameters []config.Parameter) int64 {
	experts := func(p config.Parameter) string {
		layer, _, of := strings.Cut(p.Name, ".mlp.experts.")
		if !of {
			return ""
		}
		return layer
	}
	size := host.Align(4 * parameters[0].Elements())
	for _, p := range parameters[1:] {
		if layer := experts(p); layer == "" || layer != experts(parameters[0]) {
			break
		}
		size += host.Align(4 * p.Elements())
	}
	return size
}

func (a *arenas) release() {
	for _, b := range a.buffers {
		b.Release()
	}
}

// loadTensors reads a checkpoint's tensors to the end, those of the given groups into their arenas; others, if it is not
// nil, is shown the rest.
func loadTensors(dev *host.Device, r *checkpoint.Reader, groups map[string]*arenas, others func(checkpoint.TensorInfo, []byte)) error {
	var bytes []byte
	next := map[string]int{}
	for i := range r.Header.Tensors {
		want := r.Header.Tensors[i]
		if int64(cap(bytes)) < want.Bytes {
			bytes = make([]byte, want.Bytes)
		}
		bytes = bytes[:want.Bytes]
		info, err := r.Next(bytes)
		if err != nil {
			return err
		}
		if err := checkpoint.CheckFinite(info, bytes); err != nil {
			return err
		}
		if a := groups[info.Group]; a != nil {
			at := next[info.Group]
			if at >= len(a.tensors) || a.tensors[at].Name != info.Name || a.tensors[at].Size != info.Bytes {
				return fmt.Errorf("the checkpoint's %s of %s does not belong to this model", info.Group, info.Name)
			}
			dev.Write(a.tensors[at], 0, bytes)
			next[info.Group]++
		} else if others != nil {
			others(info, bytes)
		}
	}
	for group, a := range groups {
		if next[group] != len(a.tensors) {
			return fmt.Errorf("the checkpoint holds %d of %d tensors of group %q: it can be talked to, but not trained on", next[group], len(a.tensors), group)
		}
	}
	if _, err := r.Next(nil); err != io.EOF {
		return fmt.Errorf("after the checkpoint's last tensor: %w", err)
	}
	return dev.Err()
}

// saveTensors writes every tensor of the arenas.
func saveTensors(dev *host.Device, w *checkpoint.Writer, groups ...*arenas) error {
	for _, a := range groups {
		for _, t := range a.tensors {
			bytes := make([]byte, t.Size)
			if err := dev.Read(t, 0, bytes); err != nil {
				return err
			}
			if err := w.Tensor(bytes); err != nil {
				return err
			}
		}
	}
	return nil
}
