// attention_backward_query: dq[n,h,:] = scale * sum over the keys s of row n of ds[s] key[s,:], with ds = p (dout[n,h,:] . value[s,:] - delta[n,h])
//
// p = exp(scale q . k - lse) is the forward pass's probability again. Ranges, heads and rows of a thread are as in
// attention_forward. Loops: a quarter of the keys.
// grid: ceil(ceil(N/ROWS)*H/SIZE)
override D: u32 = 64;
const ROWS: u32 = 4;
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
  var q_row: array<array<vec4f, D4>, ROWS>; // scaled
  var dsum: array<array<vec4f, D4>, ROWS>; // dout
  var sum: array<array<vec4f, D4>, ROWS>;
  var level: array<f32, ROWS>; // lse
  var mean: array<f32, ROWS>; // delta
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
    let head = n * params.H + h;
    for (var c = 0u; c < D4; c++) {
      q_row[r][c] = params.scale * query[head * D4 + c];
      dsum[r][c] = dout[head * D4 + c];
      sum[r][c] = vec4f();
    }
    level[r] = lse[head];
    mean[r] = delta[head];
  }

  let stride = params.K * D4;
  let head = h / (params.H / params.K) * D4;
  for (var s = first; s <= last; s += 4u) {
    let at = s + vec4u(0, 1, 2, 3);
    let row = min(at, vec4u(last)) * stride + head;
    var k4s: array<mat4x4f, D4>;
    var score: array<vec4f, ROWS>;
    var dp: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      score[r] = vec4f();
      dp[r] = vec4f();
    }
    for (var c = 0u; c < D4; c++) {
      k4s[c] = mat4x4f(key[row.x + c], key[row.y + c], key[row.z + c], key[row.w + c]);
      let v4 = mat4x4f(value[row.x + c], value[row.y + c], value[row.z + c], value[row.w + c]);
      for (var r = 0u; r < ROWS; r++) {
        score[r] += q_row[r][c] * k4s[c];
        dp[r] += dsum[r][c] * v4;
      }
    }
    var ds: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
      let seen = (at >= vec4u(range[r].x)) & (at <= vec4u(range[r].y));
      ds[r] = select(vec4f(), exp(score[r] - level[r]) * (dp[r] - mean[r]), seen);
    }
    for (var c = 0u; c < D4; c++) {
      for (var r = 0u; r < ROWS; r++) {
        sum[r][c] += k4s[c] * ds[r];
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let n = n0 + r;
    if (n < params.N) {
      for (var c = 0u; c < D4; c++) {
        dq[(n * params.H + h) * D4 + c] = params.scale * sum[r][c];
      }
    }
  }
}
