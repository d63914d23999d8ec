// Package diagnose reads a run's metrics as an experienced eye reads its curves: five checks, three troubles, and what
// to change first. It is a pure function: the command line, the page and tests call it on a finished run or on one that
// is still going.
package diagnose

import (
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// Run is what is known of a run besides its metrics.
type Run struct {
	Steps       int64 // planned
	Memory      int64 // bytes at the peak; 0: not known
	MemoryLimit int64 // bytes of the adapter; 0: not known
}

// Verdict is a check's result.
type Verdict string

// Verdicts, from the one that says nothing yet.
const (
	Unknown Verdict = "unknown" // nothing to judge by, or not yet
	Good    Verdict = "good"
	Watch   Verdict = "watch"
	Bad     Verdict = "bad"
)

// Cause is what a run suffers from most.
type Cause string

// Causes, in the order in which they hide one another.
const (
	TooEarly        Cause = "too early to say"
	RateTooHigh     Cause = "learning rate too high"
	Overfit         Cause = "overfitting"
	DecayedTooEarly Cause = "learning rate decayed too early"
	RateTooLow      Cause = "learning rate too low, or too few steps"
	NoisyBatch      Cause = "batch too small: noisy"
	Healthy         Cause = "healthy"
)

// Measure is a sentence with what was measured: a format of package fmt, and its values. Whoever shows it may have words
// for the format in another language.
type Measure struct {
	Format string
	Values []any
}

func measured(format string, values ...any) Measure { return Measure{format, values} }

// String is the sentence in English.
func (m Measure) String() string { return fmt.Sprintf(m.Format, m.Values...) }

// Check is one of the five checks, or one of the three troubles.
type Check struct {
	Name      string
	Measure   Measure
	Threshold string // what is good
	Verdict   Verdict
	Advice    string // the one thing to change; empty when good or unknown
}

// Report is the diagnosis.
type Report struct {
	Cause     Cause
	Advice    string // the one thing to change first
	Checks    []Check
	Troubles  []Check
	Stability int // 0 to 5: see Stability
}

// Diagnose judges the run by its metrics so far, in order of steps.
func Diagnose(records []metrics.Record, run Run) Report {
	c := newCurve(records, run)
	r := Report{Stability: c.stability()}
	r.Checks = []Check{c.initialResponse(), c.midStability(), c.lateConvergence(), memoryUse(run), c.generalisation()}
	r.Troubles = []Check{c.jumps(), c.slowEnd(), lowMemory(run)}
	r.Cause, r.Advice = c.cause()
	return r
}

// noisy is the scatter, as a share of the loss, above which steps mostly undo one another's noise.
const noisy = 0.08

// check fills in a verdict: the advice is only given when there is something to change.
func check(name string, verdict Verdict, measure Measure, threshold, advice string) Check {
	if verdict == Good || verdict == Unknown {
		advice = ""
	}
	return Check{name, measure, threshold, verdict, advice}
}

// initialResponse: how far the loss falls in the first steps after the warm-up. Steps are the optimizer's, however many
// micro-batches they have.
func (c *curve) initialResponse() Check {
	const name, threshold = "initial response", "falls by more than 2 % of the first loss, and by more than its scatter"
	const advice = "raise the learning rate, or look whether the data is what you think (lr-find tries rates)"
	if c.early < 0 {
		return check(name, Unknown, measured("%d steps so far", len(c.loss)), threshold, "")
	}
	fell := c.first - c.smooth[c.early]
	measure := measured("from %.3f to %.3f in %d optimizer steps (%.1f %%)", c.first, c.smooth[c.early], c.step[c.early], 100*fell/c.first)
	switch {
	case c.largestRatio() > highRatio:
		return check(name, Bad, measured("from %.3f to %.3f in %d optimizer steps, one of which changed the weights by %.0f %%", c.first, c.smooth[c.early], c.step[c.early], 100*c.largestRatio()), threshold, "lower the learning rate tenfold (lr-find tries rates)")
	case c.rose():
		return check(name, Bad, measured("from %.3f to %.3f in %d optimizer steps, up to %.3f", c.first, c.smooth[c.early], c.step[c.early], c.highest), threshold, "lower the learning rate to a third, or lengthen the warm-up")
	case fell < 0.02*c.first || fell < c.scatter:
		return check(name, Bad, measure, threshold, advice)
	case fell < 0.04*c.first:
		return check(name, Watch, measure, threshold, advice)
	}
	return check(name, Good, measure, threshold, "")
}

// midStability: spikes and scatter between the first fifth and the last.
func (c *curve) midStability() Check {
	const name, threshold = "mid-run stability", "no spikes, no steps left out, scatter below 8 % of the loss"
	if c.progress < 0.4 {
		return check(name, Unknown, measured("less than 40 %% of the run"), threshold, "")
	}
	measure := measured("%d spikes, %d steps left out, scatter %.1f %%", len(c.spikes), c.skipped, 100*c.relativeScatter())
	switch {
	case c.skipped > 0 || len(c.spikes) > len(c.loss)/100+1:
		return check(name, Bad, measure, threshold, "lower the learning rate, or --grad-clip; look at the batches that are marked in metrics.jsonl")
	case c.relativeScatter() > noisy:
		return check(name, Watch, measure, threshold, "more rows a step: --accumulation-steps twice as many")
	case len(c.spikes) > 0:
		return check(name, Watch, measure, threshold, "look at the batch that is marked in metrics.jsonl; --rollback-on-spike leaves such ones out")
	}
	return check(name, Good, measure, threshold, "")
}

// lateConvergence: what the last third of the run still brings.
func (c *curve) lateConvergence() Check {
	const name, threshold = "late convergence", "the last third brings 1 to 25 % of all that the loss fell by"
	if c.progress < 0.9 {
		return check(name, Unknown, measured("%.0f %% of the run", 100*c.progress), threshold, "")
	}
	measure := measured("%.1f %% of the fall in the last third", 100*c.lateShare())
	switch {
	case c.fell() <= 0 || c.rose():
		return check(name, Bad, measured("the loss went from %.3f to %.3f", c.first, c.last()), threshold, "first mend what the other checks say")
	case c.fell() < 0.02*c.first:
		return check(name, Bad, measured("the loss fell by %.1f %% in all", 100*c.fell()/c.first), threshold, "a higher learning rate: lr-find tries them")
	case c.lateShare() < -0.05:
		return check(name, Watch, measured("the loss rose by %.1f %% of its fall in the last third", -100*c.lateShare()), threshold, "a lower learning rate at the end (--min-lr-ratio), or more rows a step")
	case c.lateShare() > 0.25:
		return check(name, Watch, measure, threshold, "it has not done falling: a higher learning rate, or more steps")
	case c.decayedEarly():
		return check(name, Watch, measure, threshold, "the learning rate was small too soon: let the schedule span the run, or use --schedule wsd")
	case c.lateShare() < 0.01:
		return check(name, Watch, measure, threshold, "the last third was for nothing: a shorter run, or more data")
	}
	return check(name, Good, measure, threshold, "")
}

// memoryUse: how much of the adapter's memory the run takes.
func memoryUse(run Run) Check {
	const name, threshold = "memory use", "70 to 85 % of the adapter's memory"
	if run.Memory == 0 || run.MemoryLimit == 0 {
		return check(name, Unknown, measured("the adapter's memory is not known"), threshold, "")
	}
	share := float64(run.Memory) / float64(run.MemoryLimit)
	measure := measured("%.0f %%", 100*share)
	switch {
	case share > 0.95:
		return check(name, Bad, measure, threshold, "smaller micro-batches with more accumulation: the driver needs some memory, too")
	case share > 0.85:
		return check(name, Watch, measure, threshold, "smaller micro-batches with more accumulation, if anything else uses this GPU")
	case share < 0.70:
		return check(name, Watch, measure, threshold, "if the adapter is not busy, larger micro-batches with less accumulation (--batch-size auto)")
	}
	return check(name, Good, measure, threshold, "")
}

// generalisation: the validation loss against the training loss and against its own lowest.
func (c *curve) generalisation() Check {
	const name, threshold = "generalisation gap", "validation within 10 % of training and 2 % of its lowest"
	if len(c.validation) < 2 {
		return check(name, Unknown, measured("%d validations", len(c.validation)), threshold, "")
	}
	gap, rise := c.gap(), c.rise()
	measure := measured("validation %.3f, %.1f %% above training and %.1f %% above its lowest", c.validation[len(c.validation)-1], 100*gap, 100*rise)
	switch {
	case c.overfits():
		return check(name, Bad, measure, threshold, "stop at the lowest validation loss (--early-stop 3), or train on more data for fewer epochs")
	case gap > 0.1 || rise > 0.02:
		return check(name, Watch, measure, threshold, "more data or fewer epochs; --early-stop 3 keeps the best")
	}
	return check(name, Good, measure, threshold, "")
}

// jumps: the first trouble, the loss jumps.
func (c *curve) jumps() Check {
	const name, threshold = "the loss jumps", "no spike"
	switch {
	case c.diverged() || c.skipped > 0:
		return check(name, Bad, measured("%d spikes, %d steps left out, from %.3f up to %.3f", len(c.spikes), c.skipped, c.first, c.highest), threshold, "lower the learning rate to a third, or lengthen the warm-up")
	case len(c.spikes) > 0:
		return check(name, Watch, measured("%d spikes, the first at step %d", len(c.spikes), c.spikes[0]), threshold, "--rollback-on-spike, or look at the marked batches")
	}
	return check(name, Good, measured("no spikes"), threshold, "")
}

// slowEnd: the second trouble, it converges slowly towards the end.
func (c *curve) slowEnd() Check {
	const name, threshold = "slow late convergence", "the loss still falls while the learning rate does"
	if c.progress < 0.9 {
		return check(name, Unknown, measured("%.0f %% of the run", 100*c.progress), threshold, "")
	}
	measure := measured("%.1f %% of the fall in the last third", 100*c.lateShare())
	if c.decayedEarly() || c.lateShare() < 0.01 && !c.rose() {
		return check(name, Watch, measure, threshold, "keep the learning rate up for longer (--schedule wsd), or end the run sooner")
	}
	return check(name, Good, measure, threshold, "")
}

// lowMemory: the third trouble, much memory lies idle.
func lowMemory(run Run) Check {
	const name, threshold = "low memory use", "more than half of the adapter's memory"
	if run.Memory == 0 || run.MemoryLimit == 0 {
		return check(name, Unknown, measured("the adapter's memory is not known"), threshold, "")
	}
	verdict := Good
	if run.Memory < run.MemoryLimit/2 {
		verdict = Watch
	}
	return check(name, verdict, measured("%.0f %%", 100*float64(run.Memory)/float64(run.MemoryLimit)), threshold,
		"a larger micro-batch, if that makes more tokens a second, or a larger model: plan tells what fits")
}

// highRatio is the part of the weights that no step may change: far above the usual thousandth, what a step learns
// undoes what those before it did.
const highRatio = 0.1

// cause is the finding that explains the curve best, and the one thing to change.
func (c *curve) cause() (Cause, string) {
	switch {
	case c.diverged() || c.largestRatio() > highRatio:
		return RateTooHigh, "lower the learning rate to a third (or find one by lr-find), or lengthen the warm-up"
	case c.overfits():
		return Overfit, "stop at the lowest validation loss (--early-stop 3), or train on more data for fewer epochs"
	case c.progress < 0.3 || c.early < 0:
		return TooEarly, ""
	case c.progress >= 0.9 && c.decayedEarly():
		return DecayedTooEarly, "let the learning rate's schedule span the whole run, or use --schedule wsd"
	case c.relativeScatter() > noisy:
		return NoisyBatch, "more rows a step: --accumulation-steps four times as many"
	case c.fell() < 0.02*c.first || c.progress >= 0.9 && c.lateShare() > 0.25 || c.initialResponse().Verdict == Bad:
		return RateTooLow, "raise the learning rate threefold (or find one by lr-find); if it is right, train longer"
	}
	return Healthy, ""
}

// Stability is a run's score from 0 to 5: 5, less 1 if any step was left out, less 1 for a spike and 1 more if they are
// above 1 % of the steps, less 1 if the scatter is above 8 % of the loss and 1 more if it is above 15 %; 0 if the loss
// ended where it began or higher, or is no number.
func Stability(records []metrics.Record) int { return newCurve(records, Run{}).stability() }

func (c *curve) stability() int {
	if len(c.loss) == 0 || c.diverged() || c.fell() <= 0 {
		return 0
	}
	score := 5
	for _, trouble := range []bool{c.skipped > 0, len(c.spikes) > 0, 100*len(c.spikes) > len(c.loss), c.relativeScatter() > noisy, c.relativeScatter() > 0.15} {
		if trouble {
			score--
		}
	}
	return max(score, 0)
}

// finite says that a number is one.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
