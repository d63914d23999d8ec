// matmul_few: out = x weight^T for few rows of x, each to the same bits however many there are
//
// What decoding needs: one row for each text, and a text must not depend on its neighbours. A row's sums are made by fma
// in an order that I and the constants alone decide; ROWS only says how many rows of x share a look at the weight.
//
// For software adapters: the threads of a workgroup are the lanes of one vector, and each keeps ROWS x TN outputs.
// grid: ceil(O/TN*LANES), ceil(N/ROWS)
override ROWS: u32 = 1;
const TN: u32 = 8;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I)
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.y * ROWS;
  let column = group.x * TN * LANES + id.x;
  let width = params.I / 4;
  var sum: array<array<f32, TN>, ROWS>;
  for (var k = 0u; k < width; k++) {
    var w: array<vec4f, TN>;
    for (var n = 0u; n < TN; n++) {
      w[n] = weight[min(column + n * LANES, params.O - 1) * width + k];
    }
    for (var m = 0u; m < ROWS; m++) {
      let a = x[min(row + m, params.N - 1) * width + k];
      for (var n = 0u; n < TN; n++) {
        sum[m][n] = fma(a.w, w[n].w, fma(a.z, w[n].z, fma(a.y, w[n].y, fma(a.x, w[n].x, sum[m][n]))));
      }
    }
  }
  // What lies outside of the matrix was computed from its last row or column, and is that again.
  for (var m = 0u; m < ROWS; m++) {
    for (var n = 0u; n < TN; n++) {
      out[min(row + m, params.N - 1) * params.O + min(column + n * LANES, params.O - 1)] = sum[m][n];
    }
  }
}
