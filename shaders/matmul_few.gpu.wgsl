// matmul_few: out = x weight^T for few rows of x, each to the same bits however many there are
//
// The interface is explained in matmul_few.cpu.wgsl. A workgroup computes ROWS x OUTS outputs: its threads share the
// depth, side by side, so that the weight is read once and in order, and then add their sums up in a tree.
// grid: E, ceil(O/OUTS), ceil(N/ROWS)
override ROWS: u32 = 1;
const OUTS: u32 = 4;
const SIZE: u32 = 64; // a power of two
struct Params { N: u32, I: u32, O: u32, E: u32, stride: u32, share: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N/share, I), I a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (O, I), or one for each expert
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // (N, O)
@group(0) @binding(4) var<storage, read> choice: array<u32>; // optional: (N)

const TILE = ROWS * OUTS;
var<workgroup> sums: array<f32, SIZE * TILE>; // (SIZE, TILE)

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.y * OUTS;
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
  var sum: array<array<f32, OUTS>, ROWS>;
  for (var k = lane; k < width; k += SIZE) {
    var w: array<vec4f, OUTS>;
    for (var n = 0u; n < OUTS; n++) {
      w[n] = weight[first + min(column + n, params.O - 1) * width + k];
    }
    for (var m = 0u; m < ROWS; m++) {
      let a = x[start[m] + k];
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
    let c = column + i % OUTS;
    if (c < params.O) { // a row that is there again is the same again
      out[rows[i / OUTS] * params.O + c] = sums[i];
    }
  }
}
