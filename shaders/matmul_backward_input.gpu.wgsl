// matmul_backward_input: dx = dout weight, or dx += dout weight
//
// For GPUs; see matmul_forward.gpu.wgsl. Rows of dout need not begin at a multiple of four, so it is read by numbers. With a stride, the
// weight is that of the rows' expert, as there.
// grid: ceil(I/BN), ceil(N/BM)
const BM: u32 = 64;
const BN: u32 = 64;
const BK: u32 = 16;
const TM: u32 = 8;
const TN: u32 = 4;
struct Params { N: u32, I: u32, O: u32, accumulate: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<f32>; // (N, O), rounded up to 16 bytes
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), I a multiple of 4, or one for each expert
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>; // (N, I)
@group(0) @binding(4) var<storage, read> tile: array<vec2u>; // optional: of each TILE rows, the expert and the end of its rows

const TILE = 128u; // a multiple of BM
const DOWN: u32 = BM / TM; // threads down the tile
const ACROSS: u32 = BN / TN;
const THREADS: u32 = DOWN * ACROSS;
const A_STRIDE: u32 = BM / 4 + 1; // vec4 from one depth to the next
const B_STRIDE: u32 = BN / 4;
var<workgroup> a_tile: array<vec4f, BK * A_STRIDE>; // (BK, BM): dout turned
var<workgroup> b_tile: array<vec4f, BK * B_STRIDE>; // (BK, BN): weight

// dout_at is dout[row, k], zero outside.
fn dout_at(row: u32, k: u32, end: u32) -> f32 {
  if (row < end && k < params.O) {
    return dout[row * params.O + k];
  }
  return 0.0;
}

// weight_quad is weight[k, column..column+3] of the expert, zero outside.
fn weight_quad(expert: u32, k: u32, column: u32) -> vec4f {
  if (k < params.O && column < params.I) {
    return weight[expert * params.stride + (k * params.I + column) / 4];
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
  for (var k = 0u; k < params.O; k += BK) {
    for (var i = thread; i < BK * (BM / 4); i += THREADS) {
      let kk = i % BK;
      let r = i / BK;
      a_tile[kk * A_STRIDE + r] = vec4f(dout_at(row + 4 * r, k + kk, end), dout_at(row + 4 * r + 1, k + kk, end),
                                        dout_at(row + 4 * r + 2, k + kk, end), dout_at(row + 4 * r + 3, k + kk, end));
    }
    for (var i = thread; i < BK * (BN / 4); i += THREADS) {
      let kk = i / (BN / 4);
      let c = i % (BN / 4);
      b_tile[kk * B_STRIDE + c] = weight_quad(expert, k + kk, column + 4 * c);
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
      if (r < end && c < params.I) {
        let i = (r * params.I + c) / 4;
        if (params.accumulate == 0) {
          dx[i] = sum[m][n];
        } else {
          dx[i] += sum[m][n];
        }
      }
    }
  }
}
