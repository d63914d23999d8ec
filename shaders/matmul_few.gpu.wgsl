// matmul_few: out = x weight^T for few rows of x, each to the same bits however many there are
//
// The interface is explained in matmul_few.cpu.wgsl. A workgroup computes ROWS x OUTS outputs: its threads share the
// depth, side by side, so that the weight is read once and in order, and then add their sums up in a tree.
// grid: ceil(O/OUTS), ceil(N/ROWS)
override ROWS: u32 = 1;
const OUTS: u32 = 4;
const SIZE: u32 = 64; // a power of two
struct Params { N: u32, I: u32, O: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I)
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)

const TILE = ROWS * OUTS;
var<workgroup> sums: array<f32, SIZE * TILE>; // (SIZE, TILE)

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * ROWS;
  let column = group.x * OUTS;
  let width = params.I / 4;
  var sum: array<array<f32, OUTS>, ROWS>;
  for (var k = lane; k < width; k += SIZE) {
    var w: array<vec4f, OUTS>;
    for (var n = 0u; n < OUTS; n++) {
      w[n] = weight[min(column + n, params.O - 1) * width + k];
    }
    for (var m = 0u; m < ROWS; m++) {
      let a = x[min(row + m, params.N - 1) * width + k];
      for (var n = 0u; n < OUTS; n++) {
        sum[m][n] = fma(a.w, w[n].w, fma(a.z, w[n].z, fma(a.y, w[n].y, fma(a.x, w[n].x, sum[m][n]))));
      }
    }
  }
  for (var m = 0u; m < ROWS; m++) {
    for (var n = 0u; n < OUTS; n++) {
      sums[lane * TILE + m * OUTS + n] = sum[m][n];
    }
  }
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    for (var i = lane; i < half * TILE; i += SIZE) {
      sums[i] += sums[i + half * TILE];
    }
    workgroupBarrier();
  }
  for (var i = lane; i < TILE; i += SIZE) {
    let r = row + i / OUTS;
    let c = column + i % OUTS;
    if (r < params.N && c < params.O) {
      out[r * params.O + c] = sums[i];
    }
  }
}
