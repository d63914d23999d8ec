//go:build !js

package host

/*
#include <stdlib.h>
#include "native.h"
*/
import "C"

import (
	"fmt"
	"os"

	"github.com/oliverbestmann/webgpu/wgpu"
)

func newInstance() *wgpu.Instance {
	wgpu.SetLogLevel(wgpu.LogLevelError)
	if os.Getenv("XDG_RUNTIME_DIR") == "" { // or Vulkan drivers complain on stderr
		os.Setenv("XDG_RUNTIME_DIR", os.TempDir())
	}
	return wgpu.CreateInstance(nil)
}

// Adapters lists what Open can open.
func Adapters() []Info {
	instance := newInstance()
	defer instance.Release()
	var all []Info
	for _, a := range instance.EnumerateAdapters(nil) {
		all = append(all, describe(a))
		a.Release()
	}
	return all
}

func describe(a *wgpu.Adapter) Info {
	i, l := a.GetInfo(), a.GetLimits()
	kinds := map[wgpu.AdapterType]string{wgpu.AdapterTypeDiscreteGPU: "discrete GPU",
		wgpu.AdapterTypeIntegratedGPU: "integrated GPU", wgpu.AdapterTypeCPU: "software adapter"}
	kind := kinds[i.AdapterType]
	if kind == "" {
		kind = "GPU of unknown kind"
	}
	return Info{Name: i.Device, Vendor: i.Vendor, Driver: i.Description, VendorID: i.VendorId, DeviceID: i.DeviceId, Backend: i.BackendType.String(),
		CPU: i.AdapterType == wgpu.AdapterTypeCPU, Kind: kind,
		F16: a.HasFeature(wgpu.FeatureNameShaderF16), Timestamps: a.HasFeature(wgpu.FeatureNameTimestampQuery),
		Limits: Limits{StorageBinding: int64(l.MaxStorageBufferBindingSize), Buffer: int64(l.MaxBufferSize),
			StorageBuffers: int(l.MaxStorageBuffersPerShaderStage), WorkgroupMemory: int(l.MaxComputeWorkgroupStorageSize),
			WorkgroupSize: int(l.MaxComputeInvocationsPerWorkgroup), GroupsPerDispatch: int(l.MaxComputeWorkgroupsPerDimension)}}
}

// noAdapterHelp is what to do when there is no adapter at all.
const noAdapterHelp = "install a GPU driver with Vulkan, or the software adapter (Debian and Ubuntu: apt install mesa-vulkan-drivers)"

func openBackend(o Options) (*backend, Info, error) {
	b := &backend{instance: newInstance()}
	adapters := b.instance.EnumerateAdapters(nil)
	var infos []Info
	for _, a := range adapters {
		infos = append(infos, describe(a))
	}
	chosen, err := pick(infos, o.Adapter)
	if err != nil {
		b.instance.Release()
		return nil, Info{}, err
	}
	for i, a := range adapters {
		if i != chosen {
			a.Release()
		}
	}
	b.adapter = adapters[chosen]
	info := infos[chosen]
	limits := b.adapter.GetLimits()
	var features []wgpu.FeatureName
	for _, f := range []wgpu.FeatureName{wgpu.FeatureNameShaderF16, wgpu.FeatureNameTimestampQuery} {
		if b.adapter.HasFeature(f) {
			features = append(features, f)
		}
	}
	b.device, err = b.adapter.RequestDevice(&wgpu.DeviceDescriptor{RequiredLimits: &limits, RequiredFeatures: features,
		DeviceLostCallback: func(reason wgpu.DeviceLostReason, message string) {
			if reason != wgpu.DeviceLostReasonDestroyed {
				b.gone.Store(&message)
			}
		}})
	if err != nil {
		b.instance.Release()
		return nil, info, fmt.Errorf("%s would not open: %w (is another program using all of it?)", info, err)
	}
	b.queue = b.device.GetQueue()
	b.message = (*C.char)(C.calloc(1, C.MM_MESSAGE))
	return b, info, nil
}
