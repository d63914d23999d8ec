package chart

import (
	"image"
	"math"
	"slices"
)

// paint makes the picture: what it showed before, if only the pointer has moved, and what that points at.
func (c *Chart) paint() *Picture {
	to := c.paintOnce()
	if c.glyphs.begun { // an empty atlas holds the letters of any one picture
		c.glyphs.reset()
		c.base = nil
		to = c.paintOnce()
	}
	to.Atlas, to.AtlasVersion = c.glyphs.atlas, c.glyphs.version
	c.glyphs.shared = true
	return to.Picture
}

// paintOnce makes the picture, which is wrong if the atlas was begun anew over it.
func (c *Chart) paintOnce() *canvas {
	c.glyphs.begun = false
	if c.base == nil {
		c.base = c.paintBase()
	}
	copied := *c.base
	const room = 4000 // for what the pointer adds
	copied.Vertices = append(make([]Vertex, 0, len(copied.Vertices)+room), copied.Vertices...)
	copied.Indices = append(make([]uint32, 0, len(copied.Indices)+3*room), copied.Indices...)
	copied.Parts = slices.Clone(copied.Parts)
	to := &canvas{&copied, c.glyphs}
	c.paintPointer(to)
	return to
}

// paintBase draws all but what the pointer does.
func (c *Chart) paintBase() *Picture {
	room := c.corners + c.corners/16 + 100
	to := &canvas{&Picture{Background: c.theme.Background, Width: int(math.Round(c.px(c.width))), Height: int(math.Round(c.px(c.height))),
		Vertices: make([]Vertex, 0, room), Indices: make([]uint32, 0, 3*room)}, c.glyphs}
	to.clip(to.whole())
	c.layout(c.legend(to), c.paintTable(to))
	for _, p := range c.panels {
		if p.plot.x1-p.plot.x0 > c.px(20) && p.plot.y1-p.plot.y0 > c.px(10) { // or there is no room for it
			c.paintPanel(to, p)
		}
	}
	to.clip(to.whole())
	c.corners = len(to.Vertices)
	return to.Picture
}

// paintPanel draws a panel: title, grid, curves.
func (c *Chart) paintPanel(to *canvas, p *panel) {
	size, theme := c.px(textSize), c.theme
	hair := math.Max(1, math.Round(c.px(1)*0.75))
	x := p.area.x0
	x += to.text(x, p.area.y0+c.px(15), c.px(titleSize), c.label(p.series), theme.Ink)
	if latest := c.latest(p.series); latest != "" {
		to.text(x+c.px(8), p.area.y0+c.px(15), c.px(titleSize), latest, theme.Muted)
	}
	for _, t := range p.yTicks {
		y := math.Round(p.y.pixel(t.Value))
		to.rect(p.plot.x0, y, p.plot.x1, y+hair, theme.Grid, 1)
		to.text(p.plot.x0-c.px(8)-c.glyphs.width(t.Label, size), y+size*0.36, size, t.Label, theme.Muted)
	}
	axis := c.label([]string{"step", "tokens", "time"}[c.x])
	free := p.plot.x1 - c.glyphs.width(axis, size) // where the axis' name begins
	baseline := p.plot.y1 + c.px(15)
	to.text(free, baseline, size, axis, theme.Muted)
	for _, t := range p.xTicks {
		at, width := math.Round(p.x.pixel(t.Value)), c.glyphs.width(t.Label, size)
		to.rect(at, p.plot.y1, at+hair, p.plot.y1+c.px(4), theme.Axis, 1)
		if left := max(at-width/2, p.plot.x0-c.px(8)); left+width < free-c.px(8) {
			to.text(left, baseline, size, t.Label, theme.Muted)
		}
	}
	to.rect(p.plot.x0, p.plot.y1, p.plot.x1, p.plot.y1+hair, theme.Axis, 1)
	rim := int(c.px(4)) // for the last point's dot
	to.clip(image.Rect(int(p.plot.x0)-rim, int(p.plot.y0), int(p.plot.x1)+rim, int(p.plot.y1)))
	for i, r := range c.runs {
		c.paintMarks(to, p, r, theme.run(i), false)
	}
	for i, r := range c.runs {
		if c.smoothing > 0 && p.series != LearningRate {
			c.curve(to, p, r, r.values[p.series], 1, theme.run(i).Mix(theme.Panel, 0.7))
		}
	}
	for i, r := range c.runs {
		c.curve(to, p, r, r.smoothed(p.series, c.smoothing), 1.75, theme.run(i))
	}
	if p.series == Loss {
		for i, r := range c.runs {
			c.paintValidation(to, p, r, theme.run(i))
		}
	}
	for i, r := range c.runs {
		if p == c.panels[0] { // written once is enough
			c.paintMarks(to, p, r, theme.run(i), true)
		}
	}
	to.clip(to.whole())
	if c.empty() {
		text := c.label("waiting")
		to.text((p.plot.x0+p.plot.x1-c.glyphs.width(text, c.px(titleSize)))/2, (p.plot.y0+p.plot.y1)/2, c.px(titleSize), text, theme.Muted)
	}
}

