package golden

import (
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// weights returns the case's starting parameters in the order of Config.Parameters: from its file, or recomputed.
func (c *testCase) weights() [][]float32 {
	if c.HashedWeightsScale == 0 {
		return c.values("weights", c.Config.Parameters())
	}
	var all [][]float32
	for i, p := range c.Config.Parameters() {
		all = append(all, hashedParameter(i, p, c.HashedWeightsScale))
	}
	return all
}

// values returns those of parameters in a file.
func (c *testCase) values(file string, parameters []config.Parameter) [][]float32 {
	var all [][]float32
	for _, p := range parameters {
		all = append(all, c.tensor(file, p.Name, p.Shape...).float32s())
	}
	return all
}

// lora is what a lora case trains: the layers that MiniMind adapts, a factor of 1.
func (c *testCase) lora() config.LoRA {
	l := c.Config.DefaultLoRA()
	l.Rank = c.LoRARank
	return l
}

// adapters returns a lora case's starting adapters in the order of Config.AdapterParameters, nil of other cases.
func (c *testCase) adapters() [][]float32 {
	if c.Kind != "lora" {
		return nil
	}
	if err := c.lora().Validate(c.Config); err != nil {
		c.fail(fmt.Errorf("case.json: lora_rank: %w", err))
		return nil
	}
	return c.values("adapters", c.Config.AdapterParameters(c.lora()))
}

// hashedParameter makes weights that any language can recompute, so that a full-size case ships none: element i of the
// k-th parameter is a hash of both, spread evenly over [-scale, scale), and 1 more for a norm's weight.
func hashedParameter(k int, p config.Parameter, scale float64) []float32 {
	values := make([]float32, p.Elements())
	base := float32(0)
	if strings.Contains(p.Name, "norm") {
		base = 1
	}
	for i := range values {
		x := uint32(i)*2654435761 + uint32(k+1)*40503*65537
		x ^= x >> 15
		x *= 2246822519
		x ^= x >> 13
		values[i] = base + float32((float64(x)/(1<<32)-0.5)*2*scale)
	}
	return values
}
