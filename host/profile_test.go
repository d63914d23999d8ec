package host_test

import (
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// A dispatch that does much more work is seen to take longer, and all together take no longer than the clock says.
func TestProfile(t *testing.T) {
	for _, timestamps := range []bool{true, false} {
		d := hosttest.Open(t)
		if timestamps && !d.Info.Timestamps {
			continue // this adapter's dispatches are timed by the clock only
		}
		d.Info.Timestamps = timestamps
		const n = 1 << 14
		x := d.Allocate("test", "x", 4*n)
		light, heavy := affine(x, n, 1, 1), affine(x, n, 3, 1)
		heavy.Overrides = []uint32{2000}
		r := d.Record(light, heavy, light)
		d.Replay(nil, r)
		d.Replay(nil, r)
		start := time.Now()
		timings := d.Profile(r, 5)
		total := time.Since(start).Seconds()
		if err := d.Wait(); err != nil {
			t.Fatal(err)
		}
		if len(timings) != 3 {
			t.Fatalf("%d timings", len(timings))
		}
		sum := 0.0
		for _, m := range timings {
			if m.Kernel != "affine" || m.Grid != [3]uint32{n / 64, 1, 1} {
				t.Errorf("%+v", m)
			}
			sum += m.Seconds
		}
		t.Logf("timestamps %v: %v, all 5 by the clock %.3g s", d.Info.Timestamps, timings, total)
		if timings[1].Seconds < 3*timings[0].Seconds || timings[1].Seconds < 3*timings[2].Seconds {
			t.Errorf("2000 times the work does not take longer: %+v", timings)
		}
		if sum*3 > total {
			t.Errorf("the dispatches take %v s, and five times as much, by the clock, %v s", sum, total)
		}
		if d.Info.Timestamps && sum*10 < total/5 {
			t.Errorf("the dispatches take %v s by timestamps, %v s by the clock", sum, total/5)
		}
	}
	d := hosttest.Open(t)
	r := d.Record(affine(d.Allocate("test", "x", 64), 1, 1, 1))
	d.Lose("gone")
	if timings := d.Profile(r, 2); timings != nil || d.Err() == nil {
		t.Errorf("on a lost device: %v", timings)
	}
}
