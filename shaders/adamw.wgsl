// adamw: one step of AdamW as PyTorch takes it, on gradient * state[1]; no write if state[2] is 0
//
// Decay first: parameter *= 1 - rate * weight_decay. Then, at the applied step t = state[3], with the moments of the
// scaled gradient: parameter -= rate * (moment1 / (1 - beta1^t)) / (sqrt(moment2 / (1 - beta2^t)) + eps).
// 1 - beta1 and 1 - beta2 are read from the corrections of t = 1, where they were rounded once.
// grid: ceil(Count/4*SIZE)
const SIZE: u32 = 64;
struct Params { Count: u32, beta1: f32, beta2: f32, eps: f32, weight_decay: f32, corrections: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>; // (Count), Count a multiple of 4
@group(0) @binding(2) var<storage, read> state: array<u32>; // (64) words, of gradient_norm
@group(0) @binding(3) var<storage, read> step: array<f32>; // step[0] is the learning rate
@group(0) @binding(4) var<storage, read> correction: array<vec2f>; // (corrections) of AdamCorrections: (1 - beta1^t, 1 - beta2^t) for t = 1, ...; the last holds on
@group(0) @binding(5) var<storage, read_write> parameter: array<vec4f>; // (Count)
@group(0) @binding(6) var<storage, read_write> moment1: array<vec4f>; // (Count)
@group(0) @binding(7) var<storage, read_write> moment2: array<vec4f>; // (Count)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  if (i >= params.Count / 4 || state[2] == 0) {
    return;
  }
  let rate = step[0];
  let now = correction[min(state[3], params.corrections) - 1];
  let g = gradient[i] * bitcast<f32>(state[1]);
  let m = params.beta1 * moment1[i] + correction[0].x * g;
  let v = params.beta2 * moment2[i] + correction[0].y * g * g;
  moment1[i] = m;
  moment2[i] = v;
  parameter[i] = parameter[i] * (1 - rate * params.weight_decay) - rate / now.x * m / (sqrt(v / now.y) + params.eps);
}
