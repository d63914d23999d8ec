package host

import (
	"fmt"
	"strings"
	"syscall/js"

	"github.com/cogentcore/webgpu/wgpu"
)

// noAdapterHelp is what to do when there is no adapter at all.
const noAdapterHelp = "this browser offers no WebGPU here; it needs a current Chrome, Edge, Firefox or Safari with hardware acceleration switched on, and a page from https or localhost"

// requestAdapters asks for the adapter that the browser prefers and for its software adapter: it lists no others.
func requestAdapters() (adapters []js.Value, infos []Info) {
	gpu := js.Global().Get("navigator").Get("gpu")
	if !gpu.Truthy() {
		return nil, nil
	}
	for _, options := range []map[string]any{{"powerPreference": "high-performance"}, {"forceFallbackAdapter": true}} {
		a, err := Await(gpu.Call("requestAdapter", options))
		if err != nil || !a.Truthy() {
			continue
		}
		if i := describe(a); len(infos) == 0 || i != infos[0] {
			adapters, infos = append(adapters, a), append(infos, i)
		}
	}
	return adapters, infos
}

// Adapters lists what Open can open.
func Adapters() []Info {
	_, infos := requestAdapters()
	return infos
}

func describe(a js.Value) Info {
	info, limits := a.Get("info"), a.Get("limits")
	text := func(name string) string {
		if v := info.Get(name); v.Type() == js.TypeString {
			return v.String()
		}
		return ""
	}
	name := text("description")
	if name == "" {
		name = strings.TrimSpace(text("vendor") + " " + text("architecture") + " " + text("device"))
	}
	if name == "" {
		name = "an adapter without a name"
	}
	cpu := info.Get("isFallbackAdapter").Truthy() || a.Get("isFallbackAdapter").Truthy()
	kind := "GPU of unknown kind"
	if cpu {
		kind = "software adapter"
	}
	has := func(feature string) bool { return a.Get("features").Call("has", feature).Bool() }
	limit := func(name string) int { return limits.Get(name).Int() }
	return Info{Name: name, Vendor: text("vendor"), Backend: "webgpu", CPU: cpu, Kind: kind,
		F16: has("shader-f16"),
		Limits: Limits{StorageBinding: int64(limit("maxStorageBufferBindingSize")), Buffer: int64(limit("maxBufferSize")),
			StorageBuffers: limit("maxStorageBuffersPerShaderStage"), WorkgroupMemory: limit("maxComputeWorkgroupStorageSize"),
			WorkgroupSize: limit("maxComputeInvocationsPerWorkgroup"), GroupsPerDispatch: limit("maxComputeWorkgroupsPerDimension")}}
}

// raisedLimits are asked for at the adapter's value; a device that asks for nothing gets WebGPU's defaults.
var raisedLimits = []string{"maxStorageBufferBindingSize", "maxBufferSize", "maxStorageBuffersPerShaderStage",
	"maxComputeWorkgroupStorageSize", "maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupSizeX",
	"maxComputeWorkgroupSizeY", "maxComputeWorkgroupSizeZ", "maxComputeWorkgroupsPerDimension"}

func openBackend(o Options) (*backend, Info, error) {
	adapters, infos := requestAdapters()
	chosen, err := pick(infos, o.Adapter)
	if err != nil {
		return nil, Info{}, err
	}
	adapter, info := adapters[chosen], infos[chosen]
	limits := map[string]any{}
	for _, name := range raisedLimits {
		limits[name] = adapter.Get("limits").Get(name)
	}
	var features []any
	if info.F16 {
		features = append(features, "shader-f16")
	}
	raw, err := Await(adapter.Call("requestDevice", map[string]any{"requiredLimits": limits, "requiredFeatures": features}))
	if err != nil {
		return nil, info, fmt.Errorf("%s would not open: %w", info, err)
	}
	b := &backend{device: wgpu.NewDevice(raw), raw: raw, queue: raw.Get("queue")}
	b.script = js.Global().Call("eval", script).Invoke(raw)
	return b, info, nil
}
