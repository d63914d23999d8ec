// expert_combine_backward_gate: dgate[n,k] = dout[n] . y[position[n,k]]
//
// One thread a choice.
// grid: ceil(N*K/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32, K: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dout: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> y: array<vec4f>; // (rows, C)
@group(0) @binding(3) var<storage, read> position: array<u32>; // (N, K)
@group(0) @binding(4) var<storage, read_write> dgate: array<f32>; // (N, K)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i >= params.N * params.K) {
    return;
  }
  let C4 = params.C / 4;
  let row = position[i] * C4;
  var sum = 0.0;
  for (var c = 0u; c < C4; c++) {
    sum += dot(dout[i / params.K * C4 + c], y[row + c]);
  }
  dgate[i] = sum;
}
