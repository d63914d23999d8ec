// matmul_backward_weight: dweight[s] = dout[rows of part s]^T x[rows of part s], or += for a single part
//
// For GPUs; see matmul_forward.gpu.wgsl. Rows of dout need not begin at a multiple of four, so it is read by numbers.
//
// With a stride, part s is expert s with the rows of span[s], and its dweight begins at s * stride vec4; N is then the
// number of experts, and part 1.
// grid: ceil(I/BN), ceil(O/BM), ceil(N/part)
const BM: u32 = 64;
const BN: u32 = 64;
const BK: u32 = 16;
const TM: u32 = 8;
const TN: u32 = 4;
struct Params { N: u32, I: u32, O: u32, accumulate: u32, part: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<f32>; // (N, O), rounded up to 16 bytes
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(3) var<storage, read_write> dweight: array<vec4f>; // (S, O, I), S = ceil(N/part), or one for each expert
@group(0) @binding(4) var<storage, read> span: array<vec2u>; // optional: the first row of each expert, and the end

const DOWN: u32 = BM / TM; // threads down the tile
const ACROSS: u32 = BN / TN;
const THREADS: u32 = DOWN * ACROSS;
const A_STRIDE: u32 = BM / 4;
const B_STRIDE: u32 = BN / 4;
var<workgroup> a_tile: array<vec4f, BK * A_STRIDE>; // (BK, BM): dout
var<workgroup> b_tile: array<vec4f, BK * B_STRIDE>; // (BK, BN): x

// dout_at is dout[k, row], zero outside.
fn dout_at(k: u32, row: u32, end: u32) -> f32 {
  if (k < end && row < params.O) {
    return dout[k * params.O + row];
  }
  return 0.0;
}

// x_quad is x[k, column..column+3], zero outside.
fn x_quad(k: u32, column: u32, end: u32) -> vec4f {
  if (k < end && column < params.I) {
    return x[(k * params.I + column) / 4];
  }
  return vec4f();
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = group.y * BM;
  let column = group.x * BN;
  let down = thread / ACROSS;
  let across = thread % ACROSS;
  var first = group.z * params.part;
  var end = min(first + params.part, params.N);
  var to = group.z * (params.O * params.I / 4); // where dweight begins
  if (params.stride != 0) {
    first = span[group.z].x;
    end = span[group.z].y;
    to = group.z * params.stride;
  }
  var sum: array<array<vec4f, TN / 4>, TM>;
  for (var k = first; k < end; k += BK) {
    for (var i = thread; i < BK * (BM / 4); i += THREADS) {
      let kk = i / (BM / 4);
      let r = i % (BM / 4);
      a_tile[kk * A_STRIDE + r] = vec4f(dout_at(k + kk, row + 4 * r, end), dout_at(k + kk, row + 4 * r + 1, end),
                                        dout_at(k + kk, row + 4 * r + 2, end), dout_at(k + kk, row + 4 * r + 3, end));
    }
    for (var i = thread; i < BK * (BN / 4); i += THREADS) {
      let kk = i / (BN / 4);
      let c = i % (BN / 4);
      b_tile[kk * B_STRIDE + c] = x_quad(k + kk, column + 4 * c, end);
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
      if (r < params.O && c < params.I) {
        let i = to + (r * params.I + c) / 4;
        if (params.accumulate == 0) {
          dweight[i] = sum[m][n];
        } else {
          dweight[i] += sum[m][n];
        }
      }
    }
  }
}
