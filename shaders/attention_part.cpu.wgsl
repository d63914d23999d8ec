// attention_part: attention of each row over its keys in a cache, PART keys at a time; attention_combine puts them together
//
// The keys of row n are keys[n] = (first, last), inclusive, rows of the cache; first > last: none. Part p has those from
// first + p * PART on. With p[s] = exp(scale query[n,h,:] . key[s,:] - top) and top the largest exponent of the part,
// sums[n,h,p,:] = sum of p[s] value[s,:] and peak[n,h,p] = (top, sum of p[s]). Parts without keys are not written. Query
// head h uses key/value head h/(H/K). Where the parts are cut depends on the row's own keys alone, and so do its bits.
//
// A thread takes one part of one head of a row, KEYS keys at a time, and keeps the sums in sums (see attention_forward).
// grid: ceil(N*P*H/SIZE)
override D: u32 = 64;
override PART: u32 = 64; // a multiple of 64
override HALF: u32 = 0; // 1: the cache holds halves, two in a word
const KEYS: u32 = 8;
const SIZE: u32 = 8;
struct Params { N: u32, H: u32, K: u32, P: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec2u>; // (S, K, D) of float32 or halves, S above every key
@group(0) @binding(3) var<storage, read> value: array<vec2u>; // (S, K, D)
@group(0) @binding(4) var<storage, read> keys: array<vec2u>; // (N)
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>; // (N, H, P, D), P*PART at least the most keys of a row
@group(0) @binding(6) var<storage, read_write> peak: array<vec2f>; // (N, H, P)

const D4 = D / 4;
const LOWEST = -1e30; // below every score, and finite: a difference of two of these is not NaN

fn key_quad(i: u32) -> vec4f {
  if (HALF == 1) {
    return vec4f(unpack2x16float(key[i].x), unpack2x16float(key[i].y));
  }
  return vec4f(bitcast<vec2f>(key[2 * i]), bitcast<vec2f>(key[2 * i + 1]));
}

fn value_quad(i: u32) -> vec4f {
  if (HALF == 1) {
    return vec4f(unpack2x16float(value[i].x), unpack2x16float(value[i].y));
  }
  return vec4f(bitcast<vec2f>(value[2 * i]), bitcast<vec2f>(value[2 * i + 1]));
}

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let h = i % params.H; // heads side by side: lanes that see the same keys
  let part = i / params.H % params.P;
  let n = i / params.H / params.P;
  if (n >= params.N) {
    return;
  }
  let first = keys[n].x + part * PART;
  if (first > keys[n].y) {
    return;
  }
  let last = min(keys[n].y, first + PART - 1);
  let kv = h / (params.H / params.K);
  let q = (n * params.H + h) * D4;
  let to = (n * params.H + h) * params.P + part;
  for (var c = 0u; c < D4; c++) {
    sums[to * D4 + c] = vec4f();
  }
  var top = LOWEST;
  var total = 0.0;
  for (var s = first; s <= last; s += KEYS) {
    var at: array<u32, KEYS>; // where key and value are
    var p: array<f32, KEYS>; // at first the scores
    for (var j = 0u; j < KEYS; j++) {
      at[j] = (min(s + j, last) * params.K + kv) * D4;
      p[j] = 0.0;
    }
    for (var c = 0u; c < D4; c++) {
      let q4 = params.scale * query[q + c];
      for (var j = 0u; j < KEYS; j++) {
        p[j] += dot(q4, key_quad(at[j] + c));
      }
    }
    let before = top;
    for (var j = 0u; j < KEYS; j++) {
      p[j] = select(LOWEST, p[j], s + j <= last);
      top = max(top, p[j]);
    }
    let keep = exp(before - top); // what a new maximum leaves of the old sums
    total *= keep;
    for (var j = 0u; j < KEYS; j++) {
      p[j] = select(0.0, exp(p[j] - top), s + j <= last);
      total += p[j];
    }
    for (var c = 0u; c < D4; c++) {
      var sum = keep * sums[to * D4 + c];
      for (var j = 0u; j < KEYS; j++) {
        sum += p[j] * value_quad(at[j] + c);
      }
      sums[to * D4 + c] = sum;
    }
  }
  peak[to] = vec2f(top, total);
}
