package host_test

import "github.com/minimind-gpu/minimind-gpu/host"

// The kernels of these tests.

const affineSource = `const SIZE: u32 = 64;
override TIMES: u32 = 1;
struct Params { count: u32, factor: u32, summand: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i < params.count) {
    for (var k = 0u; k < TIMES; k++) {
      x[i] = x[i] * params.factor + params.summand;
    }
  }
}
`

var affineKernel = host.Kernel{Name: "affine", Bindings: []host.Binding{{Name: "x", Write: true}}, Overrides: []string{"TIMES"},
	Variants: []host.Variant{{Source: affineSource, Constants: map[string]uint32{"SIZE": 64}}}}

// affine is x[i] = x[i]*factor + summand for the first count elements.
func affine(x *host.Buffer, count, factor, summand uint32) host.Call {
	return host.Call{Kernel: &affineKernel, Params: []uint32{count, factor, summand}, Overrides: []uint32{1}, Buffers: []*host.Buffer{x},
		Grid: func(_ string, c map[string]uint32) [3]uint32 {
			return [3]uint32{(count + c["SIZE"] - 1) / c["SIZE"], 1, 1}
		}}
}

var copyKernel = host.Kernel{Name: "copy", Bindings: []host.Binding{{Name: "x"}, {Name: "out", Write: true}},
	Variants: []host.Variant{{Source: `struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { out[id.x] = x[id.x]; }
}
`}}}

func copyCall(x, out *host.Buffer, count uint32) host.Call {
	return host.Call{Kernel: &copyKernel, Params: []uint32{count}, Buffers: []*host.Buffer{x, out},
		Grid: func(string, map[string]uint32) [3]uint32 { return [3]uint32{(count + 63) / 64, 1, 1} }}
}

// onesKernel writes count vectors of ones.
var onesKernel = host.Kernel{Name: "ones", Bindings: []host.Binding{{Name: "x", Write: true}},
	Variants: []host.Variant{{Source: `struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4u>;
@compute @workgroup_size(1)
fn main() {
  for (var i = 0u; i < params.count; i++) { x[i] = vec4u(1); }
}
`}}}

// sumKernel sums each workgroup's 64 elements through workgroup memory, which it writes before it reads: natively that
// is not zeroed.
var sumKernel = host.Kernel{Name: "sum", Bindings: []host.Binding{{Name: "x"}, {Name: "out", Write: true}},
	Variants: []host.Variant{{Source: `struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
var<workgroup> part: array<u32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3u) {
  part[i] = 0u;
  if (id.x < params.count) { part[i] = x[id.x]; }
  workgroupBarrier();
  for (var width = 32u; width > 0u; width /= 2u) {
    if (i < width) { part[i] += part[i + width]; }
    workgroupBarrier();
  }
  if (i == 0u) { out[group.x] = part[0]; }
}
`}}}

var brokenKernel = host.Kernel{Name: "broken", Bindings: []host.Binding{{Name: "x", Write: true}},
	Variants: []host.Variant{{Source: `struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(64)
fn main() {
  x[0] = nonsense;
}
`}}}

func one(string, map[string]uint32) [3]uint32 { return [3]uint32{1, 1, 1} }
