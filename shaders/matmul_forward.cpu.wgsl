// matmul_forward: out = x weight^T
//
// For software adapters, where a load costs as much as twenty multiply-adds and workgroup memory is no faster: each
// thread keeps TM x TN outputs in registers. The threads of a workgroup are the lanes of one vector.
// grid: ceil(O/TN*LANES), ceil(N/TM)
const TM: u32 = 8;
const TN: u32 = 8;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I)
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.y * TM;
  let column = group.x * TN * LANES + id.x;
  let depth = params.I / 4;
  var x_row: array<u32, TM>;
  for (var m = 0u; m < TM; m++) {
    x_row[m] = min(row + m, params.N - 1) * depth;
  }
  var weight_row: array<u32, TN>;
  for (var n = 0u; n < TN; n++) {
    weight_row[n] = min(column + n * LANES, params.O - 1) * depth;
  }
  var sum: array<array<f32, TN>, TM>;
  for (var k = 0u; k < depth; k++) {
    var w: array<vec4f, TN>;
    for (var n = 0u; n < TN; n++) {
      w[n] = weight[weight_row[n] + k];
    }
    for (var m = 0u; m < TM; m++) {
      let a = x[x_row[m] + k];
      for (var n = 0u; n < TN; n++) {
        sum[m][n] += dot(a, w[n]);
      }
    }
  }
  for (var m = 0u; m < TM; m++) {
    for (var n = 0u; n < TN; n++) {
      if (row + m < params.N && column + n * LANES < params.O) {
        out[(row + m) * params.O + column + n * LANES] = sum[m][n];
      }
    }
  }
}
