// rmsnorm_backward: dx[n] (+)= rstd[n] * (g - xhat * mean(g * xhat)), g = dout[n] * weight, xhat = x[n] * rstd[n]
//
// On CPU adapters one thread takes a row, on GPUs one workgroup.
// grid: ceil(N/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (C)
@group(0) @binding(3) var<storage, read> rstd: array<f32>; // (N), of rmsnorm_forward
@group(0) @binding(4) var<storage, read> dout: array<vec4f>; // (N, C)
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>; // (N, C), added to if accumulate is 1

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.y * groups.x * SIZE + id.x;
  if (n >= params.N) {
    return;
  }
  let width = params.C / 4;
  let row = n * width;
  var products = vec4f(0);
  for (var i = 0u; i < width; i++) {
    products += dout[row + i] * weight[i] * x[row + i];
  }
  let scale = rstd[n];
  let mean = (products.x + products.y + products.z + products.w) / f32(params.C);
  let pull = mean * scale * scale;
  for (var i = 0u; i < width; i++) {
    var d = scale * (dout[row + i] * weight[i] - pull * x[row + i]);
    if (params.accumulate != 0) {
      d += dx[row + i];
    }
    dx[row + i] = d;
  }
}
