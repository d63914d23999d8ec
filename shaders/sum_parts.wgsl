// sum_parts: out = the sum of the parts, or out += it; in order, so that the bits are always the same
//
// Four elements a thread.
// grid: ceil(Count/4*SIZE)
const SIZE: u32 = 256;
struct Params { Count: u32, parts: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts_in: array<vec4f>; // (parts, Count), Count a multiple of 4
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>; // (Count)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let count = params.Count / 4;
  if (i >= count) {
    return;
  }
  var sum = vec4f();
  for (var p = 0u; p < params.parts; p++) {
    sum += parts_in[p * count + i];
  }
  if (params.accumulate == 0) {
    out[i] = sum;
  } else {
    out[i] += sum;
  }
}
