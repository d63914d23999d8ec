// attention_forward: out[n,h,:] = sum over the keys s of row n of p[s] value[s,:], with p = softmax(scale query[n,h,:] . key[s,:])
//
// lse[n,h] = log(sum of exp(scale query . key)) is kept for the backward pass. The keys of row n are keys[n] = (first,
// last), inclusive: causal order and document boundaries are both there (first > last: no keys, and zeros come out).
// Query head h uses key/value head h/(H/K). key and value may have more rows than query: a cache. One pass over the
// keys, with a running maximum and sum (online softmax); no (T, T) array anywhere.
//
// A thread owns ROWS consecutive rows of one head and meets KEYS keys at a time: their scores are a tile in registers,
// the sums are kept in out. A key that a row does not see gets the probability 0. Loops over a tile are kept so short
// that lavapipe's compiler unrolls them, which it does up to some 830 operations in all; hence several small ones.
// What remains of loops bounds the length of a row there; see AttentionReach.
// grid: ceil(ceil(N/ROWS)*H/SIZE)
override D: u32 = 64;
const ROWS: u32 = 8;
const KEYS: u32 = 8;
const SIZE: u32 = 32;
struct Params { N: u32, H: u32, K: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec4f>; // (S, K, D), S above every key
@group(0) @binding(3) var<storage, read> value: array<vec4f>; // (S, K, D)
@group(0) @binding(4) var<storage, read> keys: array<vec2u>; // (N)
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>; // (N, H, D)
@group(0) @binding(6) var<storage, read_write> lse: array<f32>; // (N, H)

const D4 = D / 4;
const LOWEST = -1e30; // below every score, and finite: a difference of two of these is not NaN

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let h = i % params.H;
  let n0 = i / params.H * ROWS;
  if (n0 >= params.N) {
    return;
  }
  var row: array<u32, ROWS>; // (n, h) of each row
  var start: array<u32, ROWS>; // the first key it sees, and how many
  var count: array<u32, ROWS>;
  var highest: array<f32, ROWS>;
  var total: array<f32, ROWS>;
  var first = 0xffffffffu;
  var last = 0u;
  for (var r = 0u; r < ROWS; r++) {
    let n = min(n0 + r, params.N - 1);
    row[r] = n * params.H + h;
    let range = keys[n];
    start[r] = range.x;
    count[r] = 0u;
    if (range.x <= range.y) {
      count[r] = range.y - range.x + 1;
      first = min(first, range.x);
      last = max(last, range.y);
    }
    highest[r] = LOWEST;
    total[r] = 0.0;
  }
  let rows = min(ROWS, params.N - n0);
  for (var j = 0u; j < rows * D4; j++) {
    out[(row[0] + j / D4 * params.H) * D4 + j % D4] = vec4f();
  }

  let kv = h / (params.H / params.K);
  for (var s = first; s <= last; s += KEYS) {
    var seen: array<u32, KEYS>; // where key and value of each key are
    for (var j = 0u; j < KEYS; j++) {
      seen[j] = (min(s + j, last) * params.K + kv) * D4;
    }
    var p: array<array<f32, KEYS>, ROWS>; // at first the scores
    for (var r = 0u; r < ROWS; r++) {
      for (var j = 0u; j < KEYS; j++) {
        p[r][j] = 0.0;
      }
    }
    for (var c = 0u; c < D4; c++) {
      var k4: array<vec4f, KEYS>;
      for (var j = 0u; j < KEYS; j++) {
        k4[j] = key[seen[j] + c];
      }
      for (var r = 0u; r < ROWS; r++) {
        let q4 = params.scale * query[row[r] * D4 + c];
        for (var j = 0u; j < KEYS; j++) {
          p[r][j] += dot(q4, k4[j]);
        }
      }
    }
    var keep: array<f32, ROWS>; // what a new maximum leaves of the old sums
    for (var r = 0u; r < ROWS; r++) {
      var top = highest[r];
      for (var j = 0u; j < KEYS; j++) {
        p[r][j] = select(LOWEST, p[r][j], s + j - start[r] < count[r]);
        top = max(top, p[r][j]);
      }
      keep[r] = exp(highest[r] - top);
      highest[r] = top;
    }
    for (var r = 0u; r < ROWS; r++) {
      var sum = keep[r] * total[r];
      for (var j = 0u; j < KEYS; j++) {
        p[r][j] = select(0.0, exp(p[r][j] - highest[r]), p[r][j] != LOWEST);
        sum += p[r][j];
      }
      total[r] = sum;
    }
    for (var c = 0u; c < D4; c++) {
      var v4: array<vec4f, KEYS>;
      for (var j = 0u; j < KEYS; j++) {
        v4[j] = value[seen[j] + c];
      }
      for (var r = 0u; r < ROWS; r++) {
        var sum = keep[r] * out[row[r] * D4 + c];
        for (var j = 0u; j < KEYS; j++) {
          sum += p[r][j] * v4[j];
        }
        if (r < rows) {
          out[row[r] * D4 + c] = sum;
        }
      }
    }
  }

  for (var r = 0u; r < rows; r++) {
    if (count[r] > 0) {
      for (var c = 0u; c < D4; c++) {
        out[row[r] * D4 + c] /= total[r];
      }
      lse[row[r]] = highest[r] + log(total[r]);
    } else {
      lse[row[r]] = 0.0;
    }
  }
}
