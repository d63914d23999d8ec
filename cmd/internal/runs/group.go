package runs

import (
	"errors"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
)

// Group is runs in one chart, all being followed. Those of a sweep become more while it goes on.
type Group struct {
	Chart *chart.Chart
	Runs  []*Run // in the order of their ids in the chart; none goes away

	dirs    []string
	damaged map[string]bool // folders: their curves stay as they were
}

// Group opens folders of runs and of sweeps, and makes their chart.
func (v View) Group(dirs []string) (*Group, error) {
	all, err := OpenAll(dirs)
	if err != nil {
		return nil, err
	}
	c, err := v.Chart(all)
	if err != nil {
		return nil, err
	}
	return &Group{Chart: c, Runs: all, dirs: dirs, damaged: map[string]bool{}}, nil
}

// Look adds to the chart the runs that have begun, and what all have recorded, since the last call. more says that there
// are more of them. An error names the file that cannot be read; its run is left alone from then on.
func (g *Group) Look() (more bool, err error) {
	for _, dir := range find(g.dirs) {
		if g.damaged[dir] || slices.ContainsFunc(g.Runs, func(r *Run) bool { return r.Dir == dir }) {
			continue
		}
		r, bad := Open(dir)
		if bad != nil {
			g.damaged[dir] = true
			err = errors.Join(err, bad)
			continue
		}
		g.Runs, more = append(g.Runs, r), true
	}
	if more {
		for i, name := range Names(g.Runs) {
			g.Chart.SetName(ID(i), name)
		}
	}
	for i, r := range g.Runs {
		if g.damaged[r.Dir] {
			continue
		}
		if bad := r.Follow(g.Chart, ID(i)); bad != nil {
			g.damaged[r.Dir] = true
			err = errors.Join(err, bad)
		}
	}
	return more, err
}
