//go:build !js

package host

/*
#include <stdlib.h>
#include "native.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// The native backend: wgpu-native through its Go binding, and native.c for what runs in every step. All handles are
// held in structs until they are released by hand, since the binding's finalizers would race with C calls.

type backend struct {
	instance *wgpu.Instance
	adapter  *wgpu.Adapter
	device   *wgpu.Device
	queue    *wgpu.Queue
	gone     atomic.Pointer[string] // why the device was lost
	spans    []C.mm_span
	message  *C.char
	indices  [4]uint64 // submission indices of the last four submissions
	count    int       // submissions so far
	written  int       // bytes since the last one
	watch    *watch    // made when first used
}

type (
	bufferHandle = *wgpu.Buffer
	pipeline     struct {
		pipeline *wgpu.ComputePipeline
		layout   *wgpu.BindGroupLayout
		all      *wgpu.PipelineLayout
	}
	group        = *wgpu.BindGroup
	dispatchList struct {
		list   *C.mm_dispatch
		groups []group
	}
	stagingSlot struct {
		buffer *wgpu.Buffer
		size   int64
		state  *C.int32_t // 0 on its way, 1 mapped, 2 failed; C memory
	}
)

// ref is the C handle inside a binding's object: its first word, in all of them.
func ref[T any](object *T) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(object)) }

func (b *backend) close() {
	if b.lost() == nil { // to wait for a lost device ends the program
		b.device.Poll(true, nil)
	}
	if b.watch != nil {
		b.freeStaging(&b.watch.slot)
		b.watch.ticks.Release()
		b.watch.times.Release()
	}
	b.queue.Release()
	b.device.Release()
	b.adapter.Release()
	b.instance.Release()
	C.free(unsafe.Pointer(b.message))
}

func (b *backend) lost() error {
	if why := b.gone.Load(); why != nil {
		return fmt.Errorf("%w: %s", ErrLost, *why)
	}
	return nil
}

const (
	usageStorage = wgpu.BufferUsageStorage | wgpu.BufferUsageCopySrc | wgpu.BufferUsageCopyDst
	usageUniform = wgpu.BufferUsageUniform | wgpu.BufferUsageCopyDst
	usageStaging = wgpu.BufferUsageMapRead | wgpu.BufferUsageCopyDst
)

func (b *backend) allocate(size int64, usage wgpu.BufferUsage) (bufferHandle, error) {
	buffer, err := b.device.TryCreateBuffer(&wgpu.BufferDescriptor{Size: uint64(size), Usage: usage})
	if err != nil || usage != usageStorage {
		return buffer, err
	}
	// Cleared at once: wgpu's lazy clearing loses results where a buffer is first bound in part.
	encoder, err := b.device.TryCreateCommandEncoder(nil)
	if err != nil {
		return buffer, err
	}
	defer encoder.Release()
	if err := encoder.TryClearBuffer(buffer, 0, uint64(size)); err != nil {
		return buffer, err
	}
	commands, err := encoder.TryFinish(nil)
	if err != nil {
		return buffer, err
	}
	defer commands.Release()
	b.queue.Submit(commands)
	return buffer, nil
}

func (b *backend) free(h bufferHandle) {
	b.device.Poll(true, nil)
	h.Destroy()
	h.Release()
}

const mostWritten = 16 << 20 // bytes that wait for a submission

// write copies data, which takes memory until the next submission: many writes, such as a checkpoint's, get one of their own.
func (b *backend) write(h bufferHandle, offset int64, data []byte) error {
	err := b.queue.TryWriteBuffer(h, uint64(offset), data)
	runtime.KeepAlive(h)
	b.written += len(data)
	if err != nil || b.written < mostWritten {
		return err
	}
	if err := b.submit(nil); err != nil {
		return err
	}
	return b.wait(0)
}

const readChunk = 32 << 20 // bytes read back at a time

func (b *backend) read(h bufferHandle, offset int64, dst []byte) error {
	slot, err := b.newStaging(int64(min(len(dst), readChunk)))
	if err != nil {
		return err
	}
	defer b.freeStaging(&slot)
	for len(dst) > 0 {
		n := min(len(dst), readChunk)
		if err := b.copyOut(h, offset, &slot, int64(n)); err != nil {
			return err
		}
		if _, err := b.readStaging(&slot, dst[:n], true); err != nil {
			return err
		}
		dst, offset = dst[n:], offset+int64(n)
	}
	return nil
}

func (b *backend) compile(k *Kernel, source string) (pipeline, error) {
	text := []byte(source)
	raw := C.mm_shader(ref(b.device), (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)), b.message)
	module := &wgpu.ShaderModule{}
	*(*unsafe.Pointer)(unsafe.Pointer(module)) = raw
	defer module.Release()
	if err := b.messageError(); err != nil {
		return pipeline{}, err
	}
	entries := []wgpu.BindGroupLayoutEntry{{Binding: 0, Visibility: wgpu.ShaderStageCompute,
		Buffer: wgpu.BufferBindingLayout{Type: wgpu.BufferBindingTypeUniform}}}
	for i, bind := range k.Bindings {
		kind := wgpu.BufferBindingTypeReadOnlyStorage
		if bind.Write {
			kind = wgpu.BufferBindingTypeStorage
		}
		entries = append(entries, wgpu.BindGroupLayoutEntry{Binding: uint32(i + 1), Visibility: wgpu.ShaderStageCompute,
			Buffer: wgpu.BufferBindingLayout{Type: kind}})
	}
	var p pipeline
	var err error
	if p.layout, err = b.device.TryCreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Entries: entries}); err != nil {
		return p, err
	}
	if p.all, err = b.device.TryCreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{BindGroupLayouts: []*wgpu.BindGroupLayout{p.layout}}); err != nil {
		return p, err
	}
	p.pipeline, err = b.device.TryCreateComputePipeline(&wgpu.ComputePipelineDescriptor{Layout: p.all,
		Compute: wgpu.ProgrammableStageDescriptor{Module: module, EntryPoint: "main"}})
	runtime.KeepAlive(module)
	return p, err
}

func (b *backend) bind(p pipeline, ranges []boundRange) (group, error) {
	entries := make([]wgpu.BindGroupEntry, len(ranges))
	for i, r := range ranges {
		entries[i] = wgpu.BindGroupEntry{Binding: uint32(i), Buffer: r.handle, Offset: uint64(r.offset), Size: uint64(r.size)}
	}
	g, err := b.device.TryCreateBindGroup(&wgpu.BindGroupDescriptor{Layout: p.layout, Entries: entries})
	runtime.KeepAlive(entries)
	runtime.KeepAlive(p)
	return g, err
}

func (b *backend) makeList(bound []boundDispatch) dispatchList {
	l := dispatchList{list: (*C.mm_dispatch)(C.calloc(C.size_t(len(bound)), C.sizeof_mm_dispatch))}
	for i, d := range bound {
		unsafe.Slice(l.list, len(bound))[i] = C.mm_dispatch{pipeline: ref(d.pipeline.pipeline), group: ref(d.group),
			x: C.uint32_t(d.grid[0]), y: C.uint32_t(d.grid[1]), z: C.uint32_t(d.grid[2])}
		l.groups = append(l.groups, d.group)
	}
	return l
}

func (b *backend) freeList(l dispatchList) {
	for _, g := range l.groups {
		g.Release()
	}
	C.free(unsafe.Pointer(l.list))
}

// enqueue adds dispatches to the next submission.
func (b *backend) enqueue(l dispatchList, from, to int) {
	b.spans = append(b.spans, C.mm_span{list: l.list, from: C.size_t(from), to: C.size_t(to)})
}

func (b *backend) submit(r *Readback) error {
	if r == nil {
		return b.submitCopy(nil, nil, 0, nil, 0)
	}
	m, offset := r.source.at()
	return b.copyOut(m.handle, offset, r.take(), r.source.Size)
}

// copyOut submits what is enqueued and then a copy to a staging slot, and asks for its mapping.
func (b *backend) copyOut(src bufferHandle, offset int64, slot *stagingSlot, size int64) error {
	if err := b.submitCopy(nil, ref(src), offset, ref(slot.buffer), size); err != nil {
		return err
	}
	runtime.KeepAlive(src)
	b.startMapping(slot)
	return nil
}

func (b *backend) startMapping(slot *stagingSlot) {
	C.mm_map(ref(slot.buffer), C.size_t(slot.size), slot.state)
}

// submitCopy submits what is enqueued and then a copy, if dst is not nil; see mm_submit.
func (b *backend) submitCopy(times, src unsafe.Pointer, offset int64, dst unsafe.Pointer, size int64) error {
	index := C.mm_submit(ref(b.device), ref(b.queue), unsafe.SliceData(b.spans), C.size_t(len(b.spans)),
		times, src, C.uint64_t(offset), dst, C.uint64_t(size), b.message)
	b.spans, b.written = b.spans[:0], 0
	b.count++
	b.indices[b.count%len(b.indices)] = uint64(index)
	return b.messageError()
}

func (b *backend) messageError() error {
	if *b.message == 0 {
		return nil
	}
	return errors.New(C.GoString(b.message))
}

// wait waits until at most n submissions are in flight, n from 0 to 3.
func (b *backend) wait(n int) error {
	if n == 0 || b.count <= n {
		b.device.Poll(true, nil)
	} else {
		b.device.Poll(true, &b.indices[(b.count-n)%len(b.indices)])
	}
	return b.lost()
}

func (b *backend) newStaging(size int64) (stagingSlot, error) {
	size = (size + 7) / 8 * 8
	buffer, err := b.allocate(size, usageStaging)
	return stagingSlot{buffer: buffer, size: size, state: (*C.int32_t)(C.calloc(1, C.sizeof_int32_t))}, err
}

func (b *backend) readStaging(s *stagingSlot, dst []byte, wait bool) (bool, error) {
	b.device.Poll(false, nil)
	if wait && *s.state == 0 {
		b.device.Poll(true, nil)
	}
	switch {
	case *s.state == 0 && !wait:
		return false, nil
	case *s.state != 1:
		return false, errors.New("reading back from the GPU failed")
	}
	copy(dst, unsafe.Slice((*byte)(C.mm_mapped(ref(s.buffer), C.size_t(s.size))), s.size))
	C.mm_unmap(ref(s.buffer))
	*s.state = 0
	return true, nil
}

func (b *backend) freeStaging(s *stagingSlot) {
	s.buffer.Release()
	C.free(unsafe.Pointer(s.state))
}
