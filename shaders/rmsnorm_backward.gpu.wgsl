// rmsnorm_backward: dx[n] (+)= rstd[n] * (g - xhat * mean(g * xhat)), g = dout[n] * weight, xhat = x[n] * rstd[n]
//
// One workgroup a row: a sum in each thread, then a tree over the threads.
// grid: N
const SIZE: u32 = 64; // a power of two
struct Params { N: u32, C: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (C)
@group(0) @binding(3) var<storage, read> rstd: array<f32>; // (N), of rmsnorm_forward
@group(0) @binding(4) var<storage, read> dout: array<vec4f>; // (N, C)
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>; // (N, C), added to if accumulate is 1

var<workgroup> sums: array<f32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.y * groups.x + group.x;
  if (n >= params.N) {
    return;
  }
  let width = params.C / 4;
  let row = n * width;
  var sum = 0.0;
  for (var i = lane; i < width; i += SIZE) {
    sum += dot(dout[row + i] * weight[i], x[row + i]);
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  let scale = rstd[n];
  let pull = sums[0] / f32(params.C) * scale * scale;
  for (var i = lane; i < width; i += SIZE) {
    var d = scale * (dout[row + i] * weight[i] - pull * x[row + i]);
    if (params.accumulate != 0) {
      d += dx[row + i];
    }
    dx[row + i] = d;
  }
}
