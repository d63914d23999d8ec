//go:build !js

package main

import (
	"errors"
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
)

type benchCommand struct {
	Kernels   bool   `help:"Measure matrix multiplication on the shapes of the 26M model."`
	Step      bool   `help:"Measure whole training steps, and the share of each kernel."`
	Generate  bool   `help:"Measure generation: tokens a second of one text and of eight together, time to the first token, bytes of cache."`
	Preset    string `default:"minimind2-small" help:"The model of --step and --generate."`
	BatchSize int    `placeholder:"B" help:"Rows of --step's micro-batch. Default: 32, on a software adapter 2."`
	MaxSeqLen int    `default:"512" help:"Tokens of --step's rows."`
	Seconds   int    `default:"20" help:"How long --step measures."`
	Probe     bool   `help:"Let --step measure each layer's largest activation, too, as --probe of a training does."`
	Adapter   string `placeholder:"GPU" help:"${adapter_help}"`
}

// Validate is called on what the flags say.
func (c *benchCommand) Validate() error {
	switch {
	case c.Seconds < 1:
		return fmt.Errorf("--seconds is %d: must be at least 1", c.Seconds)
	case c.MaxSeqLen < 1:
		return fmt.Errorf("--max-seq-len is %d: must be at least 1", c.MaxSeqLen)
	case c.BatchSize < 0:
		return fmt.Errorf("--batch-size is %d: must be at least 1", c.BatchSize)
	}
	return nil
}

// Run measures what is asked for; without a flag, everything.
func (c *benchCommand) Run(p *program) error {
	device, err := host.Open(host.Options{Adapter: c.Adapter})
	if err != nil {
		return err
	}
	defer device.Close()
	fmt.Fprintf(p.stdout, "adapter  %s\n", device.Info)
	peak := peakFlops(device.Info)
	if peak > 0 {
		fmt.Fprintf(p.stdout, "peak     %.1f TFLOP/s in float32, as published\n", peak/1e12)
	}
	all := !c.Kernels && !c.Step && !c.Generate
	if c.Kernels || all {
		err = p.benchKernels(device, peak)
	}
	if c.Step || all {
		err = errors.Join(err, c.benchStep(p, device, peak))
	}
	if c.Generate || all {
		err = errors.Join(err, c.benchGenerate(p, device))
	}
	if p.ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
