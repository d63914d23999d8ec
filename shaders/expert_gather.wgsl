// expert_gather: out[r] = x[source[r]/K], with weighted = 1 times gate[source[r]], for the rows that experts have
//
// Tokens to the experts that they chose; and the gradient of expert_combine. One vec4 a thread.
// grid: ceil(rows*C/4*SIZE)
const SIZE: u32 = 64;
struct Params { rows: u32, C: u32, K: u32, weighted: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> source: array<u32>; // (rows); see expert_place
@group(0) @binding(3) var<storage, read> tile: array<vec2u>; // (rows/TILE); see expert_layout
@group(0) @binding(4) var<storage, read> gate: array<f32>; // optional: (N, K)
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>; // (rows, C)

const TILE = 128u;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let C4 = params.C / 4;
  let row = i / C4;
  if (row >= params.rows || row >= tile[row / TILE].y) {
    return;
  }
  let chosen = source[row];
  var value = x[chosen / params.K * C4 + i % C4];
  if (params.weighted != 0) {
    value *= gate[chosen];
  }
  out[i] = value;
}
