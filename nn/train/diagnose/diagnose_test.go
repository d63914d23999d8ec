package diagnose

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// synthetic is a run of 400 steps with a cosine of warm-up 20, whose loss follows a curve with some noise.
func synthetic(noise float64, loss func(step float64) float64, change ...func(r *metrics.Record)) []metrics.Record {
	random := rand.New(rand.NewPCG(3, 4))
	var records []metrics.Record
	for i := range 400 {
		step := float64(i)
		rate := 1e-3 * (0.1 + 0.45*(1+math.Cos(math.Pi*step/400)))
		if step < 20 {
			rate = 1e-3 * (step + 1) / 21
		}
		r := metrics.Record{Step: int64(i + 1), Loss: loss(step) * (1 + noise*random.NormFloat64()), LearningRate: rate}
		if (i+1)%40 == 0 {
			r.ValidationLoss = loss(step) * 1.02
		}
		for _, f := range change {
			f(&r)
		}
		records = append(records, r)
	}
	return records
}

// falling is the loss of a healthy run.
func falling(step float64) float64 { return 2.3 + 6.6*math.Exp(-step/45) + 0.6*math.Exp(-step/200) }

func TestDiagnose(t *testing.T) {
	run := Run{Steps: 400, Memory: 77, MemoryLimit: 100}
	for _, c := range []struct {
		name      string
		records   []metrics.Record
		run       Run
		cause     Cause
		verdicts  [5]Verdict // of the checks
		troubles  [3]Verdict
		stability int
	}{
		{"healthy", synthetic(0.02, falling), run, Healthy, [5]Verdict{Good, Good, Good, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"rate too high: it rises", synthetic(0.03, func(s float64) float64 { return 9 + 2*math.Min(s/60, 1) + 0.4*math.Sin(s/9) }), run,
			RateTooHigh, [5]Verdict{Bad, Good, Bad, Good, Watch}, [3]Verdict{Bad, Good, Good}, 0},
		{"rate too high: it comes back up", synthetic(0.02, func(s float64) float64 { return 4 + 5*math.Exp(-s/30) + 3*math.Max(s-200, 0)/200 }), run,
			RateTooHigh, [5]Verdict{Good, Good, Watch, Good, Watch}, [3]Verdict{Bad, Watch, Good}, 0},
		{"rate too high: not a number", synthetic(0.02, falling, func(r *metrics.Record) {
			if r.Step > 150 {
				r.Loss, r.ValidationLoss, r.Skipped = math.NaN(), 0, r.Step-150
			}
		}), run, RateTooHigh, [5]Verdict{Good, Unknown, Unknown, Good, Good}, [3]Verdict{Bad, Unknown, Good}, 0},
		{"rate too high: steps as large as the weights", synthetic(0.02, falling, func(r *metrics.Record) {
			if r.Step%10 == 0 {
				r.Values = map[string]float64{"update_ratio": 200 * r.LearningRate}
			}
		}), run, RateTooHigh, [5]Verdict{Bad, Good, Good, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"rate too low", synthetic(0.01, func(s float64) float64 { return 8.9 - 1.5*s/400 }), run,
			RateTooLow, [5]Verdict{Watch, Good, Watch, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"rate far too low", synthetic(0.005, func(s float64) float64 { return 8.9 - 0.05*s/400 }), run,
			RateTooLow, [5]Verdict{Bad, Good, Bad, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"rate too low, though it comes to rest", synthetic(0.005, func(s float64) float64 { return 8.9 - 0.3*(1-math.Exp(-s/100)) }), run,
			RateTooLow, [5]Verdict{Bad, Good, Good, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"decayed too early", synthetic(0.01, func(s float64) float64 { return 5 + 3.9*math.Exp(-math.Min(s, 110)/50) }, func(r *metrics.Record) {
			if r.Step > 20 {
				r.LearningRate = 1e-3 * math.Max(1-float64(r.Step-20)/90, 0.01)
			}
		}), run, DecayedTooEarly, [5]Verdict{Good, Good, Watch, Good, Good}, [3]Verdict{Good, Watch, Good}, 5},
		{"overfit", synthetic(0.02, falling, func(r *metrics.Record) {
			if r.ValidationLoss > 0 {
				r.ValidationLoss = 3.4 + math.Abs(float64(r.Step)-120)/200
			}
		}), run, Overfit, [5]Verdict{Good, Good, Good, Good, Bad}, [3]Verdict{Good, Good, Good}, 5},
		{"noisy small batch", synthetic(0.12, falling), run, NoisyBatch, [5]Verdict{Good, Watch, Watch, Good, Good}, [3]Verdict{Good, Watch, Good}, 4},
		{"a spike", synthetic(0.02, falling, func(r *metrics.Record) {
			if r.Step == 200 {
				r.Loss *= 2
			}
		}), run, Healthy, [5]Verdict{Good, Watch, Good, Good, Good}, [3]Verdict{Watch, Good, Good}, 4},
		{"a file without learning rates", synthetic(0.02, falling, func(r *metrics.Record) { r.LearningRate = math.NaN() }), run,
			Healthy, [5]Verdict{Good, Good, Good, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"distillation", synthetic(0.02, falling, func(r *metrics.Record) {
			r.Values = map[string]float64{"cross_entropy": r.Loss}
			r.Loss *= 0.6
		}), run, Healthy, [5]Verdict{Good, Good, Good, Good, Good}, [3]Verdict{Good, Good, Good}, 5},
		{"little memory", synthetic(0.02, falling), Run{Steps: 400, Memory: 30, MemoryLimit: 100}, Healthy, [5]Verdict{Good, Good, Good, Watch, Good}, [3]Verdict{Good, Good, Watch}, 5},
		{"full memory, of unknown size", synthetic(0.02, falling), Run{Steps: 400}, Healthy, [5]Verdict{Good, Good, Good, Unknown, Good}, [3]Verdict{Good, Good, Unknown}, 5},
		{"a quarter of a run", synthetic(0.02, falling)[:100], run, TooEarly, [5]Verdict{Good, Unknown, Unknown, Good, Good}, [3]Verdict{Good, Unknown, Good}, 5},
		{"ten steps", synthetic(0.02, falling)[:10], run, TooEarly, [5]Verdict{Unknown, Unknown, Unknown, Good, Unknown}, [3]Verdict{Good, Unknown, Good}, 5},
		{"nothing", nil, run, TooEarly, [5]Verdict{Unknown, Unknown, Unknown, Good, Unknown}, [3]Verdict{Good, Unknown, Good}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Diagnose(c.records, c.run)
			if got.Cause != c.cause || got.Stability != c.stability {
				t.Errorf("%q, stability %d; want %q, %d", got.Cause, got.Stability, c.cause, c.stability)
			}
			if needs := c.cause != Healthy && c.cause != TooEarly; needs != (got.Advice != "") {
				t.Errorf("advice %q", got.Advice)
			}
			hold := func(i int, check Check, want Verdict) {
				if check.Verdict != want {
					t.Errorf("%d: %+v, want %s", i, check, want)
				}
				if needs := check.Verdict == Watch || check.Verdict == Bad; needs != (check.Advice != "") || check.Measure.String() == "" || check.Threshold == "" {
					t.Errorf("%d: %+v", i, check)
				}
			}
			for i, check := range got.Checks {
				hold(i, check, c.verdicts[i])
			}
			for i, check := range got.Troubles {
				hold(i, check, c.troubles[i])
			}
		})
	}
}

// A spike is told when it comes, noise and a steep fall are none, and a new level is one only at first.
func TestTrend(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var trend Trend
	for i := range 3000 {
		if trend.Add(falling(float64(i)/3) * (1 + 0.05*random.NormFloat64())) {
			t.Errorf("noise at step %d is a spike", i)
		}
	}
	level := trend.Mean
	if !trend.Add(2*level) || trend.Add(level) || !trend.Add(math.NaN()) || !trend.Add(math.Inf(1)) || trend.Add(level) {
		t.Errorf("spikes are not told: %+v", trend)
	}
	spikes := 0
	for range 40 {
		if trend.Add(2 * level) {
			spikes++
		}
	}
	if spikes != newLevel {
		t.Errorf("%d spikes at a new level, want %d", spikes, newLevel)
	}
}

func BenchmarkDiagnose(b *testing.B) {
	var records []metrics.Record
	for i := range 100_000 {
		records = append(records, metrics.Record{Step: int64(i + 1), Loss: falling(float64(i) / 250), LearningRate: 1e-3})
	}
	for b.Loop() {
		Diagnose(records, Run{Steps: 100_000})
	}
}
