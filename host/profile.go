package host

import (
	"slices"
	"time"
)

// Timing is how long a dispatch takes.
type Timing struct {
	Kernel  string
	Grid    [3]uint32 // workgroups
	Seconds float64
}

// Profile runs each dispatch of a recording by itself, in order, and all of them several times, and returns the median
// time of each: by the GPU's timestamps where Info.Timestamps says that it has them, else by the clock, less what
// an empty submission takes. What the dispatches compute is computed, several times. On an error, which sticks to the
// device, it returns nil.
func (d *Device) Profile(r *Recording, times int) []Timing {
	for r.replays < 2 && d.Err() == nil { // the driver compiles kernels in their first run
		d.pace(r)
	}
	seconds := make([][]float64, len(r.Calls))
	var idle []float64
	for range times {
		if d.Wait() != nil {
			return nil
		}
		if !d.Info.Timestamps {
			idle = append(idle, d.byTheClock(r, 0, 0))
		}
		for i := range r.Calls {
			seconds[i] = append(seconds[i], d.time(r, i))
		}
	}
	if d.Wait() != nil {
		return nil
	}
	all := make([]Timing, len(r.Calls))
	for i, c := range r.Calls {
		all[i] = Timing{c.Kernel.Name, r.grids[i], max(median(seconds[i])-median(idle), 0)}
	}
	return all
}

// time runs dispatch i alone.
func (d *Device) time(r *Recording, i int) float64 {
	if !d.Info.Timestamps {
		return d.byTheClock(r, i, i+1)
	}
	if d.Err() != nil {
		return 0
	}
	seconds, err := d.backend.timeDispatch(r.list, i)
	d.fail(err)
	return seconds
}

func (d *Device) byTheClock(r *Recording, from, to int) float64 {
	if d.Err() != nil {
		return 0
	}
	start := time.Now()
	if from < to {
		d.backend.enqueue(r.list, from, to)
	}
	d.submit(nil)
	d.Wait()
	return time.Since(start).Seconds()
}

// median is 0 of nothing.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
