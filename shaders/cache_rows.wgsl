// cache_rows: out[row[n],:] = x[n,:], as float32 or as halves
//
// How new keys and values enter a cache. No two rows of x that anyone reads may name one row of out. One vec4 a thread.
// grid: ceil(N*C/4*SIZE)
override HALF: u32 = 0; // 1: halves, two in a word
const SIZE: u32 = 64;
struct Params { N: u32, C: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> row: array<u32>; // (N)
@group(0) @binding(3) var<storage, read_write> out: array<vec2u>; // (S, C) of float32 or halves, S above every row

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let C4 = params.C / 4;
  if (i < params.N * C4) {
    let v = x[i];
    let to = row[i / C4] * C4 + i % C4;
    if (HALF == 1) {
      out[to] = vec2u(pack2x16float(v.xy), pack2x16float(v.zw));
    } else {
      out[2 * to] = bitcast<vec2u>(v.xy);
      out[2 * to + 1] = bitcast<vec2u>(v.zw);
    }
  }
}
