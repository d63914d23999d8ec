package train

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

// Real runs with a fault in them get its diagnosis, and one without a fault is healthy.
func TestFaultsAreDiagnosed(t *testing.T) {
	m := tinyModel()
	m.NumHiddenLayers = 1
	for want, inject := range map[diagnose.Cause]func(c *Config, documents *int){
		diagnose.Healthy:         func(*Config, *int) {},
		diagnose.RateTooHigh:     func(c *Config, _ *int) { c.LearningRate = 1 },
		diagnose.RateTooLow:      func(c *Config, _ *int) { c.LearningRate = 3e-5 },
		diagnose.DecayedTooEarly: func(c *Config, _ *int) { c.BatchSize = 8 }, // see below
		diagnose.NoisyBatch:      func(c *Config, _ *int) { c.BatchSize, c.MaxSeqLen = 1, 8 },
		diagnose.Overfit:         func(c *Config, documents *int) { *documents, c.ValidationShare, c.LearningRate = 8, 0.5, 1e-2 },
	} {
		t.Run(string(want), func(t *testing.T) {
			c := testConfig()
			c.BatchSize, c.MaxSeqLen, c.AccumulationSteps, c.MaxSteps, c.LearningRate, c.ValidationInterval, c.SaveInterval, c.ValidationShare = 4, 32, 1, 100, 5e-3, 10, 100, 0.04
			documents := 300
			inject(&c, &documents)
			trainer, err := New(hosttest.Device(t), m, c, testData(t, c, documents, checkpoint.Cursor{}))
			if err != nil {
				t.Fatal(err)
			}
			defer trainer.Release()
			if want == diagnose.DecayedTooEarly {
				trainer.schedule = Schedule{Kind: "linear", Base: 5e-3, MinRatio: 0.002, Total: 25, Warmup: 5}
			}
			var records []metrics.Record
			steps, _ := run(t, trainer, 0)
			for _, s := range steps {
				r := metrics.Record{Step: s.Step, Loss: s.Loss, LearningRate: s.LearningRate, Skipped: s.Skipped}
				if ratio, measured := s.Value("update_ratio"); measured {
					r.Values = map[string]float64{"update_ratio": ratio}
				}
				if s.Validation != nil {
					r.ValidationLoss = s.Validation.Loss
				}
				records = append(records, r)
			}
			if got := diagnose.Diagnose(records, diagnose.Run{Steps: 100}); got.Cause != want || (got.Advice == "") != (want == diagnose.Healthy) {
				t.Errorf("%q, %q\n%+v", got.Cause, got.Advice, got.Checks)
			}
		})
	}
}
