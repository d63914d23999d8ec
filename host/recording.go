package host

import (
	"fmt"
	"time"
)

// Recording is a list of dispatches, bound once and replayed as often as wanted: nothing is allocated, bound or
// looked up in a replay.
type Recording struct {
	Calls []Call

	device  *Device
	params  *Buffer // one slot of Alignment bytes a dispatch
	list    dispatchList
	grids   [][3]uint32 // workgroups of each dispatch
	replays int         // how often pace has replayed it
	split   int         // dispatches in one submission; see pace
}

// Record binds calls to the device.
func (d *Device) Record(calls ...Call) *Recording {
	r := &Recording{Calls: calls, device: d}
	if d.Err() != nil || len(calls) == 0 {
		return r
	}
	words := make([]uint32, len(calls)*Alignment/4)
	for i, c := range calls {
		if len(c.Params) > Alignment/4 || len(c.Buffers) != len(c.Kernel.Bindings) || len(c.Overrides) != len(c.Kernel.Overrides) {
			panic(fmt.Sprintf("host: kernel %s called with %d params, %d buffers, %d overrides", c.Kernel.Name, len(c.Params), len(c.Buffers), len(c.Overrides)))
		}
		copy(words[i*Alignment/4:], c.Params)
	}
	r.params = Virtual("params", int64(4*len(words)))
	r.params.memory = &memory{size: r.params.Size, purpose: "kernel parameters", device: d}
	if !d.planning {
		h, err := d.backend.allocate(r.params.Size, usageUniform)
		if err != nil {
			d.fail(fmt.Errorf("kernel parameters: %w", err))
			r.params.memory = nil
			return r
		}
		r.params.memory.handle = h
	}
	d.ledger.add("kernel parameters", r.params.Size)
	if d.planning {
		for i := range calls {
			_, err := d.ranges(&calls[i])
			d.fail(err)
		}
		return r
	}
	d.Write(r.params, 0, AsBytes(words))

	bound := make([]boundDispatch, 0, len(calls))
	for i := range calls {
		b, err := d.bind(&calls[i], r.params.Slice("params", int64(i)*Alignment, Alignment))
		if err != nil {
			d.fail(err)
			return r
		}
		bound = append(bound, b)
		r.grids = append(r.grids, b.grid)
	}
	r.list = d.backend.makeList(bound)
	return r
}

// boundDispatch is what a backend replays.
type boundDispatch struct {
	pipeline pipeline
	group    group
	grid     [3]uint32
}

// boundRange is a buffer's range as a binding.
type boundRange struct {
	handle       bufferHandle
	offset, size int64
}

func (d *Device) bind(c *Call, params *Buffer) (boundDispatch, error) {
	p, choice, err := d.pipelineFor(c)
	if err != nil {
		return boundDispatch{}, err
	}
	ranges, err := d.ranges(c)
	if err != nil {
		return boundDispatch{}, err
	}
	at, offset := params.at()
	g, err := d.backend.bind(p, append([]boundRange{{at.handle, offset, params.Size}}, ranges...))
	if err != nil {
		return boundDispatch{}, fmt.Errorf("kernel %s: %w", c.Kernel.Name, err)
	}
	grid, err := d.fold(c.Grid(choice.Variant, choice.Constants))
	if err != nil {
		return boundDispatch{}, fmt.Errorf("kernel %s: %w", c.Kernel.Name, err)
	}
	return boundDispatch{p, g, grid}, nil
}

// ranges are the call's buffers as bindings, after it was made sure that the adapter can show them to a kernel.
func (d *Device) ranges(c *Call) ([]boundRange, error) {
	var ranges []boundRange
	for i, b := range c.Buffers {
		if b == nil || !b.Placed() {
			panic(fmt.Sprintf("host: kernel %s: %s has no memory", c.Kernel.Name, c.Kernel.Bindings[i].Name))
		}
		size := (b.Size + 15) / 16 * 16 // a kernel may see it as vec4s; Alignment leaves the room
		if size > d.Info.Limits.StorageBinding {
			return nil, fmt.Errorf("kernel %s: %s (%s) is %s, and this adapter (%s) shows a kernel at most %s of a buffer",
				c.Kernel.Name, c.Kernel.Bindings[i].Name, b.Name, Bytes(b.Size), d.Info.Name, Bytes(d.Info.Limits.StorageBinding))
		}
		checkAliases(c, i)
		at, offset := b.at()
		ranges = append(ranges, boundRange{at.handle, offset, size})
	}
	return ranges, nil
}

