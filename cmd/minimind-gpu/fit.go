//go:build !js

package main

import (
	"cmp"
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

// load is what decides how much of an adapter's memory a run takes.
type load struct {
	adapter host.Info
	model   config.Model
	teacher *config.Model // nil: none
	config  train.Config
}

// footprint is what a run takes of an adapter's memory.
type footprint struct {
	purposes []host.Entry
	peak     int64
}

// rehearse makes the run's buffers, and those of its samples, on a planner of the adapter.
func (l load) rehearse() (footprint, error) {
	validationRows := int64(0)
	if l.config.ValidationShare > 0 {
		validationRows = int64(l.config.BatchSize) // the most that can be needed
	}
	planner := host.Planner(l.adapter)
	t, err := train.Rehearse(planner, l.model, l.teacher, l.config, validationRows)
	if err != nil {
		return footprint{}, err
	}
	if _, err := generate.New(t.Model(), min(2*sampleOptions.MaxNewTokens, l.model.MaxPositionEmbeddings)); err != nil {
		return footprint{}, err
	}
	var f footprint
	f.purposes, _, f.peak = planner.Ledger()
	return f, planner.Err()
}

// fit is the advice for a memory and an effective batch.
func (l load) fit(memory int64, effective int) (plan.Batch, error) {
	return plan.Fit(memory, effective, func(rows int) (int64, error) {
		l.config.BatchSize = rows
		f, err := l.rehearse()
		return f.peak, err
	})
}

// mostOfMemory is the part of the memory above which a run is refused: drivers and screens need the rest.
const mostOfMemory = 0.95

// fit decides what --batch-size auto left open, and refuses a run that the adapter's memory cannot hold, as far as that
// is known, with what would fit. In a sweep it waits until there is room beside the other runs.
func (r *training) fit() (err error) {
	f := &r.flags.Training
	if (f.EffectiveBatch > 0 || f.BatchSize == autoBatch) && f.AccumulationSteps != 1 {
		return fmt.Errorf("accumulation_steps is %d: --batch-size auto and --effective-batch decide it themselves, leave it out", f.AccumulationSteps)
	}
	if f.BatchSize == autoBatch {
		if err := r.seat.reserve(everything, 0); err != nil {
			return err
		}
	}
	if r.memory, err = r.memoryOf(r.device.Info, f.Memory); err != nil {
		return err
	}
	l := load{r.device.Info, r.model, r.teacherModel(), r.config()}
	switch {
	case f.BatchSize == autoBatch:
		return r.fitAuto(l)
	case f.EffectiveBatch > 0 && f.BatchSize > 0:
		if f.EffectiveBatch%f.BatchSize != 0 {
			return fmt.Errorf("effective_batch is %d and batch_size is %d: the first must be a multiple of the second", f.EffectiveBatch, f.BatchSize)
		}
		f.AccumulationSteps, f.EffectiveBatch = f.EffectiveBatch/f.BatchSize, 0
		l.config.AccumulationSteps = f.AccumulationSteps
	}
	if l.config.Validate() != nil {
		return nil // said where it is looked for
	}
	need, err := l.rehearse()
	if err != nil {
		return err
	}
	if r.memory.bytes == 0 {
		r.say("memory     how much this adapter has is not known, so nothing holds the run's %s against it; --memory 12GB would say it", host.Bytes(need.peak))
	}
	if r.memory.bytes == 0 || float64(need.peak) <= mostOfMemory*float64(r.memory.bytes) {
		return r.seat.reserve(need.peak, r.memory.bytes)
	}
	refusal := fmt.Sprintf("this run needs %s and the adapter has %s", host.Bytes(need.peak), r.memory)
	advice, err := l.fit(r.memory.bytes, l.config.BatchSize*l.config.AccumulationSteps)
	if err != nil {
		return fmt.Errorf("%s: %w; take a smaller model or shorter rows (--max-seq-len)", refusal, err)
	}
	return fmt.Errorf("%s; --batch-size %d --accumulation-steps %d would fit with %s, or let --batch-size auto choose",
		refusal, advice.Rows, advice.Accumulation, host.Bytes(advice.Bytes))
}

// fitAuto decides --batch-size auto.
func (r *training) fitAuto(l load) error {
	if r.memory.bytes == 0 {
		return errors.New("--batch-size auto: the memory of this adapter is not known (WebGPU does not tell it); say it by --memory, as in --memory 12GB")
	}
	f := &r.flags.Training
	advice, err := l.fit(r.memory.bytes, cmp.Or(f.EffectiveBatch, autoEffectiveBatch))
	if err != nil {
		return fmt.Errorf("--batch-size auto: %w; take a smaller model or shorter rows (--max-seq-len)", err)
	}
	f.BatchSize, f.AccumulationSteps, f.EffectiveBatch = advice.Rows, advice.Accumulation, 0
	r.say("batch      %d rows x %d: %s of %s", advice.Rows, advice.Accumulation, host.Bytes(advice.Bytes), r.memory)
	return nil
}
