// attention_backward_value: dv[s,g,:] = sum over the heads h of group g and the queries n of key s of p[n,h,s] dout[n,h,:]
//
// The tiles are as in attention_forward.gpu.wgsl, with keys for rows and queries for keys.
// grid: ceil(N/ROWS)*K
override D: u32 = 64;
const ROWS: u32 = 32;
struct Params { N: u32, H: u32, K: u32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> key: array<vec4f>; // (N, K, D)
@group(0) @binding(3) var<storage, read> queries: array<vec2u>; // (N)
@group(0) @binding(4) var<storage, read> dout: array<vec4f>; // (N, H, D)
@group(0) @binding(5) var<storage, read> lse: array<f32>; // (N, H)
@group(0) @binding(6) var<storage, read_write> dv: array<vec4f>; // (N, K, D)

const D4 = D / 4;
const QUERIES = 32u; // four a thread
const PER = ROWS / 8; // rows of a thread
const COLUMNS = (D4 + 7) / 8; // vectors of each row's sum that a thread holds
const CHUNK = 4u; // vectors of a head in workgroup memory at a time
const STRIDE = CHUNK + 1; // apart by an odd number, so that eight rows lie in different banks

var<workgroup> k_tile: array<vec4f, ROWS * STRIDE>;
var<workgroup> q_tile: array<vec4f, QUERIES * STRIDE>;
var<workgroup> p_tile: array<vec4f, ROWS * 9>; // [r * 9 + x] holds queries x, x + 8, x + 16, x + 24 of a block

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) t: u32) {
  let i = group.y * groups.x + group.x;
  let kv = i % params.K;
  let n0 = i / params.K * ROWS;
  if (n0 >= params.N) {
    return;
  }
  let tx = t % 8; // the queries and columns of the thread are tx, tx + 8, ...
  let ty = t / 8; // its rows ty, ty + 8, ...
  var first = 0xffffffffu;
  var last = 0u;
  for (var r = 0u; r < ROWS; r++) {
    let range = queries[min(n0 + r, params.N - 1)];
    if (range.x <= range.y) {
      first = min(first, range.x);
      last = max(last, range.y);
    }
  }
  var row: array<u32, PER>; // (n, kv) of each row
  var start: array<u32, PER>; // the first query that sees it, and how many
  var count: array<u32, PER>;
  var sum: array<array<vec4f, COLUMNS>, PER>;
  for (var r = 0u; r < PER; r++) {
    let n = min(n0 + ty + 8 * r, params.N - 1);
    row[r] = n * params.K + kv;
    start[r] = queries[n].x;
    count[r] = select(0u, queries[n].y - start[r] + 1, start[r] <= queries[n].y);
    for (var c = 0u; c < COLUMNS; c++) {
      sum[r][c] = vec4f();
    }
  }

  let members = params.H / params.K;
  for (var h = kv * members; h < (kv + 1) * members; h++) {
    for (var n = first; n <= last; n += QUERIES) {
      var score: array<vec4f, PER>;
      for (var r = 0u; r < PER; r++) {
        score[r] = vec4f();
      }
      for (var c0 = 0u; c0 < D4; c0 += CHUNK) {
        workgroupBarrier();
        for (var j = t; j < ROWS * CHUNK; j += 64u) {
          let c = c0 + j % CHUNK;
          let at = (min(n0 + j / CHUNK, params.N - 1) * params.K + kv) * D4 + min(c, D4 - 1);
          k_tile[j / CHUNK * STRIDE + j % CHUNK] = select(vec4f(), key[at], c < D4);
        }
        for (var j = t; j < QUERIES * CHUNK; j += 64u) {
          let c = c0 + j % CHUNK;
          let at = (min(n + j / CHUNK, last) * params.H + h) * D4 + min(c, D4 - 1);
          q_tile[j / CHUNK * STRIDE + j % CHUNK] = select(vec4f(), query[at], c < D4);
        }
        workgroupBarrier();
        for (var c = 0u; c < CHUNK; c++) {
          let x = tx * STRIDE + c;
          let q4 = mat4x4f(q_tile[x], q_tile[x + 8 * STRIDE], q_tile[x + 16 * STRIDE], q_tile[x + 24 * STRIDE]);
          for (var r = 0u; r < PER; r++) {
            let y = (ty + 8 * r) * STRIDE + c;
            score[r] += k_tile[y] * q4;
          }
        }
      }
      let at = n + tx + vec4u(0, 8, 16, 24);
      let seen = min(at, vec4u(last)) * params.H + h;
      let level = vec4f(lse[seen.x], lse[seen.y], lse[seen.z], lse[seen.w]);
      for (var r = 0u; r < PER; r++) {
        let p = exp(params.scale * score[r] - level);
        p_tile[(ty + 8 * r) * 9 + tx] = select(vec4f(), p, at - start[r] < vec4u(count[r]));
      }
      workgroupBarrier();
      for (var x = 0u; x < 8; x++) {
        let rows4 = (min(n + x + vec4u(0, 8, 16, 24), vec4u(last)) * params.H + h) * D4;
        for (var c = 0u; c < COLUMNS; c++) {
          let at4 = rows4 + min(tx + 8 * c, D4 - 1);
          let dout4 = mat4x4f(dout[at4.x], dout[at4.y], dout[at4.z], dout[at4.w]);
          for (var r = 0u; r < PER; r++) {
            sum[r][c] += dout4 * p_tile[(ty + 8 * r) * 9 + x];
          }
        }
      }
    }
  }

  for (var r = 0u; r < PER; r++) {
    if (n0 + ty + 8 * r < params.N) {
      for (var c = 0u; c < COLUMNS; c++) {
        if (tx + 8 * c < D4) {
          dv[row[r] * D4 + tx + 8 * c] = sum[r][c];
        }
      }
    }
  }
}
