// update_squares: parts[first + s] = sums over element run s of 16384: (sum of squares of what adamw just took off the parameters, sum of squares of the parameters)
//
// It follows adamw and computes its update again from the new moments: rate * (moment1 / (1 - beta1^t) / (sqrt(moment2 /
// (1 - beta2^t)) + eps) + weight_decay * the parameter before). If the step was left out, the update is 0. One workgroup a part.
// grid: ceil(Count/16384)
struct Params { Count: u32, first: u32, eps: f32, weight_decay: f32, corrections: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> state: array<u32>; // (64) words, of gradient_norm
@group(0) @binding(2) var<storage, read> step: array<f32>; // step[0] is the learning rate
@group(0) @binding(3) var<storage, read> correction: array<vec2f>; // (corrections), as adamw reads them
@group(0) @binding(4) var<storage, read> parameter: array<vec4f>; // (Count), Count a multiple of 4
@group(0) @binding(5) var<storage, read> moment1: array<vec4f>; // (Count)
@group(0) @binding(6) var<storage, read> moment2: array<vec4f>; // (Count)
@group(0) @binding(7) var<storage, read_write> parts: array<vec2f>; // (at least first + S)

const SIZE = 64u;
const EACH = 64u; // vectors a thread; SIZE * EACH * 4 elements are a part

var<workgroup> sums: array<vec2f, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = group.y * groups.x + group.x;
  let first = s * SIZE * EACH;
  let end = min(first + SIZE * EACH, params.Count / 4);
  if (first >= end) {
    return;
  }
  let rate = step[0];
  let now = correction[clamp(state[3], 1, params.corrections) - 1];
  var sum = vec2f(0);
  for (var i = first + lane; i < end; i += SIZE) {
    let p = parameter[i];
    let adam = rate / now.x * moment1[i] / (sqrt(moment2[i] / now.y) + params.eps);
    let before = (p + adam) / (1 - rate * params.weight_decay);
    let update = before - p;
    sum += vec2f(dot(update, update), dot(p, p));
  }
  if (state[2] == 0) {
    sum.x = 0;
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0) {
    parts[params.first + s] = sums[0];
  }
}
