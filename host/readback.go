package host

// Readback reads a small buffer late: each Replay that names it copies the buffer into a ring, and Next returns the
// copies in order, when they have arrived. So the loop reads its metrics without ever stopping the GPU.
type Readback struct {
	source *Buffer
	device *Device
	slots  []stagingSlot
	first  int // the oldest copy not yet taken
	count  int // copies not yet taken
}

// NewReadback makes a ring for the copies of a buffer; depth is how many may be on their way.
func (d *Device) NewReadback(source *Buffer, depth int) *Readback {
	r := &Readback{source: source, device: d}
	for range depth {
		if d.planning {
			r.slots = append(r.slots, stagingSlot{})
			continue
		}
		if d.Err() != nil {
			break
		}
		s, err := d.backend.newStaging(source.Size)
		d.fail(err)
		r.slots = append(r.slots, s)
	}
	d.ledger.add("readback", Align(source.Size)*int64(len(r.slots)))
	return r
}

// Full says that the next Replay needs a Next before it.
func (r *Readback) Full() bool { return r.count == len(r.slots) }

// Pending is the number of copies not yet taken.
func (r *Readback) Pending() int { return r.count }

// Next copies the oldest copy to dst and returns true. If it has not arrived yet, Next waits for it when wait is set
// and returns false when not; it returns false, too, when nothing is pending or the device has failed.
func (r *Readback) Next(dst []byte, wait bool) bool {
	d := r.device
	if r.count == 0 || d.Err() != nil {
		return false
	}
	done, err := d.backend.readStaging(&r.slots[r.first], dst, wait)
	d.fail(err)
	if !done || d.err != nil {
		return false
	}
	r.first = (r.first + 1) % len(r.slots)
	r.count--
	return true
}

// take returns the slot for the next copy.
func (r *Readback) take() *stagingSlot {
	s := &r.slots[(r.first+r.count)%len(r.slots)]
	r.count++
	return s
}

// Release gives the ring back.
func (r *Readback) Release() {
	d := r.device
	d.ledger.add("readback", -Align(r.source.Size)*int64(len(r.slots)))
	if d.backend == nil || d.err != nil || d.Wait() != nil {
		return
	}
	for i := range r.slots {
		d.backend.freeStaging(&r.slots[i])
	}
	r.slots = nil
}
