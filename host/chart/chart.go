// Package chart draws the curves of training runs: the loss with its validation, the learning rate, and whatever else is
// measured step by step. A Chart takes points, settings and what the pointer does, and makes a Picture of triangles;
// package screen shows the Picture in a window or a page, and Chart.PNG on paper. Nothing here knows a graphics library,
// so that all of it is tested in milliseconds and looks alike everywhere, but for the letters: on a page they are the
// browser's.
package chart

import (
	"slices"
	"sync"
)

// Names of the series that every run has. Others have the names that Point.Values gives them.
const (
	Loss            = "loss"
	LearningRate    = "learning_rate"
	GradNorm        = "grad_norm"
	TokensPerSecond = "tokens_per_second"
)

// X is what the horizontal axis counts.
type X int

const (
	ByStep X = iota
	ByTokens
	ByTime // in seconds of training
)

// Chart is a picture of one or more runs that changes as they go on. Its methods may be called at any time from any
// goroutine. Lengths are in CSS pixels, from the upper left corner.
type Chart struct {
	mu            sync.Mutex
	runs          []*run
	series        []string // shown, each in a panel of its own
	language      Language
	theme         Theme
	smoothing     float64
	log           bool
	x             X
	width, height float64
	ratio         float64 // device pixels of a CSS pixel
	table         [][]string
	note          string

	zooms   []zoom // the last one counts
	pointer pointer
	glyphs  *glyphs
	panels  []*panel // of the last picture
	base    *Picture // all but what the pointer does; nil: to be made anew
	picture *Picture // nil: to be made anew
	corners int      // that the last base had: the next one has about as many
	version int
}

// New is an empty chart of loss and learning rate, in English, light, smoothed by 0.9.
func New() *Chart {
	return &Chart{series: []string{Loss, LearningRate}, language: English, theme: Light, smoothing: 0.9, width: 640, height: 400, ratio: 1, glyphs: newGlyphs(newTypeface())}
}

// change makes a change under the lock; the next picture shows it.
func (c *Chart) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.base, c.picture = nil, nil
}

// SetSize sets the size, and how many device pixels a CSS pixel has.
func (c *Chart) SetSize(width, height, ratio float64) {
	c.mu.Lock()
	same := c.width == width && c.height == height && c.ratio == ratio
	c.mu.Unlock()
	if !same {
		c.change(func() { c.width, c.height, c.ratio = width, height, ratio })
	}
}

// SetTheme sets the colours.
func (c *Chart) SetTheme(t Theme) { c.change(func() { c.theme = t }) }

// SetSmoothing sets how much the curves are smoothed, from 0 (not at all) to below 1: a point of the curve is
// where a straight line through its neighbours goes, each of whom weighs that factor less than the one before.
func (c *Chart) SetSmoothing(s float64) { c.change(func() { c.smoothing = min(max(s, 0), 0.999) }) }

// Smoothing is what SetSmoothing has set.
func (c *Chart) Smoothing() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.smoothing
}

// SetLog makes the vertical axes logarithmic, or linear again.
func (c *Chart) SetLog(log bool) {
	c.change(func() {
		if c.log != log {
			c.zooms = nil
		}
		c.log = log
	})
}

// SetX sets what the horizontal axis counts.
func (c *Chart) SetX(x X) {
	c.change(func() {
		if c.x != x {
			c.zooms = nil
		}
		c.x = x
	})
}

// SetSeries sets which series are shown, in their order: the first one largest.
func (c *Chart) SetSeries(names ...string) {
	c.change(func() { c.series = slices.Clone(names) })
}

// SeriesNames lists all series that the runs have: the usual ones first, then the others by name.
func (c *Chart) SeriesNames() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{Loss, LearningRate, GradNorm, TokensPerSecond}
	var others []string
	for _, r := range c.runs {
		for name := range r.values {
			if !slices.Contains(names, name) && !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

// Picture is the chart as it is now. It is the same one until something changes.
func (c *Chart) Picture() *Picture {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.picture == nil {
		c.version++
		c.picture = c.paint()
		c.picture.Version = c.version
	}
	return c.picture
}
