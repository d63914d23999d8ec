// scale: out = factor * x, or out += it
//
// Four elements a thread.
// grid: ceil(Count/4*SIZE)
const SIZE: u32 = 256;
struct Params { Count: u32, factor: f32, accumulate: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (Count), Count a multiple of 4
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>; // (Count)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i >= params.Count / 4) {
    return;
  }
  var sum = params.factor * x[i];
  if (params.accumulate != 0) {
    sum += out[i];
  }
  out[i] = sum;
}
