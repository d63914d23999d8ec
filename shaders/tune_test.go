package shaders

import (
	"runtime"
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// keepChoices lets a test change the choices of the matmul kernels.
func keepChoices(t *testing.T, d *host.Device) {
	for _, k := range matmuls {
		was := d.Choice(k)
		t.Cleanup(func() { d.Choose(k.Name, was) })
	}
}

// The clock is made up: what an adapter is fastest at is a benchmark's question.
func TestTuneTakesTheFastest(t *testing.T) {
	d := hosttest.Device(t)
	large, small := gpuTile(64, 64, 16, 8, 4), gpuTile(64, 64, 16, 4, 4)
	shapes := []Shape{{N: 96, I: 64, O: 32}, {N: 32, I: 32, O: 64}}
	run := true // the first time
	times := func(milliseconds map[uint32]float64) func(*host.Device, []host.Call) time.Duration {
		return func(d *host.Device, calls []host.Call) time.Duration {
			if len(calls) != len(shapes) {
				t.Errorf("%d calls for %d shapes", len(calls), len(shapes))
			}
			if run {
				timeOf(d, calls) // a recording of them runs, too
			}
			return time.Duration(milliseconds[d.Choice(calls[0].Kernel).Constants["TM"]] * float64(time.Millisecond))
		}
	}
	for _, c := range []struct {
		name                string
		first, second, want float64 // milliseconds
	}{
		{"the second is faster", 30, 20, 20},
		{"the first is faster", 20, 30, 20},
		{"the second is faster by chance", 30, 29.9, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			keepChoices(t, d)
			took := map[uint32]float64{8: c.first, 4: c.second} // by TM
			best := tune(d, []host.Choice{large, small}, shapes, time.Hour, times(took))
			run = false
			for _, k := range matmuls {
				if got := took[best[k.Name].Constants["TM"]]; got != c.want {
					t.Errorf("%s: %s was chosen, of %v ms", k.Name, best[k.Name], got)
				}
				if chosen := d.Choice(k); chosen.String() != best[k.Name].String() {
					t.Errorf("%s: %s was returned and %s is set", k.Name, best[k.Name], chosen)
				}
			}
		})
	}
}

func TestTuneKeepsItsBudget(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	first, second := host.Choice{Variant: "gpu"}, host.Choice{Variant: "cpu"}
	if !d.Info.CPU {
		first, second = second, first
	}
	for name, c := range tune(d, []host.Choice{first, second}, []Shape{{N: 64, I: 64, O: 64}}, 0, timeOf) {
		if c.Variant != first.Variant {
			t.Errorf("%s: %s was tried after the budget", name, c)
		}
	}
}

// A software adapter has one good choice, which takes no time to find.
func TestTuneOnSoftwareAdapter(t *testing.T) {
	if tiles := tilesFor(host.Info{CPU: true, Limits: hosttest.Device(t).Info.Limits}); len(tiles) > 0 {
		t.Errorf("%d tiles to try", len(tiles))
	}
}

func TestTuneWithoutCandidates(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	best := tune(d, nil, []Shape{{N: 16384, I: 512, O: 6400}}, time.Hour, func(*host.Device, []host.Call) time.Duration {
		t.Error("something was tried")
		return time.Second
	})
	for _, k := range matmuls {
		if best[k.Name].String() != d.Choice(k).String() {
			t.Errorf("%s: %s was returned and %s is set", k.Name, best[k.Name], d.Choice(k))
		}
	}
}

// Tiles are tried on as many rows as can be bound, on adapters that show kernels more than 16 GiB of a buffer, too.
func TestTuneRows(t *testing.T) {
	for binding, want := range map[int64]uint32{64 << 30: 4096, 16 << 30: 4096, 1 << 20: 512} {
		d := host.Planner(host.Info{Limits: host.Limits{StorageBinding: binding, Buffer: binding}})
		tune(d, []host.Choice{{Variant: "cpu"}}, []Shape{{N: 16384, I: 128, O: 512}}, time.Hour, func(_ *host.Device, calls []host.Call) time.Duration {
			if got := calls[0].Params[0]; got != want && calls[0].Kernel != &matmulBackwardWeightKernel {
				t.Errorf("%s of %d rows on an adapter that shows kernels %s, want %d", calls[0].Kernel.Name, got, host.Bytes(binding), want)
			}
			return time.Second
		})
	}
}

// Every tile size that a GPU may get must compute the same as any other. Node's adapter takes seconds to compile one, and
// gets one of each number of outputs a thread.
func TestGPUTiles(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	tested := map[[2]uint32]bool{}
	for _, tile := range gpuTiles {
		if !fits(d.Info.Limits, tile) {
			t.Errorf("%s does not fit this adapter", tile)
			continue
		}
		outputs := [2]uint32{tile.Constants["TM"], tile.Constants["TN"]}
		if runtime.GOOS == "js" && tested[outputs] {
			continue
		}
		tested[outputs] = true
		t.Run(tile.String(), func(t *testing.T) {
			for _, k := range matmuls {
				d.Choose(k.Name, tile)
			}
			testMatmulForward(t, 150, 36, 131)
			testMatmulBackwardInput(t, 150, 36, 131)
			testMatmulBackwardWeight(t, 150, 36, 131)
		})
	}
}

// Every tile size that tuning tries gives workgroups whose rows are of one expert.
func TestTilesFitExperts(t *testing.T) {
	for _, c := range gpuTiles {
		if bm := c.Constants["BM"]; ExpertTile%bm != 0 {
			t.Errorf("tiles of %d rows do not divide those of experts, %d", bm, ExpertTile)
		}
	}
}
