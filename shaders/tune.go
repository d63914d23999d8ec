package shaders

import (
	"slices"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// Shape is a linear layer's: N rows of I features in, O features out.
type Shape struct{ N, I, O uint32 }

// matmuls are the kernels that Tune tunes. They take almost all of a training step, and the best tile sizes differ from
// GPU to GPU.
var matmuls = []*host.Kernel{&matmulForwardKernel, &matmulBackwardInputKernel, &matmulBackwardWeightKernel}

// gpuTiles are the tile sizes that Tune tries on GPUs, the likeliest first. 8 x 8 outputs a thread keep large GPUs
// busiest, and do not fit into the registers of others; small tiles keep all cores busy when a model is small.
var gpuTiles = []host.Choice{
	gpuTile(64, 64, 16, 8, 4),
	gpuTile(128, 64, 16, 8, 8),
	gpuTile(64, 64, 16, 4, 4),
	gpuTile(128, 128, 8, 8, 8),
	gpuTile(64, 64, 16, 8, 8),
	gpuTile(32, 32, 32, 4, 4),
}

func gpuTile(bm, bn, bk, tm, tn uint32) host.Choice {
	return host.Choice{Variant: "gpu", Constants: map[string]uint32{"BM": bm, "BN": bn, "BK": bk, "TM": tm, "TN": tn}}
}

// fits says that the adapter can run a tile.
func fits(l host.Limits, tile host.Choice) bool {
	c := tile.Constants
	threads := c["BM"] / c["TM"] * (c["BN"] / c["TN"])
	bytes := 4 * c["BK"] * (c["BM"] + c["BN"] + 8) // 8: two strides longer by a vec4
	return int(threads) <= l.WorkgroupSize && int(bytes) <= l.WorkgroupMemory
}

// Tune chooses the fastest variant and tile sizes of each matmul kernel for the sum of the shapes' times, sets them
// with d.Choose and returns them by kernel name, to be kept with a run: other tiles add in another order, so other bits.
// It begins no further candidate after the budget. Software adapters have one good choice, which it returns at once.
// An error sticks to the device.
func Tune(d *host.Device, shapes []Shape, budget time.Duration) map[string]host.Choice {
	return tune(d, tilesFor(d.Info), shapes, budget, timeOf)
}

// tilesFor are the tiles worth trying on an adapter.
func tilesFor(adapter host.Info) (tiles []host.Choice) {
	if adapter.CPU {
		return nil
	}
	for _, tile := range gpuTiles {
		if fits(adapter.Limits, tile) {
			tiles = append(tiles, tile)
		}
	}
	return tiles
}

// tune tries candidates, taking the time of each kernel's calls; without any it keeps what the device has chosen.
func tune(d *host.Device, candidates []host.Choice, shapes []Shape, budget time.Duration, measure func(*host.Device, []host.Call) time.Duration) map[string]host.Choice {
	const gain = 0.98 // a later candidate must be faster than an earlier one by 2 %, or chance would choose
	var rows, weights, outs uint32
	shapes = slices.Clone(shapes)
	for i := range shapes {
		s := &shapes[i]
		s.N = uint32(min(int64(s.N), 4096, d.Info.Limits.StorageBinding/4/int64(max(s.I, s.O)))) // rows enough to tell, and to bind
		rows, weights, outs = max(rows, s.N*s.I), max(weights, s.O*s.I), max(outs, s.N*s.O)
	}
	best := map[string]host.Choice{}
	for _, k := range matmuls {
		best[k.Name] = d.Choice(k)
	}
	if len(candidates) == 0 || len(shapes) == 0 {
		return best
	}
	x := d.Allocate("tuning", "x", 4*int64(rows))
	weight := d.Allocate("tuning", "weight", 4*int64(weights))
	out := d.Allocate("tuning", "out", 4*int64(outs))
	defer x.Release()
	defer weight.Release()
	defer out.Release()

	start := time.Now()
	fastest := map[string]time.Duration{}
	for _, c := range candidates {
		for i, k := range matmuls {
			if time.Since(start) > budget && fastest[k.Name] != 0 || d.Err() != nil {
				break
			}
			d.Choose(k.Name, c)
			var calls []host.Call
			for _, s := range shapes {
				calls = append(calls, [...]host.Call{
					MatmulForward{N: s.N, I: s.I, O: s.O, X: x, Weight: weight, Out: out}.Call(),
					MatmulBackwardInput{N: s.N, I: s.I, O: s.O, Dout: out, Weight: weight, Dx: x}.Call(),
					MatmulBackwardWeight{N: s.N, I: s.I, O: s.O, Part: s.N, Dout: out, X: x, Dweight: weight}.Call(),
				}[i])
			}
			took := measure(d, calls)
			if so := fastest[k.Name]; so == 0 || took.Seconds() < gain*so.Seconds() {
				fastest[k.Name], best[k.Name] = took, d.Choice(k)
			}
		}
	}
	for _, k := range matmuls {
		d.Choose(k.Name, best[k.Name])
	}
	return best
}

// timeOf is the shortest of a few runs of calls.
func timeOf(d *host.Device, calls []host.Call) time.Duration {
	r := d.Record(calls...)
	defer r.Release()
	d.Replay(nil, r) // compiles
	d.Replay(nil, r) // finds out whether it must be split
	shortest := time.Hour
	for range 3 {
		if d.Wait() != nil {
			break
		}
		start := time.Now()
		d.Replay(nil, r)
		d.Wait()
		shortest = min(shortest, time.Since(start))
	}
	return shortest
}
