// attention_backward_query: dq[n,h,:] = scale * sum over the keys s of row n of ds[s] key[s,:], with ds = p (dout[n,h,:] . value[s,:] - delta[n,h])
//
// p = exp(scale query . key - lse) is the forward pass's probability again. Ranges, heads, the tile of a thread and its
// loops are as in attention_forward; the sums are kept in dq.
// grid: ceil(ceil(N/ROWS)*H/SIZE)
override D: u32 = 64;
const ROWS: u32 = 8;
const KEYS: u32 = 8;
const SIZE: u32 = 32;
struct Params { N: u32, H: u32, K: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec4f>; // (N, K, D)
@group(0) @binding(3) var<storage, read> value: array<vec4f>; // (N, K, D)
@group(0) @binding(4) var<storage, read> keys: array<vec2u>; // (N)
@group(0) @binding(5) var<storage, read> dout: array<vec4f>; // (N, H, D)
@group(0) @binding(6) var<storage, read> lse: array<f32>; // (N, H)
@group(0) @binding(7) var<storage, read> delta: array<f32>; // (N, H)
@group(0) @binding(8) var<storage, read_write> dq: array<vec4f>; // (N, H, D)

const D4 = D / 4;

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
  }
  let rows = min(ROWS, params.N - n0);
  for (var j = 0u; j < rows * D4; j++) {
    dq[(row[0] + j / D4 * params.H) * D4 + j % D4] = vec4f();
  }

  let kv = h / (params.H / params.K);
  for (var s = first; s <= last; s += KEYS) {
    var seen: array<u32, KEYS>; // where key and value of each key are
    for (var j = 0u; j < KEYS; j++) {
      seen[j] = (min(s + j, last) * params.K + kv) * D4;
    }
    var score: array<array<f32, KEYS>, ROWS>;
    var dp: array<array<f32, KEYS>, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      for (var j = 0u; j < KEYS; j++) {
        score[r][j] = 0.0;
        dp[r][j] = 0.0;
      }
    }
    for (var c = 0u; c < D4; c++) {
      var k4: array<vec4f, KEYS>;
      var v4: array<vec4f, KEYS>;
      for (var j = 0u; j < KEYS; j++) {
        k4[j] = key[seen[j] + c];
        v4[j] = value[seen[j] + c];
      }
      for (var r = 0u; r < ROWS; r++) {
        let q4 = params.scale * query[row[r] * D4 + c];
        for (var j = 0u; j < KEYS; j++) {
          score[r][j] += dot(q4, k4[j]);
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        let dout4 = dout[row[r] * D4 + c];
        for (var j = 0u; j < KEYS; j++) {
          dp[r][j] += dot(dout4, v4[j]);
        }
      }
    }
    for (var r = 0u; r < ROWS; r++) { // the scores become p, and dp becomes ds
      let level = lse[row[r]];
      for (var j = 0u; j < KEYS; j++) {
        score[r][j] = select(0.0, exp(score[r][j] - level), s + j - start[r] < count[r]);
      }
    }
    for (var r = 0u; r < ROWS; r++) {
      let mean = delta[row[r]];
      for (var j = 0u; j < KEYS; j++) {
        dp[r][j] = params.scale * score[r][j] * (dp[r][j] - mean);
      }
    }
    for (var c = 0u; c < D4; c++) {
      var k4: array<vec4f, KEYS>;
      for (var j = 0u; j < KEYS; j++) {
        k4[j] = key[seen[j] + c];
      }
      for (var r = 0u; r < ROWS; r++) {
        var sum = dq[row[r] * D4 + c];
        for (var j = 0u; j < KEYS; j++) {
          sum += dp[r][j] * k4[j];
        }
        if (r < rows) {
          dq[row[r] * D4 + c] = sum;
        }
      }
    }
  }
}