func (c *Chart) empty() bool {
	for _, r := range c.runs {
		if r.len() > 0 {
			return false
		}
	}
	return true
}

// latest is the last value of a series, if there is one run only.
func (c *Chart) latest(series string) string {
	if len(c.runs) != 1 {
		return ""
	}
	values := c.runs[0].smoothed(series, c.smoothing)
	for i := len(values) - 1; i >= 0; i-- {
		if finite(values[i]) {
			return number(values[i])
		}
	}
	return ""
}

// curve draws values, as many as the run has points. Where there are more points than pixels, it draws a line through each
// column's mean if the columns are flat, and else each column's range.
func (c *Chart) curve(to *canvas, p *panel, r *run, values []float64, width float64, color Color) {
	from, end := r.visible(c.x, p.x.low, p.x.high)
	end = min(end, len(values))
	xs := r.axes[c.x]
	width = c.px(width)
	all := columns(from, end, func(i int) float64 { return p.x.pixel(xs[i]) }, func(i int) float64 { return p.y.pixel(values[i]) })
	points := make([]vec, len(all))
	for i, col := range all {
		points[i] = vec{col.x, col.mean}
	}
	switch {
	case len(points) == 1:
		to.dot(points[0], width, color)
	case spread(all) < 1.5*width:
		to.line(straightened(points, 0.1), width, color)
	default:
		for i, col := range all {
			low, high := col.low, col.high
			if i > 0 { // up to where the last column ended
				low, high = max(low, all[i-1].last), min(high, all[i-1].last)
			}
			at := math.Floor(col.x)
			next := at + 1
			if i+1 < len(all) {
				next = max(next, math.Floor(all[i+1].x))
			}
			to.rect(at, high-width/2, next, low+width/2, color, 1)
		}
	}
}

// paintValidation draws the losses on the documents held out: points with a rim, joined by a line.
func (c *Chart) paintValidation(to *canvas, p *panel, r *run, color Color) {
	var points []vec
	for k, i := range r.validation {
		if y := p.y.pixel(r.losses[k]); finite(y) {
			points = append(points, vec{p.x.pixel(r.axes[c.x][i]), y})
		}
	}
	if len(points) == 0 {
		return
	}
	color = color.Mix(c.theme.Ink, 0.35)
	to.line(points, c.px(1.25), color)
	if room := (p.plot.x1 - p.plot.x0) / float64(len(points)); room < c.px(9) && len(points) > 1 {
		return
	}
	for _, at := range points {
		if at.x > p.plot.x0-c.px(8) && at.x < p.plot.x1+c.px(8) {
			to.dot(at, c.px(4), c.theme.Panel)
			to.dot(at, c.px(2.75), color)
		}
	}
}

// paintMarks draws what befell a run: dashed upright lines, or their labels.
func (c *Chart) paintMarks(to *canvas, p *panel, r *run, color Color, labels bool) {
	for k, m := range r.marks {
		i := r.nearest(ByStep, float64(m.step))
		if i < 0 {
			continue
		}
		at := math.Round(p.x.pixel(r.axes[c.x][i]))
		if labels {
			to.text(at+c.px(4), p.plot.y0+c.px(12+14*float64(k%3)), c.px(textSize), c.markLabel(m.label), c.theme.Ink)
			continue
		}
		for y := p.plot.y0; y < p.plot.y1; y += c.px(6) {
			to.rect(at, y, at+max(1, math.Round(c.px(1))), y+c.px(3), color, 0.8)
		}
	}
}
