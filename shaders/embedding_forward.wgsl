// embedding_forward: out[n] = weight[token[n]]
//
// Four channels a thread.
// grid: ceil(N*C/4*SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> token: array<u32>; // (N), each below V
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (V, C), C a multiple of 4
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (N, C)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let width = params.C / 4;
  if (i < params.N * width) {
    out[i] = weight[token[i / width] * width + i % width];
  }
}
