package chart

import "math"

// reading is a line of what the pointer points at.
type reading struct {
	color       Color
	name, value string
	at          vec // of the point, in device pixels
}

// paintPointer draws what the pointer points at, or the box that it draws.
func (c *Chart) paintPointer(to *canvas) {
	p := c.panelAt(c.pointer.at)
	if c.pointer.drawing {
		if p := c.panelAt(c.pointer.pressed); p != nil {
			b, _ := c.drawn(p)
			to.rect(b.x0, b.y0, b.x1, b.y1, c.theme.Ink, 0.12)
			for _, x := range []float64{b.x0, b.x1 - c.px(1)} {
				to.rect(x, b.y0, x+c.px(1), b.y1, c.theme.Ink, 0.5)
			}
		}
		return
	}
	if !c.pointer.over || p == nil || c.empty() {
		return
	}
	x := c.snap(p.x.value(c.pointer.at.x * c.ratio))
	for _, q := range c.panels {
		if at := math.Round(q.x.pixel(x)); at >= q.plot.x0 && at <= q.plot.x1 {
			to.rect(at, q.plot.y0, at+max(1, math.Round(c.px(1))), q.plot.y1, c.theme.Muted, 0.55)
		}
		for _, r := range c.readings(q, x) {
			if r.at.y >= q.plot.y0 && r.at.y <= q.plot.y1 {
				to.dot(r.at, c.px(4.5), c.theme.Panel)
				to.dot(r.at, c.px(3), r.color)
			}
		}
	}
	c.paintReadout(to, p, x)
}

// snap is the place of the point that is nearest to x, of all runs.
func (c *Chart) snap(x float64) float64 {
	best := math.NaN()
	for _, r := range c.runs {
		if i := r.nearest(c.x, x); i >= 0 {
			if at := r.axes[c.x][i]; !(math.Abs(at-x) >= math.Abs(best-x)) {
				best = at
			}
		}
	}
	return best
}

// readings are the values of a panel's series at x, of the runs that have come so far.
func (c *Chart) readings(p *panel, x float64) []reading {
	var all []reading
	for k, r := range c.runs {
		i := r.nearest(c.x, x)
		if i < 0 || len(r.values[p.series]) == 0 || math.Abs(p.x.pixel(r.axes[c.x][i])-p.x.pixel(x)) > c.px(12) {
			continue
		}
		curve, raw := r.smoothed(p.series, c.smoothing)[i], r.values[p.series][i]
		if !finite(curve) && !finite(raw) {
			continue
		}
		value := number(curve)
		if c.smoothing > 0 && p.series != LearningRate {
			value += "  (" + number(raw) + ")"
		}
		name := c.label(p.series)
		if p.series == Loss {
			name = c.label("train")
		}
		if len(c.runs) > 1 {
			name = r.name
		}
		color := c.theme.run(k)
		at := p.x.pixel(r.axes[c.x][i])
		all = append(all, reading{color, name, value, vec{at, p.y.pixel(curve)}})
		if p.series != Loss {
			continue
		}
		for v := len(r.validation) - 1; v >= 0; v-- { // the last one up to here
			if r.validation[v] <= i {
				name = c.label("validation")
				color = color.Mix(c.theme.Ink, 0.35)
				all = append(all, reading{color, name, number(r.losses[v]), vec{p.x.pixel(r.axes[c.x][r.validation[v]]), p.y.pixel(r.losses[v])}})
				break
			}
		}
	}
	return all
}

// paintReadout writes the values at x beside the pointer: of one run those of all panels, of several those of the panel
// p.
func (c *Chart) paintReadout(to *canvas, p *panel, x float64) {
	size, pad, row, sign := c.px(textSize), c.px(10), c.px(lineHeight), c.px(14)
	lines := c.readings(p, x)
	if len(c.runs) == 1 {
		lines = nil
		for _, q := range c.panels {
			lines = append(lines, c.readings(q, x)...)
		}
	}
	heading := c.heading(x)
	names, values := 0.0, 0.0
	for i := range lines {
		lines[i].name = c.fit(lines[i].name, size, c.px(min(200, c.width/3)))
		names = max(names, c.glyphs.width(lines[i].name, size))
		values = max(values, c.glyphs.width(lines[i].value, size))
	}
	width := 2*pad + max(sign+names+c.px(14)+values, c.glyphs.width(heading, size))
	height := 2*pad + row*float64(len(lines)+1) - c.px(6)
	at := c.pointer.at.times(c.ratio)
	left := at.x + c.px(16)
	if left+width > c.px(c.width)-c.px(4) {
		left = at.x - c.px(16) - width
	}
	top := at.y - height/2
	if c.width < 480 { // a finger hides what is below and beside it
		left, top = at.x-width/2, at.y-height-c.px(28)
	}
	left = min(max(left, c.px(4)), max(c.px(c.width)-width-c.px(4), c.px(4)))
	top = min(max(top, c.px(4)), max(c.px(c.height)-height-c.px(4), c.px(4)))
	left, top = math.Round(left), math.Round(top)
	to.box(left-c.px(1), top-c.px(1), left+width+c.px(1), top+height+c.px(1), c.px(7), c.theme.Axis)
	to.box(left, top, left+width, top+height, c.px(6), c.theme.Background.Mix(c.theme.Grid, 0.5))
	y := top + pad + c.px(10)
	to.text(left+pad, y, size, heading, c.theme.Muted)
	for _, l := range lines {
		y += row
		to.dot(vec{left + pad + c.px(4), y - c.px(4)}, c.px(3.5), l.color)
		to.text(left+pad+sign, y, size, l.name, c.theme.Ink)
		to.text(left+width-pad-c.glyphs.width(l.value, size), y, size, l.value, c.theme.Ink)
	}
}

// heading says where x is: of one run its step, tokens and time.
func (c *Chart) heading(x float64) string {
	if len(c.runs) != 1 {
		switch c.x {
		case ByTokens:
			return c.labelled("at tokens", thousands(x))
		case ByTime:
			return c.label("time") + " " + clock(x, 1)
		}
		return c.labelled("at step", grouped(int64(x)))
	}
	r := c.runs[0]
	i := r.nearest(c.x, x)
	text := c.labelled("at step", grouped(int64(r.axes[ByStep][i])))
	if tokens := r.axes[ByTokens][i]; tokens > 0 {
		text += "   " + c.labelled("at tokens", thousands(tokens))
	}
	if seconds := r.axes[ByTime][i]; seconds > 0 {
		text += "   " + clock(seconds, 1)
	}
	return text
}
