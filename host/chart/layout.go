package chart

import (
	"math"
	"slices"
)

// box is a rectangle in device pixels.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) has(p vec) bool { return p.x >= b.x0 && p.x < b.x1 && p.y >= b.y0 && p.y < b.y1 }

// panel is one series of all runs, with its axes.
type panel struct {
	series         string
	area, plot     box // plot is within the axes
	x, y           scale
	xTicks, yTicks []Tick
}

// Sizes in CSS pixels.
const (
	textSize   = 12
	titleSize  = 13
	titleRow   = 24
	tickRow    = 20 // under the plot
	lineHeight = 18
	gap        = 14 // between panels
)

// px is a length in device pixels.
func (c *Chart) px(css float64) float64 { return css * c.ratio }

// padding is the chart's rim: a phone has none to spare.
func (c *Chart) padding() float64 {
	if c.width < 480 {
		return 8
	}
	return 16
}

// layout places the panels between the legend and the table: the first across, the others in rows below.
func (c *Chart) layout(top, bottom float64) {
	pad := c.px(c.padding())
	all := box{pad, top, c.px(c.width) - pad, bottom}
	c.panels = nil
	for _, name := range c.series {
		c.panels = append(c.panels, &panel{series: name})
	}
	if len(c.panels) == 0 {
		return
	}
	const minWidth, share = 340, 1.7 // of a panel below the first; of the first's height against a row's
	rest := c.panels[1:]
	across := min(max(int(c.width/minWidth), 1), max(len(rest), 1))
	rows := (len(rest) + across - 1) / across
	space := c.px(gap)
	row := (all.y1 - all.y0 - float64(rows)*space) / (share + float64(rows))
	c.panels[0].area = box{all.x0, all.y0, all.x1, all.y0 + share*row}
	if rows == 0 {
		c.panels[0].area = all
	}
	width := (all.x1 - all.x0 - float64(across-1)*space) / float64(across)
	for i, p := range rest {
		x := all.x0 + float64(i%across)*(width+space)
		y := c.panels[0].area.y1 + space + float64(i/across)*(row+space)
		p.area = box{x, y, x + width, y + row}
	}
	left, right := c.xRange()
	for _, p := range c.panels {
		p.y.low, p.y.high = c.yRange(p.series, left, right)
		p.y.log = c.log && p.y.low > 0
		p.y.from, p.y.to = math.Round(p.area.y1-c.px(tickRow)), math.Round(p.area.y0+c.px(titleRow))
		p.yTicks = p.y.ticks(rowsOfTicks((p.y.from - p.y.to) / c.ratio))
	}
	margin := 0.0
	for _, p := range c.panels {
		for _, t := range p.yTicks {
			margin = max(margin, c.glyphs.width(t.Label, c.px(textSize)))
		}
	}
	for _, p := range c.panels {
		p.x = scale{low: left, high: right, from: math.Round(p.area.x0 + margin + c.px(8)), to: math.Round(p.area.x1 - c.px(4))}
		p.plot = box{p.x.from, p.y.to, p.x.to, p.y.from}
		p.xTicks = xTicks(c.x, left, right, (p.x.to-p.x.from)/c.ratio)
	}
}

// rowsOfTicks is how many ticks an upright axis should have.
func rowsOfTicks(height float64) int { return max(2, int(height/32)) }

// xTicks are the ticks of a horizontal axis of a width in CSS pixels.
func xTicks(x X, low, high, width float64) []Tick {
	n := max(2, int(width/84))
	if x == ByTime {
		return timeTicks(low, high, n)
	}
	return linearTicks(low, high, max(1, niceStep((high-low)/float64(n))))
}

// xRange is what the horizontal axis shows.
func (c *Chart) xRange() (low, high float64) {
	if len(c.zooms) > 0 {
		z := c.zooms[len(c.zooms)-1]
		return z.x0, z.x1
	}
	low, high = math.Inf(1), 0
	for _, r := range c.runs {
		if xs := r.axes[c.x]; len(xs) > 0 {
			low, high = min(low, xs[0]), max(high, xs[len(xs)-1])
		}
	}
	if low < 0.1*high || low >= high {
		low = 0
	}
	return low, max(high, low+1)
}

// yRange is what a panel's vertical axis shows: all of the smoothed curves between left and right and of the validation,
// and of the points as they are all but the outermost hundredth, so that one spike does not flatten everything.
func (c *Chart) yRange(series string, left, right float64) (low, high float64) {
	if len(c.zooms) > 0 {
		if y, ok := c.zooms[len(c.zooms)-1].y[series]; ok {
			return y[0], y[1]
		}
	}
	low, high = math.Inf(1), math.Inf(-1)
	add := func(v float64) {
		if finite(v) && (v > 0 || !c.log) {
			low, high = min(low, v), max(high, v)
		}
	}
	var sample []float64
	for _, r := range c.runs {
		from, to := r.visible(c.x, left, right)
		if len(r.values[series]) == 0 {
			continue
		}
		raw, curve := r.values[series][from:to], r.smoothed(series, c.smoothing)[from:to]
		every := len(raw)/500 + 1
		for i, v := range raw {
			if i%every == 0 && finite(v) {
				sample = append(sample, v)
			}
			add(curve[i])
		}
		for k, i := range r.validation {
			if series == Loss && i >= from && i < to {
				add(r.losses[k])
			}
		}
	}
	slices.Sort(sample)
	if n := len(sample); n > 0 {
		add(sample[n/100])
		add(sample[n-1-n/100])
	}
	switch {
	case low > high, low == 0 && high == 0:
		return 0, 1
	case high-low < 1e-9*max(math.Abs(low), math.Abs(high)): // but for rounding, equal
		low, high = low-math.Abs(low)/10, high+math.Abs(high)/10
	}
	if c.log && low > 0 {
		rim := math.Pow(high/low, 0.05)
		return low / rim, high * rim
	}
	rim := 0.05 * (high - low)
	if low >= 0 && (low-rim < 0 || series == LearningRate) {
		return 0, high + rim
	}
	return low - rim, high + rim
}
