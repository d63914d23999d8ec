package train

import (
	"maps"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// tuneBudget bounds the time that a new run spends on choosing kernels.
const tuneBudget = 3 * time.Second

// Tune chooses the kernels for such a run, for Data.Kernels: a new run without them does it itself, which takes its time.
func Tune(dev *host.Device, m config.Model, c Config) map[string]string {
	kernels := map[string]string{}
	for name, choice := range shaders.Tune(dev, mainShapes(m, c.rows()*c.MaxSeqLen), tuneBudget) {
		kernels[name] = choice.String()
	}
	return kernels
}

// mainShapes are the matrix products that a step spends its time on.
func mainShapes(m config.Model, N int) []shaders.Shape {
	n, c, f, q := uint32(N), uint32(m.HiddenSize), uint32(m.FeedForwardWidth()), uint32(m.NumAttentionHeads*m.HeadDim)
	return []shaders.Shape{{N: n, I: c, O: f}, {N: n, I: f, O: c}, {N: n, I: c, O: q}}
}

// chooseKernels takes the choices of the run that goes on, or those that are given; else it tunes.
func (t *Trainer) chooseKernels(m config.Model) error {
	if t.state.Kernels == nil && t.data.Kernels != nil {
		t.state.Kernels = maps.Clone(t.data.Kernels)
	} else if t.state.Kernels == nil {
		t.state.Kernels = Tune(t.dev, m, t.config)
	}
	for name, text := range t.state.Kernels {
		choice, err := host.ParseChoice(text)
		if err != nil {
			return err
		}
		t.dev.Choose(name, choice)
	}
	return nil
}
