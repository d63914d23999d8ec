package train

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"
)

// A range test tells each step and leaves the run as it was, to the bit.
func TestFindRate(t *testing.T) {
	c := testConfig()
	trainer := newTrainer(t, c)
	save := func() []byte {
		var file bytes.Buffer
		if err := trainer.Save(&file); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	before := save()
	points, err := trainer.FindRate(context.Background(), 1e-5, 0.1, 20, nil)
	if err != nil || len(points) != 20 {
		t.Fatalf("%d points, %v", len(points), err)
	}
	if first, last := points[0].Rate, points[19].Rate; math.Abs(first/1e-5-1) > 1e-9 || math.Abs(last/0.1-1) > 1e-9 || math.Abs(points[1].Rate/first-math.Pow(1e4, 1.0/19)) > 1e-9 {
		t.Errorf("rates from %v to %v", first, last)
	}
	if points[19].Smooth > points[0].Loss-0.1 {
		t.Errorf("nothing was learnt: %+v", points)
	}
	if !bytes.Equal(save(), before) {
		t.Error("the run is not what it was")
	}
	_, want := run(t, newTrainer(t, c), 0)
	if _, got := run(t, trainer, 0); !bytes.Equal(got, want) {
		t.Error("the run afterwards is not the run without a range test")
	}
	again := newTrainer(t, c)
	if points, err = again.FindRate(context.Background(), 1e-3, 1e5, 60, nil); err != nil || len(points) > 50 {
		t.Errorf("it did not end when the loss exploded: %d points, %v", len(points), err)
	}
	for _, bad := range [][2]float64{{0, 1}, {1e-3, 1e-4}, {1, math.Inf(1)}} {
		if _, err := again.FindRate(context.Background(), bad[0], bad[1], 20, nil); err == nil {
			t.Errorf("a test from %v to %v", bad[0], bad[1])
		}
	}
}

// The advice on curves that fall between two rates and rise after another.
func TestAdviseRate(t *testing.T) {
	curve := func(fall func(rate float64) float64) (points []RatePoint) {
		for i := range 100 {
			rate := 1e-6 * math.Pow(1e6, float64(i)/99)
			points = append(points, RatePoint{rate, fall(rate), fall(rate)})
		}
		return points
	}
	a, err := AdviseRate(curve(func(rate float64) float64 {
		return 6 - 3/(1+math.Pow(3e-3/rate, 1.5)) + 4*rate/0.3
	}))
	if err != nil || a.Steepest < 1e-3 || a.Steepest > 6e-3 || a.Lowest < 0.01 || a.Lowest > 0.1 || a.Suggested != a.Lowest/5 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := AdviseRate(curve(func(rate float64) float64 { return 6 + rate })); err == nil || !strings.Contains(err.Error(), "falls at no learning rate") {
		t.Error(err)
	}
}