// checkAliases refuses what WebGPU refuses: one allocation both read and written in a dispatch, or written through
// overlapping ranges.
func checkAliases(c *Call, i int) {
	binding, b := c.Kernel.Bindings[i], c.Buffers[i]
	m, from := b.at()
	for j, other := range c.Buffers[:i] {
		o, start := other.at()
		if o != m {
			continue
		}
		if binding.Write != c.Kernel.Bindings[j].Write {
			panic(fmt.Sprintf("host: kernel %s reads and writes one allocation through %s (%s) and %s (%s)",
				c.Kernel.Name, c.Kernel.Bindings[j].Name, other.Name, binding.Name, b.Name))
		}
		if binding.Write && from < start+other.Size && start < from+b.Size {
			panic(fmt.Sprintf("host: kernel %s writes overlapping ranges %s (%s) and %s (%s)",
				c.Kernel.Name, c.Kernel.Bindings[j].Name, other.Name, binding.Name, b.Name))
		}
	}
}

// fold spreads a long one-dimensional grid over x and y.
func (d *Device) fold(grid [3]uint32) ([3]uint32, error) {
	limit := uint32(d.Info.Limits.GroupsPerDispatch)
	if grid[0] > limit && grid[1] == 1 && grid[2] == 1 {
		rows := (grid[0] + limit - 1) / limit
		grid = [3]uint32{(grid[0] + rows - 1) / rows, rows, 1}
	}
	for _, n := range grid {
		if n == 0 || n > limit {
			return grid, fmt.Errorf("a grid of %v workgroups; this adapter allows 1 to %d in a dimension", grid, limit)
		}
	}
	return grid, nil
}

// Replay submits recordings, one after the other, in one submission (see pace), without waiting for them; at most
// two submissions are in flight. It then copies a readback's source to its ring, if there is one.
func (d *Device) Replay(readback *Readback, recordings ...*Recording) {
	if d.planning {
		d.fail(errPlanning)
		return
	}
	if readback != nil && readback.Full() {
		panic("host: Replay with a full readback")
	}
	for _, r := range recordings {
		if r.replays < 2 {
			d.pace(r)
			continue
		}
		for from := 0; from < len(r.Calls) && d.Err() == nil; from += r.split {
			to := min(from+r.split, len(r.Calls))
			d.backend.enqueue(r.list, from, to)
			if to < len(r.Calls) {
				d.submit(nil)
			}
		}
	}
	d.submit(readback)
}

// longestSubmission is how long one submission may run: drivers and browsers reset a GPU that is silent for
// a second or two.
const longestSubmission = 0.5 // seconds

// pace replays a recording dispatch by dispatch, twice: the first time the driver compiles its kernels, the second
// time shows how long it takes, and so into how many submissions it must be split on this adapter: one, as a rule.
func (d *Device) pace(r *Recording) {
	if d.Wait() != nil {
		return
	}
	start := time.Now()
	for i := range r.Calls {
		d.backend.enqueue(r.list, i, i+1)
		d.submit(nil)
	}
	if d.Wait() != nil {
		return
	}
	r.replays++
	share := longestSubmission / max(time.Since(start).Seconds(), 1e-9)
	r.split = min(max(int(share*float64(len(r.Calls))), 1), max(len(r.Calls), 1))
}

func (d *Device) submit(readback *Readback) {
	if d.Err() != nil {
		return
	}
	d.fail(d.backend.submit(readback))
	if d.err == nil {
		d.fail(d.backend.wait(2))
	}
}

// Release gives the recording's bindings and parameters back. The buffers it used stay.
func (r *Recording) Release() {
	if r.device.closed() || r.params == nil {
		return
	}
	if !r.device.planning {
		r.device.backend.freeList(r.list)
	}
	r.params.Release()
	r.params = nil
}
