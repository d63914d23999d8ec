package chart

import (
	"math"
	"slices"
	"sort"
)

// Point is what is known of a run after one step. NaN is for numbers that are not known, or not finite.
type Point struct {
	Step, Tokens    int64
	Seconds         float64 // of training so far
	Loss            float64 // of the step's tokens
	Validation      float64 // loss on the documents held out; 0: there was no validation after this step
	LearningRate    float64
	GradNorm        float64
	TokensPerSecond float64
	Values          map[string]float64 // more series, by name
}

// run is a run's points, column by column.
type run struct {
	id, name   string
	axes       [3][]float64         // by X
	values     map[string][]float64 // by series, as long as the axes; NaN where there is none
	validation []int                // the points that have one
	losses     []float64            // of these validations
	smooth     map[string]*smoothed
	marks      []mark
}

// mark says what befell a run at a step.
type mark struct {
	step  int64
	label string
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// run finds a run, or begins one.
func (c *Chart) run(id string) *run {
	for _, r := range c.runs {
		if r.id == id {
			return r
		}
	}
	r := &run{id: id, name: id, values: map[string][]float64{}, smooth: map[string]*smoothed{}}
	c.runs = append(c.runs, r)
	return r
}

// Append adds points to a run, which begins with its first. A point of a step that the run is past means that it goes on
// from there: later points are forgotten.
func (c *Chart) Append(id string, points ...Point) {
	c.change(func() {
		r := c.run(id)
		for _, p := range points {
			r.cut(p.Step)
			r.append(p)
		}
	})
}

// SetName sets how a run is called in the legend; without it, by its id.
func (c *Chart) SetName(id, name string) { c.change(func() { c.run(id).name = name }) }

// Mark draws an upright line with a label at a step of a run.
func (c *Chart) Mark(id string, step int64, label string) {
	c.change(func() { r := c.run(id); r.marks = append(r.marks, mark{step, label}) })
}

// Remove forgets a run.
func (c *Chart) Remove(id string) {
	c.change(func() { c.runs = slices.DeleteFunc(c.runs, func(r *run) bool { return r.id == id }) })
}

// Clear forgets the points and marks of a run, which keeps its place and its name.
func (c *Chart) Clear(id string) { c.change(func() { c.run(id).cut(math.MinInt64) }) }

// Runs lists the runs' ids in their order.
func (c *Chart) Runs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, r := range c.runs {
		ids = append(ids, r.id)
	}
	return ids
}

func (r *run) len() int { return len(r.axes[ByStep]) }

// cut forgets the points from a step on.
func (r *run) cut(step int64) {
	n := sort.SearchFloat64s(r.axes[ByStep], float64(step))
	if n == r.len() {
		return
	}
	for x := range r.axes {
		r.axes[x] = r.axes[x][:n]
	}
	for name := range r.values {
		r.values[name] = r.values[name][:n]
	}
	k := sort.SearchInts(r.validation, n)
	r.validation, r.losses = r.validation[:k], r.losses[:k]
	r.marks = slices.DeleteFunc(r.marks, func(m mark) bool { return m.step >= step })
	clear(r.smooth)
}

func (r *run) append(p Point) {
	n := r.len()
	r.axes[ByStep] = append(r.axes[ByStep], float64(p.Step))
	r.axes[ByTokens] = append(r.axes[ByTokens], float64(p.Tokens))
	r.axes[ByTime] = append(r.axes[ByTime], p.Seconds)
	if p.Validation != 0 && finite(p.Validation) {
		r.validation = append(r.validation, n)
		r.losses = append(r.losses, p.Validation)
	}
	set := func(name string, v float64) {
		column := r.values[name]
		for len(column) < n {
			column = append(column, math.NaN())
		}
		r.values[name] = append(column, v)
	}
	set(Loss, p.Loss)
	set(LearningRate, p.LearningRate)
	set(GradNorm, p.GradNorm)
	set(TokensPerSecond, p.TokensPerSecond)
	for name, v := range p.Values {
		set(name, v)
	}
	for name, column := range r.values {
		if len(column) <= n {
			set(name, math.NaN())
		}
	}
}

// smoothed is the series' curve. The learning rate is a formula's, without noise: it stays as it is.
func (r *run) smoothed(series string, factor float64) []float64 {
	if series == LearningRate || factor == 0 {
		return r.values[series]
	}
	s := r.smooth[series]
	if s == nil {
		s = &smoothed{}
		r.smooth[series] = s
	}
	return s.update(r.values[series], factor)
}

// nearest is the index of the point that is nearest to x on an axis; -1 if there is none.
func (r *run) nearest(axis X, x float64) int {
	xs := r.axes[axis]
	i := sort.SearchFloat64s(xs, x)
	if i == len(xs) || i > 0 && x-xs[i-1] < xs[i]-x {
		i--
	}
	return i
}

// visible is the range of points from x0 to x1 on an axis, and one more at each end.
func (r *run) visible(axis X, x0, x1 float64) (from, to int) {
	xs := r.axes[axis]
	from = max(sort.SearchFloat64s(xs, x0)-1, 0)
	to = min(sort.Search(len(xs), func(i int) bool { return xs[i] > x1 })+1, len(xs))
	return from, max(from, to)
}
