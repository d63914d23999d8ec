// matmul_backward_input: dx = dout weight, or dx += dout weight
//
// For software adapters; see matmul_forward.cpu.wgsl. Each thread computes TM rows of TN vec4.
// grid: ceil(I/4*TN*LANES), ceil(N/TM)
const TM: u32 = 8;
const TN: u32 = 2;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<f32>; // (N, O)
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), I a multiple of 4
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>; // (N, I)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.y * TM;
  let column = group.x * TN * LANES + id.x;
  let columns = params.I / 4;
  var dout_row: array<u32, TM>;
  for (var m = 0u; m < TM; m++) {
    dout_row[m] = min(row + m, params.N - 1) * params.O;
  }
  var weight_column: array<u32, TN>;
  for (var n = 0u; n < TN; n++) {
    weight_column[n] = min(column + n * LANES, columns - 1);
  }
  var sum: array<array<vec4f, TN>, TM>;
  for (var k = 0u; k < params.O; k++) {
    var w: array<vec4f, TN>;
    for (var n = 0u; n < TN; n++) {
      w[n] = weight[k * columns + weight_column[n]];
    }
    for (var m = 0u; m < TM; m++) {
      let d = dout[dout_row[m] + k];
      for (var n = 0u; n < TN; n++) {
        sum[m][n] += d * w[n];
      }
    }
  }
  for (var m = 0u; m < TM; m++) {
    for (var n = 0u; n < TN; n++) {
      if (row + m < params.N && column + n * LANES < columns) {
        let i = (row + m) * columns + column + n * LANES;
        if (params.accumulate == 0) {
          dx[i] = sum[m][n];
        } else {
          dx[i] += sum[m][n];
        }
      }
    }
  }
}
