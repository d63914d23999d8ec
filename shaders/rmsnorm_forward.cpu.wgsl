// rmsnorm_forward: out[n] = x[n] * rstd[n] * weight, rstd[n] = 1 / sqrt(mean(x[n]^2) + eps)
//
// On CPU adapters one thread takes a row, on GPUs one workgroup.
// grid: ceil(N/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32, eps: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // (C)
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>; // (N, C)
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>; // (N)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.y * groups.x * SIZE + id.x;
  if (n >= params.N) {
    return;
  }
  let width = params.C / 4;
  let row = n * width;
  var squares = vec4f(0);
  for (var i = 0u; i < width; i++) {
    let v = x[row + i];
    squares += v * v;
  }
  let mean = (squares.x + squares.y + squares.z + squares.w) / f32(params.C);
  let scale = 1 / sqrt(mean + params.eps);
  rstd[n] = scale;
  for (var i = 0u; i < width; i++) {
    out[row + i] = x[row + i] * scale * weight[i];
  }
}
