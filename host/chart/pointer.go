package chart

import (
	"maps"
	"math"
)

// zoom is a part of the chart: from x0 to x1 on the horizontal axis, and of some series the range of values.
type zoom struct {
	x0, x1 float64
	y      map[string][2]float64
}

// pointer is where the mouse or a finger is, in CSS pixels.
type pointer struct {
	at, pressed   vec
	over, drawing bool
}

// point makes a change of the pointer only.
func (c *Chart) point(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.picture = nil
}

// Hover tells that the pointer is at a place: the chart shows what it points at.
func (c *Chart) Hover(x, y float64) {
	c.mu.Lock()
	same := c.pointer.over && c.pointer.at == vec{x, y}
	c.mu.Unlock()
	if !same {
		c.point(func() { c.pointer.at, c.pointer.over = vec{x, y}, true })
	}
}

// Leave tells that the pointer is no longer over the chart.
func (c *Chart) Leave() {
	c.mu.Lock()
	over := c.pointer.over
	c.mu.Unlock()
	if over {
		c.point(func() { c.pointer = pointer{} })
	}
}

// Press begins a box to zoom into, at a place in a panel.
func (c *Chart) Press(x, y float64) {
	c.point(func() {
		c.pointer = pointer{at: vec{x, y}, pressed: vec{x, y}, over: true}
		c.pointer.drawing = c.panelAt(c.pointer.at) != nil
	})
}

// Release ends the box and zooms into it. A flat one takes part of the horizontal axis only; a tiny one is none, nor one
// between numbers that are all but equal.
func (c *Chart) Release(x, y float64) {
	c.change(func() {
		drawing := c.pointer.drawing
		c.pointer.at, c.pointer.drawing = vec{x, y}, false
		p := c.panelAt(c.pointer.pressed)
		if !drawing || p == nil {
			return
		}
		b, tall := c.drawn(p)
		if b.x1-b.x0 < c.px(6) {
			return
		}
		z := zoom{x0: p.x.value(b.x0), x1: p.x.value(b.x1), y: map[string][2]float64{}}
		if len(c.zooms) > 0 {
			maps.Copy(z.y, c.zooms[len(c.zooms)-1].y)
		}
		if tall {
			z.y[p.series] = [2]float64{p.y.value(b.y1), p.y.value(b.y0)}
		}
		if y := z.y[p.series]; apart(z.x0, z.x1) && (!tall || apart(y[0], y[1])) {
			c.zooms = append(c.zooms, z)
		}
	})
}

// apart says that there are enough numbers between two of them for an axis.
func apart(a, b float64) bool { return b-a > 1e-9*max(math.Abs(a), math.Abs(b)) }

// Back undoes the last zoom.
func (c *Chart) Back() {
	c.change(func() { c.zooms = c.zooms[:max(len(c.zooms)-1, 0)] })
}

// Whole undoes all zooms.
func (c *Chart) Whole() { c.change(func() { c.zooms = nil }) }

// Zoomed says whether part of the chart is shown only.
func (c *Chart) Zoomed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.zooms) > 0
}

// panelAt is the panel of the last picture that has a place, in CSS pixels, within its axes.
func (c *Chart) panelAt(at vec) *panel {
	for _, p := range c.panels {
		if p.plot.has(at.times(c.ratio)) {
			return p
		}
	}
	return nil
}

// drawn is the box that is being drawn, within its panel's axes; tall says that it is meant to have a height.
func (c *Chart) drawn(p *panel) (b box, tall bool) {
	from, to := c.pointer.pressed.times(c.ratio), c.pointer.at.times(c.ratio)
	b = box{max(min(from.x, to.x), p.plot.x0), max(min(from.y, to.y), p.plot.y0), min(max(from.x, to.x), p.plot.x1), min(max(from.y, to.y), p.plot.y1)}
	if math.Abs(from.y-to.y) < c.px(16) {
		b.y0, b.y1 = p.plot.y0, p.plot.y1
		return b, false
	}
	return b, true
}
