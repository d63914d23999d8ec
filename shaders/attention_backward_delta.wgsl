// attention_backward_delta: delta[n,h] = out[n,h,:] . dout[n,h,:]
//
// What the softmax's gradient subtracts from every key: the mean, under p, of d loss / d p. One thread a head of a row.
// grid: ceil(N*H/SIZE)
override D: u32 = 64;
const SIZE: u32 = 64;
struct Params { N: u32, H: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> out: array<vec4f>; // (N, H, D), D a multiple of 4
@group(0) @binding(2) var<storage, read> dout: array<vec4f>; // (N, H, D)
@group(0) @binding(3) var<storage, read_write> delta: array<f32>; // (N, H)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i >= params.N * params.H) {
    return;
  }
  var sum = vec4f();
  for (var c = 0u; c < D / 4; c++) {
    sum += out[i * (D / 4) + c] * dout[i * (D / 4) + c];
  }
  delta[i] = sum.x + sum.y + sum.z + sum.w;
}
