package train

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// The batch grows towards the noise scale within its bounds, with the learning rate as chosen, the run sees the micro-
// batches it was to see, and is the same run when it is interrupted before or after the batch has grown.
func TestAdaptiveBatch(t *testing.T) {
	c := testConfig()
	c.MaxSteps, c.AdaptiveBatch, c.Warmup, c.LRSchedule, c.MinLRRatio = 24, AdaptiveBatch{Most: 5, Scale: "linear"}, 0, "constant", 1
	c.ValidationInterval, c.SaveInterval = 50, 50
	steps, want := run(t, newTrainer(t, c), 0)
	var grown []float64
	accumulation := 2.0
	microBatches := 0.0
	for _, s := range steps {
		microBatches += accumulation
		if n, grew := s.Value("accumulation_steps"); grew {
			if n > 2*accumulation || s.Mark == "" {
				t.Errorf("step %d: %v micro-batches after %v, marked %q", s.Step, n, accumulation, s.Mark)
			}
			grown, accumulation = append(grown, n), n
		} else if want := 2e-3 * accumulation / 2; math.Abs(s.LearningRate-want) > 1e-12 {
			t.Errorf("step %d: learning rate %v with %v micro-batches, want %v", s.Step, s.LearningRate, accumulation, want)
		}
	}
	if len(grown) == 0 || accumulation != 5 {
		t.Fatalf("the batch grew to %v", grown)
	}
	if last := steps[len(steps)-1]; !last.Last || microBatches < 48 || microBatches >= 48+5 {
		t.Errorf("%v micro-batches in %d steps of %d, want 48", microBatches, len(steps), last.Steps)
	}
	for _, stop := range []int64{2, int64(len(steps)) - 5} {
		_, saved := run(t, newTrainer(t, c), stop)
		resumed, err := resume(t, c, saved, 200)
		if err != nil {
			t.Fatal(err)
		}
		defer resumed.Release()
		if _, got := run(t, resumed, 0); !bytes.Equal(got, want) {
			t.Errorf("interrupted after step %d and resumed, the run ends otherwise", stop)
		}
	}
}

// The estimate of the noise scale, from gradients that are a known one plus noise of a known size.
func TestNoiseScale(t *testing.T) {
	const parameters, spread, small, large = 200, 0.5, 8, 64
	random := rand.New(rand.NewPCG(1, 2))
	squares := func(batch float64) (sum float64) {
		for range parameters {
			g := 0.1 + random.NormFloat64()*spread/math.Sqrt(batch)
			sum += g * g
		}
		return sum
	}
	var n checkpoint.Noise
	if NoiseScale(n) != 0 {
		t.Error("a noise scale before any measurement")
	}
	mean := 0.0
	for i := range 400 {
		n = addNoise(n, squares(small), squares(large), small, large)
		if i >= 40 {
			mean += NoiseScale(n) / 360
		}
	}
	if want := spread * spread / (0.1 * 0.1); math.Abs(mean/want-1) > 0.1 {
		t.Errorf("noise scale %v, want %v", mean, want)
	}
	before := n
	if n = addNoise(n, math.NaN(), 1, small, large); n != before {
		t.Error("a step that is not finite counts")
	}
	if n = addNoise(n, 1, 1, small, small); n != before {
		t.Error("one micro-batch counts")
	}
	if !math.IsInf(NoiseScale(checkpoint.Noise{Signal: -1, Scatter: 1, Seen: 3}), 1) {
		t.Error("a gradient lost in noise has a noise scale")
	}
}
