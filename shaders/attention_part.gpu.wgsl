// attention_part: attention of each row over its keys in a cache, PART keys at a time; attention_combine puts them together
//
// The interface is explained in attention_part.cpu.wgsl. A workgroup of 64 threads takes one part of one head of a row:
// each thread the scores of PART/64 keys, then, of a few columns of the values, the sum over every GROUPS-th key.
// grid: N*P*H
override D: u32 = 64;
override HEADS: u32 = 1; // query heads of a key/value head, H/K
override PART: u32 = 64; // a multiple of 64
override HALF: u32 = 0; // 1: the cache holds halves, two in a word
struct Params { N: u32, H: u32, K: u32, P: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec2u>; // (S, K, D) of float32 or halves, S above every key
@group(0) @binding(3) var<storage, read> value: array<vec2u>; // (S, K, D)
@group(0) @binding(4) var<storage, read> keys: array<vec2u>; // (N)
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>; // (N, H, P, D), P*PART at least the most keys of a row
@group(0) @binding(6) var<storage, read_write> peak: array<vec2f>; // (N, H, P)

const D4 = D / 4;
const SIZE = 64u;
const GROUPS = (SIZE + D4 - 1) / D4; // threads that share a column
const LOWEST = -1e30; // below every score, and finite: a difference of two of these is not NaN

var<workgroup> q_tile: array<vec4f, D4>;
var<workgroup> p_tile: array<f32, PART>; // the scores, then what exp makes of them
var<workgroup> exchange: array<f32, SIZE>;
var<workgroup> partial: array<vec4f, GROUPS * D4>; // (GROUPS, D4)

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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = group.y * groups.x + group.x;
  let h = i % params.H;
  let part = i / params.H % params.P;
  let n = i / params.H / params.P;
  if (n >= params.N) {
    return;
  }
  let first = keys[n].x + part * PART;
  if (first > keys[n].y) {
    return;
  }
  let count = min(keys[n].y - first + 1, PART);
  let kv = h / HEADS;
  let to = (n * params.H + h) * params.P + part;
  for (var c = t; c < D4; c += SIZE) {
    q_tile[c] = params.scale * query[(n * params.H + h) * D4 + c];
  }
  workgroupBarrier();
  var top = LOWEST;
  for (var s = t; s < count; s += SIZE) {
    let at = ((first + s) * params.K + kv) * D4;
    var score = 0.0;
    for (var c = 0u; c < D4; c++) {
      score += dot(q_tile[c], key_quad(at + c));
    }
    p_tile[s] = score;
    top = max(top, score);
  }
  exchange[t] = top;
  workgroupBarrier();
  for (var other = 0u; other < SIZE; other++) {
    top = max(top, exchange[other]);
  }
  for (var s = t; s < count; s += SIZE) {
    p_tile[s] = exp(p_tile[s] - top);
  }
  workgroupBarrier();
  for (var j = t; j < GROUPS * D4; j += SIZE) {
    var sum = vec4f();
    for (var s = j / D4; s < count; s += GROUPS) {
      sum += p_tile[s] * value_quad(((first + s) * params.K + kv) * D4 + j % D4);
    }
    partial[j] = sum;
  }
  workgroupBarrier();
  for (var c = t; c < D4; c += SIZE) {
    var sum = partial[c];
    for (var g = 1u; g < GROUPS; g++) {
      sum += partial[g * D4 + c];
    }
    sums[to * D4 + c] = sum;
  }
  if (t == 0) {
    var total = 0.0;
    for (var s = 0u; s < count; s++) {
      total += p_tile[s];
    }
    peak[to] = vec2f(top, total);
  }
}
