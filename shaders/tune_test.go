package shaders

import (
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

func TestTuneTakesTheFastest(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	want := "gpu"
	candidates := []host.Choice{{Variant: "cpu"}, {Variant: "gpu"}}
	if d.Info.CPU {
		want = "cpu"
		candidates = []host.Choice{{Variant: "gpu"}, {Variant: "cpu"}}
	}
	best := tune(d, candidates, []Shape{{N: 256, I: 256, O: 256}, {N: 128, I: 128, O: 256}}, time.Minute)
	for _, k := range matmuls {
		if best[k.Name].Variant != want {
			t.Errorf("%s: %s is not the fastest on %s", k.Name, best[k.Name], d.Info)
		}
		if chosen := d.Choice(k); chosen.String() != best[k.Name].String() {
			t.Errorf("%s: %s was returned and %s is set", k.Name, best[k.Name], chosen)
		}
	}
}

func TestTuneKeepsItsBudget(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	first, second := host.Choice{Variant: "gpu"}, host.Choice{Variant: "cpu"}
	if !d.Info.CPU {
		first, second = second, first
	}
	for name, c := range tune(d, []host.Choice{first, second}, []Shape{{N: 64, I: 64, O: 64}}, 0) {
		if c.Variant != first.Variant {
			t.Errorf("%s: %s was tried after the budget", name, c)
		}
	}
}

func TestTuneOnSoftwareAdapterIsImmediate(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	start := time.Now()
	best := Tune(d, []Shape{{N: 16384, I: 512, O: 6400}}, 3*time.Second)
	if len(best) != len(matmuls) {
		t.Fatalf("%d choices for %d kernels", len(best), len(matmuls))
	}
	if took := time.Since(start); d.Info.CPU && took > 100*time.Millisecond {
		t.Errorf("a software adapter has one good choice, and finding it took %v", took)
	}
}

// Every tile size that a GPU may get must compute the same as any other.
func TestGPUTiles(t *testing.T) {
	d := hosttest.Device(t)
	keepChoices(t, d)
	for _, tile := range gpuTiles {
		if !fits(d.Info.Limits, tile) {
			t.Errorf("%s does not fit this adapter", tile)
			continue
		}
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
