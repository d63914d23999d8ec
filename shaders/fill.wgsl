// fill: out[i] = value
//
// grid: ceil(Count/SIZE)
const SIZE: u32 = 256;
struct Params { Count: u32, value: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>; // (Count)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i < params.Count) {
    out[i] = params.value;
  }
}
