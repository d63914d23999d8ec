// matmul_backward_input: dx = dout weight, or dx += dout weight
//
// For software adapters; see matmul_forward.cpu.wgsl. A block is TM rows of TN vec4; a pass takes four of the depth.
// A depth O whose weights would not stay in a core's cache (the head's) is gone through in parts of DEPTH, each for
// ROWS workgroups' rows before the next. With a stride, the weight is that of the rows' expert, as in matmul_forward.
// grid: ceil(N/4*TM), ceil(I/4*TN*LANES)
const TM: u32 = 4;
const TN: u32 = 4;
const LANES: u32 = 8;
const DEPTH: u32 = 1024;
const ROWS: u32 = 8;
struct Params { N: u32, I: u32, O: u32, accumulate: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<vec4f>; // (N, O), rounded up to 16 bytes
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), I a multiple of 4, or one for each expert
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>; // (N, I)
@group(0) @binding(4) var<storage, read> tile: array<vec2u>; // optional: of each TILE rows, the expert and the end of its rows

const TILE = 128u; // a multiple of 4 * TM

alias Block = array<array<vec4f, TN>, TM>;
alias Weights = array<array<vec4f, TN>, 4>;

// window is the four numbers that begin shift numbers after the beginning of a: a row of dout may begin anywhere.
fn window(a: vec4f, b: vec4f, shift: u32) -> vec4f {
  let ab = select(vec4f(a.zw, b.xy), a, shift < 2);
  return select(vec4f(ab.yzw, select(b.z, b.x, shift < 2)), ab, shift % 2 == 0);
}

// multiply adds to a block from the given row of dout on four steps of the depth; ahead holds what was read before.
fn multiply(sum: ptr<function, Block>, ahead: ptr<function, array<vec4f, TM>>, w: ptr<function, Weights>, row: u32, last: u32, k: u32) {
  let inside = vec4u(k, k + 1, k + 2, k + 3) < vec4u(params.O);
  for (var m = 0u; m < TM; m++) {
    let i = min(row + m, last) * params.O + k;
    let next = dout[i / 4 + 1];
    let a = select(vec4f(), window((*ahead)[m], next, i % 4), inside);
    (*ahead)[m] = next;
    for (var n = 0u; n < TN; n++) {
      (*sum)[m][n] += a.x * (*w)[0][n] + a.y * (*w)[1][n] + a.z * (*w)[2][n] + a.w * (*w)[3][n];
    }
  }
}

fn start(ahead: ptr<function, array<vec4f, TM>>, row: u32, last: u32, k: u32) {
  for (var m = 0u; m < TM; m++) {
    (*ahead)[m] = dout[(min(row + m, last) * params.O + k) / 4];
  }
}

fn store(sum: ptr<function, Block>, row: u32, last: u32, column: u32, accumulate: bool) {
  for (var m = 0u; m < TM; m++) {
    for (var n = 0u; n < TN; n++) {
      let c = column + n * LANES;
      if (row + m <= last && c < params.I / 4) {
        let i = (row + m) * (params.I / 4) + c;
        var before = vec4f();
        if (accumulate) {
          before = dx[i];
        }
        dx[i] = before + (*sum)[m][n];
      }
    }
  }
}

// part computes 4 blocks from row on, over a part of the depth.
fn part(row: u32, column: u32, first: u32, end: u32) {
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
  var a0: array<vec4f, TM>;
  var a1: array<vec4f, TM>;
  var a2: array<vec4f, TM>;
  var a3: array<vec4f, TM>;
  start(&a0, row, last, first);
  start(&a1, row + TM, last, first);
  start(&a2, row + 2 * TM, last, first);
  start(&a3, row + 3 * TM, last, first);
  for (var k = first; k < end; k += 4) {
    var w: Weights;
    for (var j = 0u; j < 4; j++) {
      for (var n = 0u; n < TN; n++) {
        w[j][n] = weight[expert * params.stride + min(k + j, params.O - 1) * (params.I / 4) + min(column + n * LANES, params.I / 4 - 1)];
      }
    }
    multiply(&s0, &a0, &w, row, last, k);
    multiply(&s1, &a1, &w, row + TM, last, k);
    multiply(&s2, &a2, &w, row + 2 * TM, last, k);
    multiply(&s3, &a3, &w, row + 3 * TM, last, k);
  }
  for (var block = 0u; block < 4; block++) { // a loop, or the driver compiles for seconds
    store(&s0, row + block * TM, last, column, first > 0 || params.accumulate != 0);
    s0 = s1;
    s1 = s2;
    s2 = s3;
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let column = group.y * TN * LANES + id.x;
  let deep = params.O > 2 * DEPTH;
  let rows = select(1, clamp(128 * DEPTH / params.O, 1, ROWS), deep); // fewer than 65,535 iterations in all
  if (group.x % rows != 0) {
    return;
  }
  let depth = select(params.O, DEPTH, deep);
  for (var k = 0u; k < params.O; k += depth) {
    for (var r = group.x; r < group.x + rows; r++) {
      part(r * 4 * TM, column, k, min(k + depth, params.O));
    }
  }
}
