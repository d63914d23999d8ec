// matmul_forward: out = x weight^T
//
// For GPUs. A workgroup computes BM x BN outputs, passing BK of the depth at a time through workgroup memory; each
// thread keeps TM x TN of them in registers. Both tiles lie with the depth outermost, so that threads read what they
// need of a row as vec4, side by side; STRIDE keeps what they write at once in different banks too.
//
// With a stride, the weight is that of the rows' expert, which begins at expert * stride vec4: rows come sorted by expert,
// each expert's from a multiple of TILE on.
// grid: ceil(O/BN), ceil(N/BM)
const BM: u32 = 64;
const BN: u32 = 64;
const BK: u32 = 16;
const TM: u32 = 8;
const TN: u32 = 4;
struct Params { N: u32, I: u32, O: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), or one for each expert
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)
@group(0) @binding(4) var<storage, read> tile: array<vec2u>; // optional: of each TILE rows, the expert and the end of its rows

const TILE = 128u; // a multiple of BM
const DOWN: u32 = BM / TM; // threads down the tile
const ACROSS: u32 = BN / TN;
const THREADS: u32 = DOWN * ACROSS;
const A_STRIDE: u32 = BM / 4 + 1; // vec4 from one depth to the next
const B_STRIDE: u32 = BN / 4 + 1;
var<workgroup> a_tile: array<vec4f, BK * A_STRIDE>; // (BK, BM): x turned
var<workgroup> b_tile: array<vec4f, BK * B_STRIDE>; // (BK, BN): weight turned

// x_quad is x[row, k..k+3], zero outside.
fn x_quad(row: u32, k: u32, end: u32) -> vec4f {
  if (row < end && k < params.I) {
    return x[(row * params.I + k) / 4];
  }
  return vec4f();
}

// weight_quad is weight[row, k..k+3] of the expert, zero outside.
fn weight_quad(expert: u32, row: u32, k: u32) -> vec4f {
  if (row < params.O && k < params.I) {
    return weight[expert * params.stride + (row * params.I + k) / 4];
  }
  return vec4f();
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = group.y * BM;
  let column = group.x * BN;
  let down = thread / ACROSS;
  let across = thread % ACROSS;
  var expert = 0u;
  var end = params.N;
  if (params.stride != 0) {
    expert = tile[row / TILE].x;
    end = tile[row / TILE].y;
    if (row >= end) {
      return;
    }
  }
  var sum: array<array<vec4f, TN / 4>, TM>;
  for (var k = 0u; k < params.I; k += BK) {
    for (var i = thread; i < BM / 4 * (BK / 4); i += THREADS) { // 4 rows by 4 of the depth
      let kk = 4 * (i % (BK / 4));
      let r = i / (BK / 4);
      let q = transpose(mat4x4f(x_quad(row + 4 * r, k + kk, end), x_quad(row + 4 * r + 1, k + kk, end),
                                x_quad(row + 4 * r + 2, k + kk, end), x_quad(row + 4 * r + 3, k + kk, end)));
      a_tile[kk * A_STRIDE + r] = q[0];
      a_tile[(kk + 1) * A_STRIDE + r] = q[1];
      a_tile[(kk + 2) * A_STRIDE + r] = q[2];
      a_tile[(kk + 3) * A_STRIDE + r] = q[3];
    }
    for (var i = thread; i < BN / 4 * (BK / 4); i += THREADS) {
      let kk = 4 * (i % (BK / 4));
      let c = i / (BK / 4);
      let q = transpose(mat4x4f(weight_quad(expert, column + 4 * c, k + kk), weight_quad(expert, column + 4 * c + 1, k + kk),
                                weight_quad(expert, column + 4 * c + 2, k + kk), weight_quad(expert, column + 4 * c + 3, k + kk)));
      b_tile[kk * B_STRIDE + c] = q[0];
      b_tile[(kk + 1) * B_STRIDE + c] = q[1];
      b_tile[(kk + 2) * B_STRIDE + c] = q[2];
      b_tile[(kk + 3) * B_STRIDE + c] = q[3];
    }
    workgroupBarrier();
    for (var kk = 0u; kk < BK; kk++) {
      var b: array<vec4f, TN / 4>;
      for (var n = 0u; n < TN / 4; n++) {
        b[n] = b_tile[kk * B_STRIDE + n * ACROSS + across];
      }
      for (var m = 0u; m < TM / 4; m++) {
        let a = a_tile[kk * A_STRIDE + m * DOWN + down];
        for (var n = 0u; n < TN / 4; n++) {
          sum[4 * m][n] += a.x * b[n];
          sum[4 * m + 1][n] += a.y * b[n];
          sum[4 * m + 2][n] += a.z * b[n];
          sum[4 * m + 3][n] += a.w * b[n];
        }
      }
    }
    workgroupBarrier();
  }
  for (var m = 0u; m < TM; m++) {
    let r = row + 4 * (m / 4 * DOWN + down) + m % 4;
    for (var n = 0u; n < TN / 4; n++) {
      let c = column + 4 * (n * ACROSS + across);
      for (var j = 0u; j < 4; j++) {
        if (r < end && c + j < params.O) {
          out[r * params.O + c + j] = sum[m][n][j];
        }
      }
    }
  }
}
