// attention_combine: out[n,h,:] = the softmax-weighted sum of values over all parts of a row, from attention_part
//
// Parts in order, each scaled to the largest exponent of all. A row without keys becomes zero. Four columns a thread.
// grid: ceil(N*H*D/4*SIZE)
override D: u32 = 64;
override PART: u32 = 64; // as in attention_part
const SIZE: u32 = 64;
struct Params { N: u32, H: u32, P: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<vec4f>; // (N, H, P, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> peak: array<vec2f>; // (N, H, P)
@group(0) @binding(3) var<storage, read> keys: array<vec2u>; // (N)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (N, H, D)

const D4 = D / 4;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let head = i / D4; // n * H + h
  let n = head / params.H;
  if (n >= params.N) {
    return;
  }
  var parts = 0u;
  if (keys[n].x <= keys[n].y) {
    parts = min((keys[n].y - keys[n].x) / PART + 1, params.P);
  }
  if (parts == 0) {
    out[i] = vec4f();
    return;
  }
  let row = head * params.P;
  var top = peak[row].x;
  for (var p = 1u; p < parts; p++) {
    top = max(top, peak[row + p].x);
  }
  var total = 0.0;
  var sum = vec4f();
  for (var p = 0u; p < parts; p++) {
    let share = exp(peak[row + p].x - top);
    total += share * peak[row + p].y;
    sum += share * sums[(row + p) * D4 + i % D4];
  }
  out[i] = sum / total;
}
