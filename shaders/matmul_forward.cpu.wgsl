// matmul_forward: out = x weight^T
//
// For software adapters, where a load costs as much as twenty multiply-adds and workgroup memory is no faster: the
// threads of a workgroup are the lanes of one vector, and each keeps 4 blocks of TM x TN outputs in registers.
//
// With a stride, the weight is that of the rows' expert, which begins at expert * stride vec4: rows come sorted by expert,
// each expert's from a multiple of TILE on.
// grid: ceil(N/4*TM), ceil(O/TN*LANES)
const TM: u32 = 4;
const TN: u32 = 16;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), or one for each expert
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)
@group(0) @binding(4) var<storage, read> tile: array<vec2u>; // optional: of each TILE rows, the expert and the end of its rows

const TILE = 128u; // a multiple of 4 * TM

// Drivers unroll loops over this much, and no more; a loop that is not unrolled is slow.
alias Block = array<array<f32, TN>, TM>;

// multiply adds to a block from the given row of x on four steps of the depth.
fn multiply(sum: ptr<function, Block>, w: ptr<function, array<vec4f, TN>>, row: u32, last: u32, k: u32) {
  for (var m = 0u; m < TM; m++) {
    let a = x[min(row + m, last) * (params.I / 4) + k];
    for (var n = 0u; n < TN; n++) {
      (*sum)[m][n] += dot(a, (*w)[n]);
    }
  }
}

// store writes a block. What lies outside of the matrix was computed from its last row or column, and is that again.
fn store(sum: ptr<function, Block>, row: u32, last: u32, column: u32) {
  for (var m = 0u; m < TM; m++) {
    for (var n = 0u; n < TN; n++) {
      out[min(row + m, last) * params.O + min(column + n * LANES, params.O - 1)] = (*sum)[m][n];
    }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.x * 4 * TM;
  let column = group.y * TN * LANES + id.x;
  var expert = 0u;
  var last = params.N - 1;
  if (params.stride != 0) {
    expert = tile[row / TILE].x;
    if (row >= tile[row / TILE].y) {
      return;
    }
    last = tile[row / TILE].y - 1;
  }
  var s0: Block;
  var s1: Block;
  var s2: Block;
  var s3: Block;
  for (var k = 0u; k < params.I / 4; k++) {
    var w: array<vec4f, TN>;
    for (var n = 0u; n < TN; n++) {
      w[n] = weight[expert * params.stride + min(column + n * LANES, params.O - 1) * (params.I / 4) + k];
    }
    multiply(&s0, &w, row, last, k);
    multiply(&s1, &w, row + TM, last, k);
    multiply(&s2, &w, row + 2 * TM, last, k);
    multiply(&s3, &w, row + 3 * TM, last, k);
  }
  for (var block = 0u; block < 4; block++) { // a loop, or the driver compiles for seconds
    store(&s0, row + block * TM, last, column);
    s0 = s1;
    s1 = s2;
    s2 = s3;
  }
}
