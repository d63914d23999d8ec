// scatter_rows: out[row[n],:] = x[n,:]
//
// How new keys and values enter a cache. No two rows of x may name one row of out. One vec4 a thread.
// grid: ceil(N*C/4*SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> row: array<u32>; // (N)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (S, C), S above every row

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let C4 = params.C / 4;
  if (i < params.N * C4) {
    let n = i / C4;
    out[row[n] * C4 + i % C4] = x[i];
  }
}
