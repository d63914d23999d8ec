//go:build js

package host

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"syscall/js"
	"unsafe"

	"github.com/cogentcore/webgpu/wgpu"
)

// The browser's backend: WebGPU through its Go binding where that only makes objects, and syscall/js where the binding
// drops limits and errors or would cross into JavaScript for each dispatch (backend.js).
//
// Several calls wait for a promise; see Await.

type backend struct {
	device wgpu.Device
	raw    js.Value // the device
	queue  js.Value
	script js.Value // what backend.js returned for the device
}

type (
	bufferHandle = *wgpu.Buffer
	pipeline     struct {
		pipeline *wgpu.ComputePipeline
		layout   *wgpu.BindGroupLayout
	}
	group        = *wgpu.BindGroup
	dispatchList = js.Value // array of dispatches, see backend.js
	stagingSlot  = js.Value // {buffer, state, ready, data, error}, see backend.js
)

//go:embed backend.js
var script string

// ref is the JavaScript object inside a binding's object: its first word, in all of them.
func ref[T any](object *T) js.Value { return *(*js.Value)(unsafe.Pointer(object)) }

func (b *backend) close() {
	b.script.Set("closed", true)
	b.raw.Call("destroy")
}

func (b *backend) lost() error {
	if why := b.script.Get("lost").String(); why != "" {
		return fmt.Errorf("%w: %s", ErrLost, why)
	}
	return nil
}

const (
	usageStorage = wgpu.BufferUsageStorage | wgpu.BufferUsageCopySrc | wgpu.BufferUsageCopyDst
	usageUniform = wgpu.BufferUsageUniform | wgpu.BufferUsageCopyDst
	usageStaging = wgpu.BufferUsageMapRead | wgpu.BufferUsageCopyDst
)

// checked returns the first error of these kinds in what makes does: the binding itself never returns one.
func (b *backend) checked(makes func(), kinds ...any) error {
	for _, kind := range kinds {
		b.raw.Call("pushErrorScope", kind)
	}
	makes()
	message, err := Await(b.script.Call("popErrors", len(kinds)))
	if err == nil && message.String() != "" {
		err = errors.New(message.String())
	}
	return err
}

// allocate makes a buffer; WebGPU zeroes it.
func (b *backend) allocate(size int64, usage wgpu.BufferUsage) (buffer bufferHandle, err error) {
	err = b.checked(func() {
		buffer, _ = b.device.CreateBuffer(&wgpu.BufferDescriptor{Size: uint64(size), Usage: usage})
	}, "validation", "out-of-memory")
	return buffer, err
}

// free lets submitted work end first: WebGPU sees to that.
func (b *backend) free(h bufferHandle) { h.Destroy() }

const chunk = 16 << 20 // bytes written or read back at a time

func (b *backend) write(h bufferHandle, offset int64, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), chunk)
		array := js.Global().Get("Uint8Array").New(n)
		js.CopyBytesToJS(array, data[:n])
		b.queue.Call("writeBuffer", ref(h), offset, array)
		data, offset = data[n:], offset+int64(n)
	}
	return nil
}

func (b *backend) read(h bufferHandle, offset int64, dst []byte) error {
	slot, err := b.newStaging(int64(min(len(dst), chunk)))
	if err != nil {
		return err
	}
	defer b.freeStaging(&slot)
	for len(dst) > 0 {
		n := min(len(dst), chunk)
		b.script.Call("submit", ref(h), offset, slot, n)
		if _, err := b.readStaging(&slot, dst[:n], true); err != nil {
			return err
		}
		dst, offset = dst[n:], offset+int64(n)
	}
	return b.failure()
}

func (b *backend) compile(k *Kernel, source string) (p pipeline, err error) {
	var module *wgpu.ShaderModule
	err = b.checked(func() {
		module, _ = b.device.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
			WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: source}})
	}, "validation")
	if err != nil {
		return p, b.compilationErrors(ref(module), err)
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
	err = b.checked(func() {
		p.layout, _ = b.device.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Entries: entries})
		all, _ := b.device.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{BindGroupLayouts: []*wgpu.BindGroupLayout{p.layout}})
		p.pipeline, _ = b.device.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{Layout: all,
			Compute: wgpu.ProgrammableStageDescriptor{Module: module, EntryPoint: "main"}})
	}, "validation", "internal")
	return p, err
}

