// attention_backward_value: dv[s,g,:] = sum over the heads h of group g and the queries n of key s of p[n,h,s] dout[n,h,:]
//
// queries[s] = (first, last), inclusive, are the rows that see key s (first > last: none). p = exp(scale query . key -
// lse) is the forward pass's probability again. A thread owns ROWS consecutive keys of one key/value head and meets
// QUERIES queries at a time, head after head of its group, always in one order; the sums are kept in dv.
// Loops are as in attention_forward.
// grid: ceil(ceil(N/ROWS)*K/SIZE)
override D: u32 = 64;
const ROWS: u32 = 8;
const QUERIES: u32 = 8;
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
  let kv = i % params.K;
  let n0 = i / params.K * ROWS;
  if (n0 >= params.N) {
    return;
  }
  var row: array<u32, ROWS>; // (n, kv) of each key
  var start: array<u32, ROWS>; // the first query that sees it, and how many
  var count: array<u32, ROWS>;
  var first = 0xffffffffu;
  var last = 0u;
  for (var r = 0u; r < ROWS; r++) {
    let n = min(n0 + r, params.N - 1);
    row[r] = n * params.K + kv;
    let range = queries[n];
    start[r] = range.x;
    count[r] = 0u;
    if (range.x <= range.y) {
      count[r] = range.y - range.x + 1;
      first = min(first, range.x);
      last = max(last, range.y);
    }
  }
  let rows = min(ROWS, params.N - n0);
  for (var j = 0u; j < rows * D4; j++) {
    dv[(row[0] + j / D4 * params.K) * D4 + j % D4] = vec4f();
  }

  let group = params.H / params.K;
  for (var h = kv * group; h < (kv + 1) * group; h++) {
    for (var n = first; n <= last; n += QUERIES) {
      var seen: array<u32, QUERIES>; // (n, h) of each query
      for (var j = 0u; j < QUERIES; j++) {
        seen[j] = min(n + j, last) * params.H + h;
      }
      var p: array<array<f32, QUERIES>, ROWS>; // at first the scores
      for (var r = 0u; r < ROWS; r++) {
        for (var j = 0u; j < QUERIES; j++) {
          p[r][j] = 0.0;
        }
      }
      for (var c = 0u; c < D4; c++) {
        var q4: array<vec4f, QUERIES>;
        for (var j = 0u; j < QUERIES; j++) {
          q4[j] = query[seen[j] * D4 + c];
        }
        for (var r = 0u; r < ROWS; r++) {
          let k4 = params.scale * key[row[r] * D4 + c];
          for (var j = 0u; j < QUERIES; j++) {
            p[r][j] += dot(k4, q4[j]);
          }
        }
      }
      var level: array<f32, QUERIES>;
      for (var j = 0u; j < QUERIES; j++) {
        level[j] = lse[seen[j]];
      }
      for (var r = 0u; r < ROWS; r++) {
        for (var j = 0u; j < QUERIES; j++) {
          p[r][j] = select(0.0, exp(p[r][j] - level[j]), n + j - start[r] < count[r]);
        }
      }
      for (var c = 0u; c < D4; c++) {
        var dout4: array<vec4f, QUERIES>;
        for (var j = 0u; j < QUERIES; j++) {
          dout4[j] = dout[seen[j] * D4 + c];
        }
        for (var r = 0u; r < ROWS; r++) {
          var sum = dv[row[r] * D4 + c];
          for (var j = 0u; j < QUERIES; j++) {
            sum += p[r][j] * dout4[j];
          }
          if (r < rows) {
            dv[row[r] * D4 + c] = sum;
          }
        }
      }
    }
  }
}
