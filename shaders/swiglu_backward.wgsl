// swiglu_backward: dup = dout * silu(gate), dgate = dout * up * silu'(gate), silu'(a) = s + a * s * (1 - s), s = 1 / (1 + exp(-a))
//
// Four elements a thread.
// grid: ceil(Count/4*SIZE)
const SIZE: u32 = 64;
struct Params { Count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gate: array<vec4f>; // (Count), Count a multiple of 4
@group(0) @binding(2) var<storage, read> up: array<vec4f>; // (Count)
@group(0) @binding(3) var<storage, read> dout: array<vec4f>; // (Count)
@group(0) @binding(4) var<storage, read_write> dgate: array<vec4f>; // (Count)
@group(0) @binding(5) var<storage, read_write> dup: array<vec4f>; // (Count)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i < params.Count / 4) {
    let a = gate[i];
    let d = dout[i];
    let s = 1 / (1 + exp(-a));
    dgate[i] = d * up[i] * (s + a * s * (1 - s));
    dup[i] = d * a * s;
  }
}
