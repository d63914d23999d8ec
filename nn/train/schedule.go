package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Schedules are the names of the learning rate's courses, the default first. All begin with a linear warm-up.
//
//   - cosine: half a cosine from the largest rate down to the last, as MiniMind's;
//   - wsd: warm-up, stable, decay: the largest rate until the decay, which is linear and as long as Config.Decay says;
//   - linear: a line from the largest rate down to the last;
//   - constant: the largest rate to the end.
var Schedules = []string{"cosine", "wsd", "linear", "constant"}

// Schedule is a run's learning rate over its steps.
type Schedule struct {
	Kind     string  // of Schedules
	Base     float64 // the largest rate
	MinRatio float64 // the last rate, as a share of the largest
	Warmup   int64   // steps
	Decay    int64   // steps: wsd's
	Total    int64   // steps
}

// Rate is the learning rate of a step, counted from 0; after the last it stays. Warm-up from 0 would waste the first one:
// it counts from 1.
func (s Schedule) Rate(step int64) float64 {
	step = min(step, s.Total)
	if step < s.Warmup {
		return s.Base * float64(step+1) / float64(s.Warmup+1)
	}
	from := s.Warmup // where the way down begins
	if s.Kind == "wsd" {
		from = s.Total - s.Decay
	}
	progress := float64(max(step-from, 0)) / float64(max(s.Total-from, 1))
	switch s.Kind {
	case "constant":
		return s.Base
	case "wsd", "linear":
		return s.Base * (1 - (1-s.MinRatio)*progress)
	}
	return CosineRate(s.Base, step, s.Total, s.Warmup, s.MinRatio)
}

// CosineRate is the learning rate of a step, counted from 0: a linear warm-up from 0, then half a cosine from base down to
// base*minRatio at step total.
func CosineRate(base float64, step, total, warmup int64, minRatio float64) float64 {
	if step < warmup {
		return base * float64(step) / float64(warmup)
	}
	progress := float64(step-warmup) / float64(max(1, total-warmup))
	return base * (minRatio + (1-minRatio)/2*(1+math.Cos(math.Pi*progress)))
}

// Schedule is the config's over a run of total steps. The error says what does not fit into it.
func (c Config) Schedule(total int64) (Schedule, error) {
	s := Schedule{Kind: c.schedule(), Base: c.LearningRate, MinRatio: c.MinLRRatio, Total: total,
		Warmup: stepsOf(c.Warmup, total), Decay: stepsOf(c.Decay, total)}
	switch {
	case s.Warmup > total:
		return s, fmt.Errorf("a warm-up of %d steps is longer than the run of %d: shorten warmup or train longer", s.Warmup, total)
	case s.Warmup+s.Decay > total:
		return s, fmt.Errorf("a warm-up of %d steps and a decay of %d do not fit into a run of %d: shorten warmup or decay, or train longer", s.Warmup, s.Decay, total)
	}
	return s, nil
}

// schedule is the name of the config's schedule.
func (c Config) schedule() string {
	if c.LRSchedule == "" {
		return Schedules[0]
	}
	return c.LRSchedule
}

// checkSchedule says what contradicts itself, whatever the run's length.
func (c Config) checkSchedule(wrong func(bad bool, format string, args ...any)) {
	kind := c.schedule()
	length := func(name string, v float64) {
		wrong(!(v >= 0) || v >= 1 && v != math.Trunc(v), "%s is %v: a share below 1, or a whole number of steps", name, v)
	}
	length("warmup", c.Warmup)
	length("decay", c.Decay)
	wrong(!(c.MinLRRatio >= 0 && c.MinLRRatio <= 1), "min_lr_ratio is %v: must be from 0 to 1", c.MinLRRatio)
	wrong(!slices.Contains(Schedules, kind), "schedule is %q: must be one of %s", kind, strings.Join(Schedules, ", "))
	wrong(kind == "constant" && c.MinLRRatio != 1, "min_lr_ratio is %v, but the constant schedule ends where it began: leave it out, or choose cosine, wsd or linear", c.MinLRRatio)
	wrong(kind == "wsd" && c.Decay == 0, "decay is 0: the wsd schedule needs one, of steps or a share of them; constant has none")
	wrong(kind != "wsd" && c.Decay != 0, "decay is %v, but only the wsd schedule has one: the %s schedule has no place for it", c.Decay, kind)
	wrong(c.Warmup < 1 && c.Decay < 1 && c.Warmup+c.Decay > 1, "warmup and decay are %v and %v of the steps: together more than all", c.Warmup, c.Decay)
}

// stepsOf is a length that is a share of total when below 1, else steps.
func stepsOf(length float64, total int64) int64 {
	if length >= 1 {
		return int64(length)
	}
	return int64(math.Round(length * float64(total)))
}

// stepsOfRun is the run's length in optimizer steps. A micro-batch ends with its epoch, and is filled up; a step does not,
// so the last one may begin another epoch.
func stepsOfRun(c Config, d Data) int64 {
	if c.MaxSteps > 0 {
		return int64(c.MaxSteps)
	}
	rows := int64(c.rows())
	batches := (d.Train.RowsPerEpoch() + rows - 1) / rows * int64(c.Epochs)
	return (batches + int64(c.AccumulationSteps) - 1) / int64(c.AccumulationSteps)
}
