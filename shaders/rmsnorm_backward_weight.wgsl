// rmsnorm_backward_weight: parts[s] = sum over the rows n of part s of dout[n] * x[n] * rstd[n]
//
// Rows are taken in S = ceil(N/part) parts, so that there are threads enough; sum_parts adds them up to dweight.
// One thread a part and four channels.
// grid: ceil(ceil(N/part)*C/4*SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32, part: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> rstd: array<f32>; // (N), of rmsnorm_forward
@group(0) @binding(3) var<storage, read> dout: array<vec4f>; // (N, C)
@group(0) @binding(4) var<storage, read_write> parts: array<vec4f>; // (S, C)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let width = params.C / 4;
  let first = i / width * params.part;
  if (first >= params.N) {
    return;
  }
  let c = i % width;
  let end = min(first + params.part, params.N);
  var sum = vec4f(0);
  for (var n = first; n < end; n++) {
    sum += dout[n * width + c] * x[n * width + c] * rstd[n];
  }
  parts[i] = sum;
}
