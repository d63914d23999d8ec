// attention_forward: out[n,h,:] = sum over the keys s of row n of p[s] value[s,:], with p = softmax(scale query[n,h,:] . key[s,:])
//
// lse[n,h] = log(sum of exp(scale query . key)) is kept for the backward pass. The keys of row n are keys[n] = (first, last), inclusive, so causal order and document boundaries are both there
// (first > last: no keys, and zeros come out). Query head h uses key/value head h/(H/K). k and v may have more rows
// than q: a cache. One pass over the keys, with a running maximum and sum (online softmax); no (T, T) array anywhere.
// A thread owns ROWS consecutive rows of one head and meets four keys at a time, all in registers; a row outside
// whose range a key is gives it a probability of 0. Loops: a quarter of the keys, so some 260,000 keys a row are
// within the 65,535 iterations of lavapipe.
// grid: ceil(ceil(N/ROWS)*H/SIZE)
override D: u32 = 64;
const ROWS: u32 = 4;
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
  var q_row: array<array<vec4f, D4>, ROWS>; // scaled
  var sum: array<array<vec4f, D4>, ROWS>;
  var total: array<f32, ROWS>;
  var highest: array<f32, ROWS>;
  var range: array<vec2u, ROWS>;
  var first = 0xffffffffu;
  var last = 0u;
  for (var r = 0u; r < ROWS; r++) {
    let n = min(n0 + r, params.N - 1);
    range[r] = keys[n];
    if (range[r].x <= range[r].y) {
      first = min(first, range[r].x);
      last = max(last, range[r].y);
    }
    for (var c = 0u; c < D4; c++) {
      q_row[r][c] = params.scale * query[(n * params.H + h) * D4 + c];
      sum[r][c] = vec4f();
    }
    total[r] = 0.0;
    highest[r] = LOWEST;
  }

  let stride = params.K * D4;
  let head = h / (params.H / params.K) * D4;
  for (var s = first; s <= last; s += 4u) {
    let at = s + vec4u(0, 1, 2, 3);
    let row = min(at, vec4u(last)) * stride + head;
    var score: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      score[r] = vec4f();
    }
    for (var c = 0u; c < D4; c++) {
      let k4 = mat4x4f(key[row.x + c], key[row.y + c], key[row.z + c], key[row.w + c]);
      for (var r = 0u; r < ROWS; r++) {
        score[r] += q_row[r][c] * k4;
      }
    }
    var p: array<vec4f, ROWS>;
    var keep: array<f32, ROWS>; // what a new maximum leaves of the old sums
    for (var r = 0u; r < ROWS; r++) {
      let seen = (at >= vec4u(range[r].x)) & (at <= vec4u(range[r].y));
      let sc = select(vec4f(LOWEST), score[r], seen);
      let top = max(highest[r], max(max(sc.x, sc.y), max(sc.z, sc.w)));
      keep[r] = exp(highest[r] - top);
      p[r] = select(vec4f(), exp(sc - top), seen);
      total[r] = total[r] * keep[r] + (p[r].x + p[r].y + p[r].z + p[r].w);
      highest[r] = top;
    }
    for (var c = 0u; c < D4; c++) {
      let v4 = mat4x4f(value[row.x + c], value[row.y + c], value[row.z + c], value[row.w + c]);
      for (var r = 0u; r < ROWS; r++) {
        sum[r][c] = sum[r][c] * keep[r] + v4 * p[r];
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let n = n0 + r;
    if (n < params.N) {
      let empty = range[r].x > range[r].y;
      let share = select(1.0 / total[r], 0.0, empty);
      for (var c = 0u; c < D4; c++) {
        out[(n * params.H + h) * D4 + c] = sum[r][c] * share;
      }
      lse[n * params.H + h] = select(highest[r] + log(total[r]), 0.0, empty);
    }
  }
}
