package chart

import (
	"math"
	"slices"
)

// smoothed is a series' smooth curve: at each point the straight line that fits all points best, when a point weighs less
// than the one beside it by a factor, to both sides (local linear regression; Fan and Gijbels, "Local Polynomial
// Modelling and Its Applications", 1996). Unlike a running average it does not lag behind a curve that falls.
type smoothed struct {
	factor float64
	values []float64
	before []moments
}

// moments are weighted sums over points with values v at distances d from the one that is looked at.
type moments struct{ one, d, dd, v, dv float64 }

// step moves on to the next point, after adding a value if it is finite.
func (m moments) step(v, factor float64) moments {
	if finite(v) {
		m.one++
		m.v += v
	}
	return moments{
		one: factor * m.one, d: factor * (m.d + m.one), dd: factor * (m.dd + 2*m.d + m.one),
		v: factor * m.v, dv: factor * (m.dv + m.v),
	}
}

// fit is the line's value at a point with the value v, between those before and after it.
func (m moments) fit(v float64, after moments) float64 {
	one, d, dd := m.one+after.one+1, after.d-m.d, m.dd+after.dd
	sum, dv := m.v+after.v+v, after.dv-m.dv
	if det := one*dd - d*d; det > 1e-9*one*dd {
		return (dd*sum - d*dv) / det
	}
	return sum / one // there are no two points
}

// update computes the curve anew if there are other values than the last time. Where a value is not finite, neither is the
// curve.
func (s *smoothed) update(values []float64, factor float64) []float64 {
	if s.factor == factor && len(s.values) == len(values) {
		return s.values
	}
	s.factor = factor
	s.values, s.before = slices.Grow(s.values[:0], len(values)), slices.Grow(s.before[:0], len(values))
	var m moments
	for _, v := range values {
		s.before = append(s.before, m)
		m = m.step(v, factor)
	}
	s.values = append(s.values, values...)
	var after moments
	for i, v := range slices.Backward(values) {
		if finite(v) {
			s.values[i] = s.before[i].fit(v, after)
		} else {
			s.values[i] = math.NaN()
		}
		after = after.step(v, factor)
	}
	return s.values
}
