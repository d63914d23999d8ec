// matmul_few: out = x weight^T for few rows of x, each to the same bits however many there are
//
// What decoding needs: one row for each text, and a text must not depend on its neighbours. A row's sums are made by fma
// in an order that I and the constants alone decide; ROWS only says how many rows share a look at the weight.
//
// With more than one expert, row n is a choice: its weight is that of expert choice[n], which begins at choice[n] * stride
// vec4, and it is a product of x's row n/share, since a token's choices may share a row.
//
// For software adapters: the threads of a workgroup are the lanes of one vector, and each keeps ROWS x TN outputs.
// grid: E, ceil(O/TN*LANES), ceil(N/ROWS)
override ROWS: u32 = 1;
const TN: u32 = 8;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32, E: u32, stride: u32, share: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N/share, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), or one for each expert
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)
@group(0) @binding(4) var<storage, read> choice: array<u32>; // optional: (N)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let column = group.y * TN * LANES + id.x;
  let width = params.I / 4;
  let begin = group.z * ROWS; // of the expert's rows, or of all
  var rows: array<u32, ROWS>; // those of this workgroup; one again where there are fewer
  for (var m = 0u; m < ROWS; m++) {
    rows[m] = min(begin + m, params.N - 1);
  }
  if (params.E > 1) {
    var found = 0u;
    for (var n = 0u; n < params.N && found < begin + ROWS; n++) {
      if (choice[n] == group.x) {
        for (var m = ROWS - 1; m > 0; m--) {
          rows[m] = select(rows[m - 1], n, found <= begin);
        }
        rows[0] = n;
        found++;
      }
    }
    if (found <= begin) {
      return;
    }
  }
  let first = group.x * params.stride; // of the weight
  var start: array<u32, ROWS>; // of the rows in x
  for (var m = 0u; m < ROWS; m++) {
    start[m] = rows[m] / params.share * width;
  }
  var sum: array<array<f32, TN>, ROWS>;
  for (var k = 0u; k < width; k++) {
    var w: array<vec4f, TN>;
    for (var n = 0u; n < TN; n++) {
      w[n] = weight[first + min(column + n * LANES, params.O - 1) * width + k];
    }
    for (var m = 0u; m < ROWS; m++) {
      let a = x[start[m] + k];
      for (var n = 0u; n < TN; n++) {
        sum[m][n] = fma(a.w, w[n].w, fma(a.z, w[n].z, fma(a.y, w[n].y, fma(a.x, w[n].x, sum[m][n]))));
      }
    }
  }
  // What lies outside of the matrix was computed from its last column, and is that again.
  for (var m = 0u; m < ROWS; m++) {
    for (var n = 0u; n < TN; n++) {
      out[rows[m] * params.O + min(column + n * LANES, params.O - 1)] = sum[m][n];
    }
  }
}
