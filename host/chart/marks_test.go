package chart

import (
	"slices"
	"testing"
)

// What befell a run is told at its place on the axis, with the loss only.
func TestMarksOfCurves(t *testing.T) {
	c := New()
	for step := int64(1); step <= 9; step++ {
		c.Append("a", Point{Step: step, Tokens: 10 * step, Loss: 1})
	}
	c.SetX(ByTokens)
	c.Mark("a", 3, "spike")
	if got := c.Curves(Loss, 100)[0].Marks; !slices.Equal(got, []Mark{{30, "spike"}}) {
		t.Errorf("marks %v", got)
	}
	if got := c.Curves("learning_rate", 100)[0].Marks; got != nil {
		t.Errorf("marks of the learning rate %v", got)
	}
}
