package train

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// RatePoint is a step of a range test.
type RatePoint struct {
	Rate   float64 // of the step
	Loss   float64 // after all steps before it
	Smooth float64 // the loss, averaged over about the last ten steps
}

// CheckRates says why FindRate cannot go so many steps from low to high.
func CheckRates(low, high float64, steps int) error {
	if !(low > 0) || !(high > low) || math.IsInf(high, 0) || steps < 10 {
		return fmt.Errorf("a range test of %d steps from %g to %g: it needs at least 10 steps, and rates above 0 that grow", steps, low, high)
	}
	return nil
}

// FindRate trains for some steps while the learning rate grows geometrically from low to high, and then takes the run
// back to where it was, bit for bit. It ends early when the loss has risen well above its beginning. each, if not nil,
// is shown every step.
func (t *Trainer) FindRate(ctx context.Context, low, high float64, steps int, each func(RatePoint)) (points []RatePoint, err error) {
	if err := CheckRates(low, high, steps); err != nil {
		return nil, err
	}
	var before bytes.Buffer
	if err := t.Save(&before); err != nil {
		return nil, err
	}
	rate := low
	t.forced = &rate
	defer func() {
		t.forced = nil
		r, problem := checkpoint.NewReader(bytes.NewReader(before.Bytes()), int64(before.Len()))
		if problem == nil {
			problem = t.restore(r)
		}
		if err == nil {
			err = problem
		}
	}()
	const decay = 0.9
	average, weight := 0.0, 0.0
	for i := range steps {
		if ctx.Err() != nil {
			return points, ctx.Err()
		}
		rate = low * math.Pow(high/low, float64(i)/float64(steps-1))
		if _, err := t.submit(); err != nil {
			return points, err
		}
		s, ok := t.training.State(true)
		if !ok {
			return points, t.dev.Err()
		}
		average, weight = decay*average+(1-decay)*s.Loss, decay*weight+1-decay
		p := RatePoint{rate, s.Loss, average / weight}
		points = append(points, p)
		if each != nil {
			each(p)
		}
		if !(p.Smooth < 1.5*points[0].Loss) {
			break
		}
	}
	return points, nil
}

// RateAdvice is what a range test says.
type RateAdvice struct {
	Suggested float64 // the largest learning rate to train with
	Steepest  float64 // where the loss falls fastest
	Lowest    float64 // where it is lowest: beyond, it rises
}

// AdviseRate reads a range test. Where the loss falls fastest, a rate does the most for its size; where the loss is lowest,
// the next steps undo what the last ones did. A fifth of the latter is suggested: docs/tuning.md tells on what it was
// measured.
func AdviseRate(points []RatePoint) (RateAdvice, error) {
	lowest := 0
	for i, p := range points {
		if p.Smooth < points[lowest].Smooth {
			lowest = i
		}
	}
	const span = 5 // steps on either side over which the slope is taken
	steepest, slope := -1, 0.0
	for i := span; i+span < len(points) && i <= lowest; i++ {
		a, b := points[i-span], points[i+span]
		if s := (b.Smooth - a.Smooth) / math.Log(b.Rate/a.Rate); s < slope {
			steepest, slope = i, s
		}
	}
	if steepest < 0 || points[0].Loss-points[lowest].Smooth < 0.01*points[0].Loss {
		return RateAdvice{}, fmt.Errorf("the loss falls at no learning rate from %.1e to %.1e: look at the data, or try another range", points[0].Rate, points[len(points)-1].Rate)
	}
	return RateAdvice{Steepest: points[steepest].Rate, Lowest: points[lowest].Rate, Suggested: points[lowest].Rate / 5}, nil
}
