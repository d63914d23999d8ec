// attention_forward: out[n,h,:] = sum over the keys s of row n of p[s] value[s,:], with p = softmax(scale query[n,h,:] . key[s,:])
//
// The interface is explained in attention_forward.cpu.wgsl. A workgroup owns ROWS consecutive rows of one head and
// meets 32 keys at a time. Each of its 64 threads has a tile of ROWS/8 by 4 scores, from chunks of query and key in
// workgroup memory; the probabilities go through workgroup memory to the threads, which hold the sums in registers,
// each for its rows and an eighth of the columns. Values are read straight from storage, a row of them at a time.
// grid: ceil(N/ROWS)*H
override D: u32 = 64;
const ROWS: u32 = 32;
struct Params { N: u32, H: u32, K: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec4f>; // (S, K, D), S above every key
@group(0) @binding(3) var<storage, read> value: array<vec4f>; // (S, K, D)
@group(0) @binding(4) var<storage, read> keys: array<vec2u>; // (N)
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>; // (N, H, D)
@group(0) @binding(6) var<storage, read_write> lse: array<f32>; // (N, H)

const D4 = D / 4;
const KEYS = 32u; // four a thread
const PER = ROWS / 8; // rows of a thread
const COLUMNS = (D4 + 7) / 8; // vectors of each row's sum that a thread holds
const CHUNK = 4u; // vectors of a head in workgroup memory at a time
const STRIDE = CHUNK + 1; // apart by an odd number, so that eight rows lie in different banks
const LOWEST = -1e30; // below every score, and finite: a difference of two of these is not NaN

var<workgroup> q_tile: array<vec4f, ROWS * STRIDE>;
var<workgroup> k_tile: array<vec4f, KEYS * STRIDE>;
var<workgroup> p_tile: array<vec4f, ROWS * 9>; // [r * 9 + x] holds keys x, x + 8, x + 16, x + 24 of a block
var<workgroup> exchange: array<f32, ROWS * 8>; // a number of each thread, for each of its rows

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = group.y * groups.x + group.x;
  let h = i % params.H;
  let kv = h / (params.H / params.K);
  let n0 = i / params.H * ROWS;
  if (n0 >= params.N) {
    return;
  }
  let tx = t % 8; // the keys and columns of the thread are tx, tx + 8, ...
  let ty = t / 8; // its rows ty, ty + 8, ...
  var first = 0xffffffffu;
  var last = 0u;
  for (var r = 0u; r < ROWS; r++) {
    let range = keys[min(n0 + r, params.N - 1)];
    if (range.x <= range.y) {
      first = min(first, range.x);
      last = max(last, range.y);
    }
  }
  var row: array<u32, PER>; // (n, h) of each row
  var start: array<u32, PER>; // the first key it sees, and how many
  var count: array<u32, PER>;
  var highest: array<f32, PER>;
  var total: array<f32, PER>; // of the thread's own keys
  var sum: array<array<vec4f, COLUMNS>, PER>;
  for (var r = 0u; r < PER; r++) {
    let n = min(n0 + ty + 8 * r, params.N - 1);
    row[r] = n * params.H + h;
    start[r] = keys[n].x;
    count[r] = select(0u, keys[n].y - start[r] + 1, start[r] <= keys[n].y);
    highest[r] = LOWEST;
    total[r] = 0.0;
    for (var c = 0u; c < COLUMNS; c++) {
      sum[r][c] = vec4f();
    }
  }

  for (var s = first; s <= last; s += KEYS) {
    var score: array<vec4f, PER>;
    for (var r = 0u; r < PER; r++) {
      score[r] = vec4f();
    }
    for (var c0 = 0u; c0 < D4; c0 += CHUNK) {
      workgroupBarrier();
      for (var j = t; j < ROWS * CHUNK; j += 64u) {
        let c = c0 + j % CHUNK;
        let at = (min(n0 + j / CHUNK, params.N - 1) * params.H + h) * D4 + min(c, D4 - 1);
        q_tile[j / CHUNK * STRIDE + j % CHUNK] = select(vec4f(), query[at], c < D4);
      }
      for (var j = t; j < KEYS * CHUNK; j += 64u) {
        let c = c0 + j % CHUNK;
        let at = (min(s + j / CHUNK, last) * params.K + kv) * D4 + min(c, D4 - 1);
        k_tile[j / CHUNK * STRIDE + j % CHUNK] = select(vec4f(), key[at], c < D4);
      }
      workgroupBarrier();
      for (var c = 0u; c < CHUNK; c++) {
        let x = tx * STRIDE + c;
        let k4 = mat4x4f(k_tile[x], k_tile[x + 8 * STRIDE], k_tile[x + 16 * STRIDE], k_tile[x + 24 * STRIDE]);
        for (var r = 0u; r < PER; r++) {
          let y = (ty + 8 * r) * STRIDE + c;
          score[r] += q_tile[y] * k4;
        }
      }
    }
    let at = s + tx + vec4u(0, 8, 16, 24);
    for (var r = 0u; r < PER; r++) {
      let x = select(vec4f(LOWEST), params.scale * score[r], at - start[r] < vec4u(count[r]));
      score[r] = x;
      exchange[(ty + 8 * r) * 8 + tx] = max(max(x.x, x.y), max(x.z, x.w));
    }
    workgroupBarrier();
    for (var r = 0u; r < PER; r++) {
      var top = highest[r];
      for (var x = 0u; x < 8; x++) {
        top = max(top, exchange[(ty + 8 * r) * 8 + x]);
      }
      let keep = exp(highest[r] - top); // what a new maximum leaves of the old sums
      highest[r] = top;
      let p = select(vec4f(), exp(score[r] - top), score[r] != vec4f(LOWEST));
      p_tile[(ty + 8 * r) * 9 + tx] = p;
      total[r] = keep * total[r] + (p.x + p.y + p.z + p.w);
      for (var c = 0u; c < COLUMNS; c++) {
        sum[r][c] *= keep;
      }
    }
    workgroupBarrier();
    for (var x = 0u; x < 8; x++) {
      let rows4 = (min(s + x + vec4u(0, 8, 16, 24), vec4u(last)) * params.K + kv) * D4;
      for (var c = 0u; c < COLUMNS; c++) {
        let at4 = rows4 + min(tx + 8 * c, D4 - 1);
        let v4 = mat4x4f(value[at4.x], value[at4.y], value[at4.z], value[at4.w]);
        for (var r = 0u; r < PER; r++) {
          sum[r][c] += v4 * p_tile[(ty + 8 * r) * 9 + x];
        }
      }
    }
  }

  for (var r = 0u; r < PER; r++) {
    exchange[(ty + 8 * r) * 8 + tx] = total[r];
  }
  workgroupBarrier();
  for (var r = 0u; r < PER; r++) {
    if (n0 + ty + 8 * r < params.N) {
      var whole = 0.0;
      for (var x = 0u; x < 8; x++) {
        whole += exchange[(ty + 8 * r) * 8 + x];
      }
      let share = select(0.0, 1.0 / whole, count[r] > 0);
      for (var c = 0u; c < COLUMNS; c++) {
        if (tx + 8 * c < D4) {
          out[row[r] * D4 + tx + 8 * c] = share * sum[r][c];
        }
      }
      if (tx == 0) {
        lse[row[r]] = select(0.0, highest[r] + log(whole), count[r] > 0);
      }
    }
  }
}
