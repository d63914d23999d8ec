// attention_backward_value: dv[s,g,:] = sum over the heads h of group g and the queries n of key s of p[n,h,s] dout[n,h,:]
//
// queries[s] = (first, last), inclusive, are the rows that see key s (first > last: none). p = exp(scale q . k - lse).
// A thread owns ROWS consecutive keys of one key/value head and meets four queries at a time, head after head of its
// group, always in one order. Loops: H/K times a quarter of the queries.
// grid: ceil(ceil(N/ROWS)*K/SIZE)
override D: u32 = 64;
const ROWS: u32 = 4;
const SIZE: u32 = 32;
struct Params { N: u32, H: u32, K: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec4f>; // (N, K, D)
@group(0) @binding(3) var<storage, read> queries: array<vec2u>; // (N)
@group(0) @binding(4) var<storage, read> dout: array<vec4f>; // (N, H, D)
@group(0) @binding(5) var<storage, read> lse: array<f32>; // (N, H)
@group(0) @binding(6) var<storage, read_write> dv: array<vec4f>; // (N, K, D)

const D4 = D / 4;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let g = i % params.K;
  let n0 = i / params.K * ROWS;
  if (n0 >= params.N) {
    return;
  }
  var k_row: array<array<vec4f, D4>, ROWS>; // scaled
  var sum: array<array<vec4f, D4>, ROWS>;
  var range: array<vec2u, ROWS>;
  var first = 0xffffffffu;
  var last = 0u;
  for (var r = 0u; r < ROWS; r++) {
    let n = min(n0 + r, params.N - 1);
    range[r] = queries[n];
    if (range[r].x <= range[r].y) {
      first = min(first, range[r].x);
      last = max(last, range[r].y);
    }
    for (var c = 0u; c < D4; c++) {
      k_row[r][c] = params.scale * key[(n * params.K + g) * D4 + c];
      sum[r][c] = vec4f();
    }
  }

  let group = params.H / params.K;
  for (var h = g * group; h < (g + 1) * group; h++) {
    for (var n = first; n <= last; n += 4u) {
      let at = n + vec4u(0, 1, 2, 3);
      let head = min(at, vec4u(last)) * params.H + h;
      let row = head * D4;
      var score: array<vec4f, ROWS>;
      for (var r = 0u; r < ROWS; r++) {
        score[r] = vec4f();
      }
      for (var c = 0u; c < D4; c++) {
        let q4 = mat4x4f(query[row.x + c], query[row.y + c], query[row.z + c], query[row.w + c]);
        for (var r = 0u; r < ROWS; r++) {
          score[r] += k_row[r][c] * q4;
        }
      }
      let level = vec4f(lse[head.x], lse[head.y], lse[head.z], lse[head.w]);
      var p: array<vec4f, ROWS>;
      for (var r = 0u; r < ROWS; r++) {
        let seen = (at >= vec4u(range[r].x)) & (at <= vec4u(range[r].y));
        p[r] = select(vec4f(), exp(score[r] - level), seen);
      }
      for (var c = 0u; c < D4; c++) {
        let dout4 = mat4x4f(dout[row.x + c], dout[row.y + c], dout[row.z + c], dout[row.w + c]);
        for (var r = 0u; r < ROWS; r++) {
          sum[r][c] += dout4 * p[r];
        }
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let n = n0 + r;
    if (n < params.N) {
      for (var c = 0u; c < D4; c++) {
        dv[(n * params.K + g) * D4 + c] = sum[r][c];
      }
    }
  }
}