// compilationErrors says where the errors of a WGSL source are; err is what it says where the browser does not tell.
func (b *backend) compilationErrors(module js.Value, err error) error {
	info, infoErr := Await(module.Call("getCompilationInfo"))
	if infoErr != nil {
		return err
	}
	var lines []string
	messages := info.Get("messages")
	for i := range messages.Length() {
		if m := messages.Index(i); m.Get("type").String() == "error" {
			lines = append(lines, fmt.Sprintf("wgsl:%d:%d: %s", m.Get("lineNum").Int(), m.Get("linePos").Int(), m.Get("message").String()))
		}
	}
	if len(lines) == 0 {
		return err
	}
	return errors.New(strings.Join(lines, "\n"))
}

// bind makes a bind group. An error in it comes with the next wait: a scope for each would cost more than the group.
func (b *backend) bind(p pipeline, ranges []boundRange) (group, error) {
	entries := make([]wgpu.BindGroupEntry, len(ranges))
	for i, r := range ranges {
		entries[i] = wgpu.BindGroupEntry{Binding: uint32(i), Buffer: r.handle, Offset: uint64(r.offset), Size: uint64(r.size)}
	}
	return b.device.CreateBindGroup(&wgpu.BindGroupDescriptor{Layout: p.layout, Entries: entries})
}

func (b *backend) makeList(bound []boundDispatch) dispatchList {
	list := js.Global().Get("Array").New()
	for _, d := range bound {
		b.script.Call("add", list, ref(d.pipeline.pipeline), ref(d.group), d.grid[0], d.grid[1], d.grid[2])
	}
	return list
}

func (b *backend) freeList(dispatchList) {} // JavaScript collects it

// enqueue adds dispatches to the next submission.
func (b *backend) enqueue(l dispatchList, from, to int) { b.script.Call("enqueue", l, from, to) }

func (b *backend) submit(r *Readback) error {
	if r == nil {
		b.script.Call("submit")
		return nil
	}
	m, offset := r.source.at()
	b.script.Call("submit", ref(m.handle), offset, *r.take(), r.source.Size)
	return nil
}

// failure is the device's loss or else its first error outside of checked.
func (b *backend) failure() error {
	if err := b.lost(); err != nil {
		return err
	}
	if message := b.script.Get("error").String(); message != "" {
		return errors.New(message)
	}
	return nil
}

// wait waits until at most n submissions are in flight, n from 0 to 3.
func (b *backend) wait(n int) error {
	if promise := b.script.Call("finished", n); promise.Truthy() {
		if _, err := Await(promise); err != nil && b.failure() == nil {
			return err
		}
	}
	return b.failure()
}

func (b *backend) newStaging(size int64) (stagingSlot, error) {
	size = (size + 7) / 8 * 8
	buffer, err := b.allocate(size, usageStaging)
	return js.ValueOf(map[string]any{"buffer": ref(buffer), "state": 0}), err
}

func (b *backend) readStaging(s *stagingSlot, dst []byte, wait bool) (bool, error) {
	if s.Get("state").Int() == 0 {
		if !wait {
			return false, nil
		}
		if _, err := Await(s.Get("ready")); err != nil {
			return false, err
		}
	}
	// The bytes of a device that was destroyed meanwhile are gone, and their array has no length.
	if s.Get("state").Int() == 1 && s.Get("data").Length() == 0 {
		if _, err := Await(b.script.Call("fail", *s, "the device was destroyed")); err != nil {
			return false, err
		}
	}
	if s.Get("state").Int() != 1 {
		return false, fmt.Errorf("reading back from the GPU failed: %s", s.Get("error").String())
	}
	js.CopyBytesToGo(dst, s.Get("data"))
	s.Get("buffer").Call("unmap")
	s.Set("state", 0)
	return true, nil
}

func (b *backend) freeStaging(s *stagingSlot) { s.Get("buffer").Call("destroy") }
