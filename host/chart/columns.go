package chart

import (
	"math"
	"slices"
)

// column is what falls into one column of pixels: however many points a series has, a picture of it needs no more.
type column struct {
	x         float64 // in pixels: of a single point its own, else the column's middle
	low, high float64 // in pixels, low being further down
	last      float64
	mean      float64
}

// columns gathers the points i with from <= i < to by the column of pixels they fall into: x and y give their place in
// pixels. Points that are not finite are left out.
func columns(from, to int, x, y func(i int) float64) []column {
	var all []column
	count, at := 0, math.NaN()
	for i := from; i < to; i++ {
		px, py := x(i), y(i)
		if !finite(px) || !finite(py) {
			continue
		}
		if floor := math.Floor(px); floor != at {
			at, count = floor, 0
			all = append(all, column{x: px, low: py, high: py})
		}
		c := &all[len(all)-1]
		if count > 0 {
			c.x = at + 0.5
		}
		count++
		c.low, c.high, c.last = max(c.low, py), min(c.high, py), py
		c.mean += (py - c.mean) / float64(count)
	}
	return all
}

// spread is the mean height of the columns: a curve whose columns are flat is drawn as a line, others as upright bars.
func spread(all []column) float64 {
	sum := 0.0
	for _, c := range all {
		sum += c.low - c.high
	}
	return sum / float64(max(len(all), 1))
}

// straightened leaves out the points of a line, from left to right, that are not further than the tolerance from the
// line without them (Douglas and Peucker, 1973). A smooth curve needs a tenth of its columns: triangles are what a
// software adapter spends its time on.
func straightened(points []vec, tolerance float64) []vec {
	if len(points) < 3 {
		return points
	}
	first, last := points[0], points[len(points)-1]
	across := last.minus(first).unit().across()
	furthest, at := 0.0, 0
	for i, p := range points[1 : len(points)-1] {
		if away := math.Abs(p.minus(first).dot(across)); away > furthest {
			furthest, at = away, i+1
		}
	}
	if furthest <= tolerance {
		return []vec{first, last}
	}
	left, right := straightened(points[:at+1], tolerance), straightened(points[at:], tolerance)
	return append(slices.Clone(left[:len(left)-1]), right...)
}
