//go:build !js

package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/plan"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// autoBatch is the batch size that is still to be found: --batch-size auto.
const autoBatch = -1

// autoEffectiveBatch are the rows of a step with --batch-size auto: MiniMind's 32 x 8.
const autoEffectiveBatch = 256

// batchSizeMapper reads --batch-size: a number or auto.
var batchSizeMapper = kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("rows", &text); err != nil {
		return err
	}
	if text == "auto" {
		target.SetInt(autoBatch)
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is neither a number of rows nor auto", text)
	}
	target.SetInt(n)
	return nil
})

// footprint is what a run takes of an adapter's memory.
type footprint struct {
	purposes []host.Entry
	peak     int64
}

// rehearse makes a run's buffers, and those of its samples, on a planner of the adapter. teacher is nil without one.
func rehearse(adapter host.Info, m config.Model, teacher *config.Model, c train.Config) (footprint, error) {
	validationRows := int64(0)
	if c.ValidationShare > 0 {
		validationRows = int64(c.BatchSize) // the most that can be needed
	}
	planner := host.Planner(adapter)
	model, err := train.Rehearse(planner, m, teacher, c, validationRows)
	if err != nil {
		return footprint{}, err
	}
	if _, err := generate.New(model, min(2*sampleOptions.MaxNewTokens, m.MaxPositionEmbeddings)); err != nil {
		return footprint{}, err
	}
	var f footprint
	f.purposes, _, f.peak = planner.Ledger()
	return f, planner.Err()
}

// fitRows is the advice for a memory.
func fitRows(adapter host.Info, m config.Model, teacher *config.Model, c train.Config, memory int64, effective int) (plan.Batch, error) {
	return plan.Fit(memory, effective, func(rows int) (int64, error) {
		c.BatchSize = rows
		f, err := rehearse(adapter, m, teacher, c)
		return f.peak, err
	})
}

// mostOfMemory is the part of the memory above which a run is refused: drivers and screens need the rest.
const mostOfMemory = 0.95

// fit decides what --batch-size auto left open, and refuses a run that the adapter's memory cannot hold, as far as that
// is known, with what would fit.
func (p *program) fit(adapter host.Info, m config.Model, teacher *config.Model, c train.Config, f *trainFlags) error {
	memory, from, err := adapterMemory(f.Memory, adapter)
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	if (f.EffectiveBatch > 0 || f.BatchSize == autoBatch) && f.AccumulationSteps != 1 {
		return fmt.Errorf("accumulation_steps is %d: --batch-size auto and --effective-batch decide it themselves, leave it out", f.AccumulationSteps)
	}
	switch {
	case f.BatchSize == autoBatch:
		if memory == 0 {
			return errors.New("--batch-size auto: the memory of this adapter is not known (WebGPU does not tell it); say it by --memory, as in --memory 12GB")
		}
		effective := f.EffectiveBatch
		if effective == 0 {
			effective = autoEffectiveBatch
		}
		advice, err := fitRows(adapter, m, teacher, c, memory, effective)
		if err != nil {
			return fmt.Errorf("--batch-size auto: %w; take a smaller model or shorter rows (--max-seq-len)", err)
		}
		f.BatchSize, f.AccumulationSteps, f.EffectiveBatch = advice.Rows, advice.Accumulation, 0
		p.say("batch      %d rows x %d: %s of %s (%s)", advice.Rows, advice.Accumulation, host.Bytes(advice.Bytes), host.Bytes(memory), from)
		return nil
	case f.EffectiveBatch > 0 && f.BatchSize > 0:
		if f.EffectiveBatch%f.BatchSize != 0 {
			return fmt.Errorf("effective_batch is %d and batch_size is %d: the first must be a multiple of the second", f.EffectiveBatch, f.BatchSize)
		}
		f.AccumulationSteps, f.EffectiveBatch = f.EffectiveBatch/f.BatchSize, 0
		c.AccumulationSteps = f.AccumulationSteps
	}
	if memory == 0 || c.Validate() != nil {
		return nil // the second is said where it is looked for
	}
	need, err := rehearse(adapter, m, teacher, c)
	if err != nil || float64(need.peak) <= mostOfMemory*float64(memory) {
		return err
	}
	advice, err := fitRows(adapter, m, teacher, c, memory, c.BatchSize*c.AccumulationSteps)
	if err != nil {
		return fmt.Errorf("this run needs %s and the adapter has %s (%s): %w; take a smaller model or shorter rows (--max-seq-len)", host.Bytes(need.peak), host.Bytes(memory), from, err)
	}
	return fmt.Errorf("this run needs %s and the adapter has %s (%s); --batch-size %d --accumulation-steps %d would fit with %s, or let --batch-size auto choose",
		host.Bytes(need.peak), host.Bytes(memory), from, advice.Rows, advice.Accumulation, host.Bytes(advice.Bytes))
}
