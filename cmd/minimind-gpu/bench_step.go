//go:build !js

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// benchStep trains the preset on the embedded corpus for a while, and prints the speed, the memory and what each kernel
// takes.
func (c *benchCommand) benchStep(p *program, d *host.Device, peak float64) error {
	model, err := config.Preset(c.Preset)
	if err != nil {
		return err
	}
	rows := c.BatchSize
	if rows == 0 && d.Info.CPU {
		rows = 2
	} else if rows == 0 {
		rows = 32
	}
	shard, err := p.prepare(corpusSource(), corpus.Tokenizer(), nil)
	if err != nil {
		return err
	}
	defer shard.close()
	documents, _ := data.Split(shard.Shard, 0, 0)
	stream, err := documents.Stream(data.Layout{T: c.MaxSeqLen, Shuffle: true}, data.Cursor{})
	if err != nil {
		return err
	}
	settings := train.Config{LearningRate: 1e-4, MinLRRatio: 0.1, Epochs: 1, MaxSteps: 1 << 20, BatchSize: rows, AccumulationSteps: 1, MaxSeqLen: c.MaxSeqLen,
		GradClip: 1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, SaveInterval: 1 << 20, SampleInterval: 1 << 20, ValidationInterval: 1 << 20, Probe: c.Probe}
	trainer, err := p.newTrainer(d, model, settings, train.Data{Train: stream, Tokenizer: corpus.Tokenizer()})
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	const warmup = 4 // steps that compile, are paced and fill the queue
	var first, last train.Step
	var deadline time.Time
	for s, err := range trainer.Run(ctx) {
		if err != nil {
			return err
		}
		last = s
		if s.Step <= warmup {
			first, deadline = s, time.Now().Add(time.Duration(c.Seconds)*time.Second)
		} else if time.Now().After(deadline) {
			cancel()
		}
	}
	if last.Step <= warmup {
		return nil // interrupted
	}
	elapsed := last.Seconds - first.Seconds
	speed := float64(last.Tokens-first.Tokens) / elapsed
	flops := speed * model.FlopsPerToken(c.MaxSeqLen)
	fmt.Fprintf(p.stdout, "\ntraining step of %s, %d parameters, B %d, T %d: %.3f s, %s tokens/s, %.1f GFLOP/s", c.Preset, model.NumParameters(),
		rows, c.MaxSeqLen, elapsed/float64(last.Step-first.Step), thousands(speed), flops/1e9)
	if peak > 0 {
		fmt.Fprintf(p.stdout, ", MFU %.1f%%", 100*flops/peak)
	}
	fmt.Fprintln(p.stdout)
	entries, total, most := d.Ledger()
	fmt.Fprintf(p.stdout, "memory  %s, at most %s\n", host.Bytes(total), host.Bytes(most))
	for _, e := range entries {
		fmt.Fprintf(p.stdout, "  %-20s %s\n", e.Purpose, host.Bytes(e.Bytes))
	}
	if err := p.kernelShares(d, trainer.Training().Recordings()); err != nil {
		return err
	}
	return p.measuringCost(d, trainer.Training())
}

// measuringCost prints what the measurements that every run makes cost of a step of two micro-batches, the fewest that show
// noise; those of the update are made at every tenth step.
func (p *program) measuringCost(d *host.Device, t *nn.Training) error {
	seconds := func(recordings ...*host.Recording) (sum float64) {
		for _, r := range recordings {
			for _, timing := range d.Profile(r, 3) {
				sum += timing.Seconds
			}
		}
		return sum
	}
	step, measurements := t.Recordings(), t.Measurements()
	whole := seconds(step...) + seconds(step[1])
	noise, update := seconds(measurements[0]), seconds(measurements[1])/10
	if err := d.Err(); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nmeasuring the gradient's noise %.2f ms, %.2f%% of a step; the update's size %.2f ms, %.2f%%\n", 1e3*noise, 100*noise/whole, 1e3*update, 100*update/whole)
	return nil
}

// kernelShares prints what each kernel takes of a step's dispatches, timed one by one.
func (p *program) kernelShares(d *host.Device, step []*host.Recording) error {
	type share struct {
		kernel     string
		dispatches int
		seconds    float64
	}
	byKernel := map[string]*share{}
	total := share{kernel: "all"}
	for _, r := range step {
		for _, timing := range d.Profile(r, 3) {
			s := byKernel[timing.Kernel]
			if s == nil {
				s = &share{kernel: timing.Kernel}
				byKernel[timing.Kernel] = s
			}
			for _, s := range []*share{s, &total} {
				s.dispatches++
				s.seconds += timing.Seconds
			}
		}
	}
	if err := d.Err(); err != nil {
		return err
	}
	shares := slices.SortedFunc(maps.Values(byKernel), func(a, b *share) int { return cmp.Compare(b.seconds, a.seconds) })
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\nkernel, timed alone\tdispatches\tms\tshare\t\n")
	for _, s := range append(shares, &total) {
		fmt.Fprintf(table, "%s\t%d\t%.2f\t%.1f%%\t\n", s.kernel, s.dispatches, 1e3*s.seconds, 100*s.seconds/total.seconds)
	}
	return table.Flush()
}
