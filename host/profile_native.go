//go:build !js

package host

import (
	"runtime"
	"unsafe"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// watch times a submission by the GPU's own timestamps.
type watch struct {
	times *wgpu.QuerySet // of the beginning and the end
	ticks *wgpu.Buffer   // two uint64
	slot  stagingSlot
}

const usageTicks = wgpu.BufferUsageQueryResolve | wgpu.BufferUsageCopySrc

// timeDispatch runs a dispatch of a list alone and returns its seconds.
func (b *backend) timeDispatch(l dispatchList, i int) (float64, error) {
	if b.watch == nil {
		w := &watch{}
		var err error
		if w.times, err = b.device.TryCreateQuerySet(&wgpu.QuerySetDescriptor{Type: wgpu.QueryTypeTimestamp, Count: 2}); err != nil {
			return 0, err
		}
		if w.ticks, err = b.allocate(16, usageTicks); err != nil {
			return 0, err
		}
		if w.slot, err = b.newStaging(16); err != nil {
			return 0, err
		}
		b.watch = w
	}
	w := b.watch
	b.enqueue(l, i, i+1)
	if err := b.submitCopy(ref(w.times), ref(w.ticks), 0, ref(w.slot.buffer), 16); err != nil {
		return 0, err
	}
	b.startMapping(&w.slot)
	var ticks [2]uint64
	_, err := b.readStaging(&w.slot, unsafe.Slice((*byte)(unsafe.Pointer(&ticks)), 16), true)
	runtime.KeepAlive(w)
	if ticks[1] < ticks[0] {
		return 0, err
	}
	return float64(ticks[1]-ticks[0]) * float64(b.queue.GetTimestampPeriod()) * 1e-9, err
}
