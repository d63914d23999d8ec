// matmul_backward_weight: dweight[s] = dout[rows of part s]^T x[rows of part s], or += for a single part
//
// For software adapters; see matmul_forward.cpu.wgsl. A block is 4 rows of TN vec4; a pass takes two of the depth.
//
// With a stride, part s is expert s with the rows of span[s], and its dweight begins at s * stride vec4; N is then the
// number of experts, and part 1.
// grid: ceil(I/4*TN*LANES), ceil(O/16), ceil(N/part)
const TN: u32 = 4;
const LANES: u32 = 8;
struct Params { N: u32, I: u32, O: u32, accumulate: u32, part: u32, stride: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<vec4f>; // (N, O), rounded up to 16 bytes
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(3) var<storage, read_write> dweight: array<vec4f>; // (S, O, I), S = ceil(N/part), or one for each expert
@group(0) @binding(4) var<storage, read> span: array<vec2u>; // optional: the first row of each expert, and the end

alias Block = array<array<vec4f, TN>, 4>;
alias Row = array<vec4f, TN>;

// window is the four numbers that begin shift numbers after the beginning of a: a row of dout may begin anywhere.
fn window(a: vec4f, b: vec4f, shift: u32) -> vec4f {
  let ab = select(vec4f(a.zw, b.xy), a, shift < 2);
  return select(vec4f(ab.yzw, select(b.z, b.x, shift < 2)), ab, shift % 2 == 0);
}

// multiply adds to a block the products of two rows of dout, a and b, with two of x.
fn multiply(sum: ptr<function, Block>, a: vec4f, b: vec4f, ax: ptr<function, Row>, bx: ptr<function, Row>) {
  for (var n = 0u; n < TN; n++) {
    (*sum)[0][n] += a.x * (*ax)[n] + b.x * (*bx)[n];
    (*sum)[1][n] += a.y * (*ax)[n] + b.y * (*bx)[n];
    (*sum)[2][n] += a.z * (*ax)[n] + b.z * (*bx)[n];
    (*sum)[3][n] += a.w * (*ax)[n] + b.w * (*bx)[n];
  }
}

fn store(sum: ptr<function, Block>, row: u32, column: u32, to: u32) {
  for (var m = 0u; m < 4; m++) {
    for (var n = 0u; n < TN; n++) {
      let c = column + n * LANES;
      if (row + m < params.O && c < params.I / 4) {
        let i = to + (row + m) * (params.I / 4) + c;
        var before = vec4f();
        if (params.accumulate != 0) {
          before = dweight[i];
        }
        dweight[i] = before + (*sum)[m][n];
      }
    }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.y * 16;
  let column = group.x * TN * LANES + id.x;
  var first = group.z * params.part;
  var end = min(first + params.part, params.N);
  var to = group.z * (params.O * params.I / 4); // where dweight begins
  if (params.stride != 0) {
    first = span[group.z].x;
    end = span[group.z].y;
    to = group.z * params.stride;
  }
  var s0: Block;
  var s1: Block;
  var s2: Block;
  var s3: Block;
  for (var k = first; k < end; k += 2) {
    let k1 = min(k + 1, end - 1);
    var ax: Row;
    var bx: Row;
    for (var n = 0u; n < TN; n++) {
      let c = min(column + n * LANES, params.I / 4 - 1);
      ax[n] = x[k * (params.I / 4) + c];
      bx[n] = select(vec4f(), x[k1 * (params.I / 4) + c], k + 1 < end);
    }
    let a = k * params.O + row;
    let b = k1 * params.O + row;
    let a0 = dout[a / 4];
    let b0 = dout[b / 4];
    let a1 = dout[a / 4 + 1];
    let b1 = dout[b / 4 + 1];
    multiply(&s0, window(a0, a1, a % 4), window(b0, b1, b % 4), &ax, &bx);
    let a2 = dout[a / 4 + 2];
    let b2 = dout[b / 4 + 2];
    multiply(&s1, window(a1, a2, a % 4), window(b1, b2, b % 4), &ax, &bx);
    let a3 = dout[a / 4 + 3];
    let b3 = dout[b / 4 + 3];
    multiply(&s2, window(a2, a3, a % 4), window(b2, b3, b % 4), &ax, &bx);
    let a4 = dout[a / 4 + 4];
    let b4 = dout[b / 4 + 4];
    multiply(&s3, window(a3, a4, a % 4), window(b3, b4, b % 4), &ax, &bx);
  }
  for (var block = 0u; block < 4; block++) { // a loop, or the driver compiles for seconds
    store(&s0, row + block * 4, column, to);
    s0 = s1;
    s1 = s2;
    s2 = s3;
  }
}
