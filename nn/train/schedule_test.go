package train

import (
	"math"
	"strings"
	"testing"
)

// Each schedule at its ends, its corners and half-way, by hand.
func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		config Config
		at     map[int64]float64
	}{
		{Config{MinLRRatio: 0.1}, map[int64]float64{0: 1, 50: 0.55, 25: 0.1 + 0.45*(1+math.Sqrt(0.5)), 100: 0.1}},
		{Config{MinLRRatio: 0.1, Warmup: 0.1}, map[int64]float64{0: 1.0 / 11, 9: 10.0 / 11, 10: 1, 55: 0.55, 100: 0.1}},
		{Config{MinLRRatio: 0, Warmup: 20, LRSchedule: "linear"}, map[int64]float64{0: 1.0 / 21, 20: 1, 60: 0.5, 100: 0}},
		{Config{MinLRRatio: 0.2, Warmup: 4, Decay: 0.4, LRSchedule: "wsd"}, map[int64]float64{0: 0.2, 4: 1, 60: 1, 80: 0.6, 100: 0.2}},
		{Config{MinLRRatio: 0.2, Decay: 100, LRSchedule: "wsd"}, map[int64]float64{0: 1, 50: 0.6}},
		{Config{MinLRRatio: 1, Warmup: 1, LRSchedule: "constant"}, map[int64]float64{0: 0.5, 1: 1, 99: 1}},
	} {
		c.config.LearningRate = 3
		s, err := c.config.Schedule(100)
		if err != nil {
			t.Fatal(err)
		}
		for step, want := range c.at {
			if got := s.Rate(step); math.Abs(got-3*want) > 1e-12 {
				t.Errorf("%+v: %v at step %d, want %v", s, got, step, 3*want)
			}
		}
	}
	s, err := Config{Warmup: 150}.Schedule(100)
	if err == nil || !strings.Contains(err.Error(), "a warm-up of 150 steps is longer than the run of 100") {
		t.Errorf("%+v: %v", s, err)
	}
	s, err = Config{Warmup: 50, Decay: 60, LRSchedule: "wsd"}.Schedule(100)
	if err == nil || !strings.Contains(err.Error(), "50 steps and a decay of 60 do not fit into a run of 100") {
		t.Errorf("%+v: %v", s, err)
	}
}

func TestContradictorySchedules(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		`schedule is "cosin": must be one of cosine, wsd, linear, constant`: func(c *Config) { c.LRSchedule = "cosin" },
		"min_lr_ratio is 0.1, but the constant schedule":                    func(c *Config) { c.LRSchedule = "constant" },
		"decay is 0: the wsd schedule needs one":                            func(c *Config) { c.LRSchedule = "wsd" },
		"decay is 0.2, but only the wsd schedule has one":                   func(c *Config) { c.Decay = 0.2 },
		"decay is -1: a share":                                              func(c *Config) { c.LRSchedule, c.Decay = "wsd", -1 },
		"together more than all":                                            func(c *Config) { c.LRSchedule, c.Decay, c.Warmup = "wsd", 0.7, 0.4 },
		"early_stop's patience is -1":                                       func(c *Config) { c.EarlyStop.Patience = -1 },
	} {
		c := testConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
