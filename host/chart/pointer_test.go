package chart

import (
	"math"
	"testing"
)

// pointed is a chart whose panels have been laid out.
func pointed(points []Point) *Chart {
	c := New()
	c.SetSize(800, 600, 2)
	c.SetSmoothing(0)
	c.Append("a", points...)
	c.Picture()
	return c
}

// drag draws a box from a place in the data of the i-th panel to another.
func drag(c *Chart, i int, x0, y0, x1, y1 float64) {
	p := c.panels[i]
	c.Press(p.x.pixel(x0)/c.ratio, p.y.pixel(y0)/c.ratio)
	c.Hover(p.x.pixel(x1)/c.ratio, p.y.pixel(y1)/c.ratio)
	c.Picture()
	c.Release(p.x.pixel(x1)/c.ratio, p.y.pixel(y1)/c.ratio)
	c.Picture()
}

func TestZoom(t *testing.T) {
	c := pointed(example(100, 1, 1))
	whole := *c.panels[0]
	want := func(what string, panel int, x0, x1, y0, y1 float64) {
		t.Helper()
		p := c.panels[panel]
		for _, v := range [][2]float64{{p.x.low, x0}, {p.x.high, x1}, {p.y.low, y0}, {p.y.high, y1}} {
			if math.Abs(v[0]-v[1]) > 1e-9*math.Max(1, math.Abs(v[1])) {
				t.Errorf("%s: x from %g to %g, y from %g to %g, want %g to %g and %g to %g", what, p.x.low, p.x.high, p.y.low, p.y.high, x0, x1, y0, y1)
				return
			}
		}
	}
	drag(c, 0, 60, 2, 20, 4) // to the upper left
	want("a box", 0, 20, 60, 2, 4)
	if p := c.panels[1]; p.x.low != 20 || p.x.high != 60 {
		t.Errorf("the other panel shows %g to %g", p.x.low, p.x.high)
	}
	drag(c, 1, 30, c.panels[1].y.low+1e-9, 40, c.panels[1].y.low+1e-9) // flat
	want("a flat box in another panel", 0, 30, 40, 2, 4)
	c.Back()
	c.Picture()
	want("back", 0, 20, 60, 2, 4)
	drag(c, 0, 25, 3, 25.1, 3.5)
	want("a tiny box", 0, 20, 60, 2, 4)
	drag(c, 0, 50, 3, 200, 3) // beyond the axes
	if p := c.panels[0]; math.Abs(p.x.low-50) > 1e-9 || math.Abs(p.x.high-60) > 1e-9 {
		t.Errorf("a box beyond the axes: %g to %g", p.x.low, p.x.high)
	}
	c.Whole()
	c.Picture()
	want("the whole", 0, whole.x.low, whole.x.high, whole.y.low, whole.y.high)
	c.Back()
	if c.Zoomed() {
		t.Error("going back from the whole is a zoom")
	}
	drag(c, 0, 20, 2, 60, 4)
	c.SetX(ByTokens)
	if c.Zoomed() {
		t.Error("steps' zoom is kept for tokens")
	}
	for _, b := range []struct{ width, height, x, y float64 }{{0.2, 0, 1e-8, 1}, {0.98, 0.1, 1, 1e-7}} { // to where numbers are equal
		for range 60 {
			x, y := c.panels[0].x, c.panels[0].y
			drag(c, 0, x.low+0.01*(x.high-x.low), y.low+0.4*(y.high-y.low), x.low+(0.01+b.width)*(x.high-x.low), y.low+(0.4+b.height)*(y.high-y.low))
		}
		p := c.panels[0]
		wide, tall := (p.x.high-p.x.low)/p.x.high, (p.y.high-p.y.low)/p.y.high
		if !(wide > 1e-9 && wide < b.x) || !(tall > 1e-9 && tall < b.y) || len(p.yTicks) < 2 {
			t.Errorf("zoomed in all the way, x is from %g to %g and y from %g to %g", p.x.low, p.x.high, p.y.low, p.y.high)
		}
		c.Whole()
		c.Picture()
	}
	c.Press(2, 2) // outside of the panels
	c.Release(700, 500)
	if c.Zoomed() {
		t.Error("a box that begins outside is a zoom")
	}
}

func TestZoomedRangeFollowsWhatIsVisible(t *testing.T) {
	c := pointed(example(1000, 1, 1))
	drag(c, 0, 900, 3, 1000, 3)
	if p := c.panels[0]; p.y.high > 2.5 || p.y.low < 0.5 {
		t.Errorf("of the last hundred steps, with losses from about 1.1 to 1.5, %g to %g are shown", p.y.low, p.y.high)
	}
}

func TestReadings(t *testing.T) {
	c := pointed([]Point{{Step: 10, Loss: 4, Tokens: 1000, Seconds: 5, LearningRate: 1e-3}, {Step: 20, Loss: 3, Validation: 3.5, Tokens: 2000, Seconds: 65}, {Step: 30, Loss: 2, Tokens: 3000, Seconds: 3700}})
	p := c.panels[0]
	read := func(x float64) (text string) {
		for _, r := range c.readings(p, c.snap(x)) {
			text += r.name + " " + r.value + ";"
		}
		return text
	}
	for x, want := range map[float64]string{10: "train 4.000;", 12: "train 4.000;", 18: "train 3.000;validation 3.500;", 99: "train 2.000;validation 3.500;"} {
		if got := read(x); got != want {
			t.Errorf("at %g: %s, want %s", x, got, want)
		}
	}
	if got, want := c.heading(30), "step 30   3k tokens   1:01:40"; got != want {
		t.Errorf("heading %q, want %q", got, want)
	}
	c.SetLanguage(Chinese)
	if got, want := c.heading(30), "第 30 步   3k 词元   1:01:40"; got != want {
		t.Errorf("heading %q, want %q", got, want)
	}
	if got, want := read(18), "训练 3.000;验证 3.500;"; got != want {
		t.Errorf("in Chinese: %s, want %s", got, want)
	}
	c.SetLanguage(English)
	c.Append("b", Point{Step: 20, Loss: 9})
	c.SetName("b", "other")
	c.Picture()
	if got, want := read(20), "a 3.000;validation 3.500;other 9.000;"; got != want {
		t.Errorf("of two runs: %s, want %s", got, want)
	}
	if got, want := read(30), "a 2.000;validation 3.500;"; got != want {
		t.Errorf("past the end of one: %s, want %s", got, want)
	}
	c.SetSmoothing(0.9)
	if got, want := read(20), "a 3.000  (3.000);validation 3.500;other 9.000  (9.000);"; got != want {
		t.Errorf("smoothed: %s, want %s", got, want)
	}
}
