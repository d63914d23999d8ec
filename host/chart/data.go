package chart

import "math"

// Curves are a run's data as the chart shows them, for other ways to draw them. Numbers that are not finite are left out.
type Curves struct {
	Name               string
	X                  []float64 // by the chart's horizontal axis
	Raw, Smooth        []float64 // of the series; equal if it is not smoothed
	XValidation        []float64
	Validation         []float64 // with the loss only
	Marks              []Mark    // with the loss only
	Color, Faint, Dark Color     // of the smooth curve, of the raw one, of the validation
}

// Mark is what befell a run at a place of the horizontal axis.
type Mark struct {
	X     float64
	Label string
}

// Axes are the ranges and ticks that the chart gives a series' panel of a width and height in CSS pixels.
type Axes struct {
	X, Y   [2]float64
	XTicks []Tick
	YTicks []Tick
	Log    bool // the vertical one is logarithmic
}

// Curves lists a series' data, run by run. Where there are more points than columns of pixels, they are thinned out so
// that a picture of that many columns still looks the same.
func (c *Chart) Curves(series string, columns int) []Curves {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Curves
	left, right := c.xRange()
	to := scale{low: left, high: right, to: float64(columns)}
	for k, r := range c.runs {
		color := c.theme.run(k)
		one := Curves{Name: r.name, Color: color, Faint: color.Mix(c.theme.Panel, 0.7), Dark: color.Mix(c.theme.Ink, 0.35)}
		raw, smooth := r.values[series], r.smoothed(series, c.smoothing)
		for _, i := range thin(to, r.axes[c.x], raw) {
			one.X = append(one.X, r.axes[c.x][i])
			one.Raw = append(one.Raw, raw[i])
			one.Smooth = append(one.Smooth, smooth[i])
		}
		for v, i := range r.validation {
			if series == Loss {
				one.XValidation = append(one.XValidation, r.axes[c.x][i])
				one.Validation = append(one.Validation, r.losses[v])
			}
		}
		for _, m := range r.marks {
			if i := r.nearest(ByStep, float64(m.step)); series == Loss && i >= 0 {
				one.Marks = append(one.Marks, Mark{r.axes[c.x][i], m.label})
			}
		}
		all = append(all, one)
	}
	return all
}

// thin lists the points that are first, lowest, highest or last in their column.
func thin(to scale, xs, ys []float64) []int {
	var kept []int
	for i := 0; i < len(ys); {
		column, first := math.Floor(to.pixel(xs[i])), i
		low, high, last := -1, -1, -1
		for ; i < len(ys) && math.Floor(to.pixel(xs[i])) == column; i++ {
			if !finite(ys[i]) {
				continue
			}
			if low < 0 || ys[i] < ys[low] {
				low = i
			}
			if high < 0 || ys[i] > ys[high] {
				high = i
			}
			if last < 0 {
				first = i
			}
			last = i
		}
		for k := first; k < i; k++ {
			if last >= 0 && (k == first || k == low || k == high || k == last) {
				kept = append(kept, k)
			}
		}
	}
	return kept
}

// Axes lists the ranges and ticks of a series' panel.
func (c *Chart) Axes(series string, width, height float64) Axes {
	c.mu.Lock()
	defer c.mu.Unlock()
	var a Axes
	a.X[0], a.X[1] = c.xRange()
	a.Y[0], a.Y[1] = c.yRange(series, a.X[0], a.X[1])
	a.Log = c.log && a.Y[0] > 0
	a.XTicks = xTicks(c.x, a.X[0], a.X[1], width)
	a.YTicks = scale{low: a.Y[0], high: a.Y[1], log: a.Log}.ticks(rowsOfTicks(height))
	return a
}

// Empty says that no run has a point.
func (c *Chart) Empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.empty()
}

// Label is how a name is written.
func (c *Chart) Label(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.label(name)
}
