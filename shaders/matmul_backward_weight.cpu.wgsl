// matmul_backward_weight: dweight[s] = dout[rows of part s]^T x[rows of part s], or += for a single part
//
// For software adapters; see matmul_forward.cpu.wgsl. Each thread computes TM rows of TN vec4.
// grid: ceil(I/4*TN*LANES), ceil(O/TM), ceil(N/part)
const TM: u32 = 8;
const TN: u32 = 2;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32, accumulate: u32, part: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<f32>; // (N, O)
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(3) var<storage, read_write> dweight: array<vec4f>; // (S, O, I), S = ceil(N/part)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.y * TM;
  let column = group.x * TN * LANES + id.x;
  let columns = params.I / 4;
  var dout_column: array<u32, TM>;
  for (var m = 0u; m < TM; m++) {
    dout_column[m] = min(row + m, params.O - 1);
  }
  var x_column: array<u32, TN>;
  for (var n = 0u; n < TN; n++) {
    x_column[n] = min(column + n * LANES, columns - 1);
  }
  var sum: array<array<vec4f, TN>, TM>;
  let end = min((group.z + 1) * params.part, params.N);
  for (var k = group.z * params.part; k < end; k++) {
    var b: array<vec4f, TN>;
    for (var n = 0u; n < TN; n++) {
      b[n] = x[k * columns + x_column[n]];
    }
    for (var m = 0u; m < TM; m++) {
      let d = dout[k * params.O + dout_column[m]];
      for (var n = 0u; n < TN; n++) {
        sum[m][n] += d * b[n];
      }
    }
  }
  for (var m = 0u; m < TM; m++) {
    for (var n = 0u; n < TN; n++) {
      if (row + m < params.O && column + n * LANES < columns) {
        let i = (group.z * params.O + row + m) * columns + column + n * LANES;
        if (params.accumulate == 0) {
          dweight[i] = sum[m][n];
        } else {
          dweight[i] += sum[m][n];
        }
      }
    }
  }
}
