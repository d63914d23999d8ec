// Package golden holds results against golden cases: folders with what goes into a computation and what must come out
// of it, made once in float64 by a reference implementation. The program's verify command and the tests share it.
//
// A case is a folder with case.json, which names its kind and settings, and tensors in safetensors files.
package golden

import (
	"fmt"
	"io/fs"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// The bounds on relative errors in float32. They leave room for a GPU's exp and order of sums, and for nothing else.
const (
	boundValue    = 1e-4 // logits, losses, log-probabilities, probabilities
	boundGradient = 1e-3
	boundUpdate   = 2e-2 // of parameters, by their change: AdamW magnifies the rounding of gradients near zero
	boundSchedule = 1e-6
)

// Check is one comparison of a case.
type Check struct {
	Name  string
	Error float64 // relative; the share of ids that differ, where ids must be equal
	Bound float64
}

// OK says that the error is within the bound. An error that is not a number is not.
func (c Check) OK() bool { return c.Error <= c.Bound }

// Verify computes the case in the folder and returns its comparisons. The error says why the case could not be read
// or computed.
func Verify(dev *host.Device, folder fs.FS) ([]Check, error) {
	c, err := read(folder)
	if err != nil {
		return nil, err
	}
	switch c.Kind {
	case "train", "lora":
		err = c.train(dev)
	case "forward":
		err = c.forward(dev)
	case "generate":
		err = c.generate(dev)
	case "schedule":
		err = c.schedule()
	case "sampling":
		err = c.sampling()
	case "dpo":
		err = c.dpo(dev)
	case "distill":
		err = c.distill(dev)
	default:
		return nil, fmt.Errorf("case.json: there is no kind %q", c.Kind)
	}
	if err == nil {
		err = c.err
	}
	if err == nil {
		err = c.unused()
	}
	return c.checks, err
}
