// attention_part: attention of each row over its keys in a cache, PART keys at a time; attention_combine puts them together
//
// The keys of row n are keys[n] = (first, last), inclusive, rows of the cache; first > last: none. Part p has those from
// first + p * PART on. With p[s] = exp(scale query[n,h,:] . key[s,:] - top) and top the largest exponent of the part,
// sums[n,h,p,:] = sum of p[s] value[s,:] and peak[n,h,p] = (top, sum of p[s]). Parts without keys are not written. Query
// head h uses key/value head h/HEADS. Where the parts are cut depends on the row's own keys alone, and so do its bits.
//
// A thread takes one part of a row for all query heads of one key/value head, KEYS keys at a time, and keeps the sums in
// sums (see attention_forward).
// grid: ceil(N*P*K/SIZE)
override D: u32 = 64;
override HEADS: u32 = 1; // query heads of a key/value head, H/K
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
  let kv = i % params.K;
  let part = i / params.K % params.P;
  let n = i / params.K / params.P;
  if (n >= params.N) {
    return;
  }
  let first = keys[n].x + part * PART;
  if (first > keys[n].y) {
    return;
  }
  let last = min(keys[n].y, first + PART - 1);
  var row: array<u32, HEADS>; // (n, h) of each query head
  var top: array<f32, HEADS>;
  var total: array<f32, HEADS>;
  for (var g = 0u; g < HEADS; g++) {
    row[g] = n * params.H + kv * HEADS + g;
    top[g] = LOWEST;
    total[g] = 0.0;
  }
  for (var c = 0u; c < D4; c++) {
    for (var g = 0u; g < HEADS; g++) {
      sums[(row[g] * params.P + part) * D4 + c] = vec4f();
    }
  }
  for (var s = first; s <= last; s += KEYS) {
    var at: array<u32, KEYS>; // where key and value are
    for (var j = 0u; j < KEYS; j++) {
      at[j] = (min(s + j, last) * params.K + kv) * D4;
    }
    var p: array<array<f32, KEYS>, HEADS>; // at first the scores
    for (var g = 0u; g < HEADS; g++) {
      for (var j = 0u; j < KEYS; j++) {
        p[g][j] = 0.0;
      }
    }
    for (var c = 0u; c < D4; c++) {
      var k4: array<vec4f, KEYS>;
      for (var j = 0u; j < KEYS; j++) {
        k4[j] = key_quad(at[j] + c);
      }
      for (var g = 0u; g < HEADS; g++) {
        let q4 = params.scale * query[row[g] * D4 + c];
        for (var j = 0u; j < KEYS; j++) {
          p[g][j] += dot(q4, k4[j]);
        }
      }
    }
    var keep: array<f32, HEADS>; // what a new maximum leaves of the old sums
    for (var g = 0u; g < HEADS; g++) {
      var highest = top[g];
      for (var j = 0u; j < KEYS; j++) {
        p[g][j] = select(LOWEST, p[g][j], s + j <= last);
        highest = max(highest, p[g][j]);
      }
      keep[g] = exp(top[g] - highest);
      top[g] = highest;
      total[g] *= keep[g];
      for (var j = 0u; j < KEYS; j++) {
        p[g][j] = select(0.0, exp(p[g][j] - highest), s + j <= last);
        total[g] += p[g][j];
      }
    }
    for (var c = 0u; c < D4; c++) {
      var v4: array<vec4f, KEYS>;
      for (var j = 0u; j < KEYS; j++) {
        v4[j] = value_quad(at[j] + c);
      }
      for (var g = 0u; g < HEADS; g++) {
        let to = (row[g] * params.P + part) * D4 + c;
        var sum = keep[g] * sums[to];
        for (var j = 0u; j < KEYS; j++) {
          sum += p[g][j] * v4[j];
        }
        sums[to] = sum;
      }
    }
  }
  for (var g = 0u; g < HEADS; g++) {
    peak[row[g] * params.P + part] = vec2f(top[g], total[g]);
  }
}
