// distillation: with a teacher's logits, value[n] = alpha * log_prob[n] - (1 - alpha) * temperature^2 * KL(teacher || student), both softened by temperature; with gradient = 1 logits[n] = the derivative of -weight[n] * value[n]
//
// log_prob[n] = log softmax(logits[n])[targets[n]], as in cross_entropy. The derivative is weight * (alpha * (p - onehot) +
// (1 - alpha) * temperature * (p' - q')), with p the student's probabilities and p', q' the softened ones of both.
// On CPU adapters one thread takes a row, on GPUs one workgroup, whose threads share the maxima, then the sums, by a tree.
// grid: N
const SIZE: u32 = 256; // a power of two
struct Params { N: u32, V: u32, gradient: u32, alpha: f32, temperature: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // (N, V); becomes their gradient
@group(0) @binding(2) var<storage, read> teacher: array<f32>; // (N, V)
@group(0) @binding(3) var<storage, read> targets: array<u32>; // (N), each below V, also where the weight is 0
@group(0) @binding(4) var<storage, read> weight: array<f32>; // (N)
@group(0) @binding(5) var<storage, read_write> log_prob: array<f32>; // (N)
@group(0) @binding(6) var<storage, read_write> value: array<f32>; // (N)

var<workgroup> maxima: array<vec2f, SIZE>;
var<workgroup> sums: array<vec4f, SIZE>;
var<workgroup> spoiled: atomic<u32>; // 1 if a logit of the rows spoils them

// spoils is true of NaN and +inf. It looks at the bits, because max and exp may lose a NaN.
fn spoils(l: f32) -> bool {
  let bits = bitcast<u32>(l);
  return (bits & 0x7f800000) == 0x7f800000 && bits != 0xff800000;
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.y * groups.x + group.x;
  if (n >= params.N) {
    return;
  }
  let V = params.V;
  let row = n * V;
  let cold = 1 / params.temperature;
  var top = vec2f(-3.4e38); // of the student, of the teacher
  for (var v = lane; v < V; v += SIZE) {
    top = max(top, vec2f(logits[row + v], teacher[row + v]));
  }
  maxima[lane] = top;
  if (lane == 0) {
    atomicStore(&spoiled, 0); // not every adapter begins with 0
  }
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      maxima[lane] = max(maxima[lane], maxima[lane + half]);
    }
    workgroupBarrier();
  }
  top = maxima[0];
  var sum = vec4f(); // of exp: the student's, softened, the teacher's softened, and of this times how far it is ahead
  for (var v = lane; v < V; v += SIZE) {
    let l = logits[row + v];
    let t = teacher[row + v];
    if (spoils(l) || spoils(t)) {
      atomicStore(&spoiled, 1);
    }
    let e = exp(vec3f(l - top.x, cold * (l - top.x), cold * (t - top.y)));
    sum += vec4f(e, select(0, e.z * ((t - top.y) - (l - top.x)), e.z > 0));
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  sum = sums[0];
  let poison = bitcast<f32>(select(0u, 0x7fc00000u, atomicLoad(&spoiled) == 1)); // NaN if the rows are, else 0
  let hit = targets[n];
  let soft = 1 - params.alpha;
  if (lane == hit % SIZE) { // the thread that owns this logit: none overwrites it before
    let p = logits[row + hit] - top.x - log(sum.x) + poison;
    let divergence = cold * sum.w / sum.z + log(sum.y) - log(sum.z);
    log_prob[n] = p;
    value[n] = params.alpha * p - soft * params.temperature * params.temperature * divergence;
  }
  if (params.gradient == 0) {
    return;
  }
  let w = weight[n];
  if (bitcast<u32>(w) << 1 == 0) {
    for (var v = lane; v < V; v += SIZE) {
      logits[row + v] = 0;
    }
    return;
  }
  let hard = w * params.alpha;
  let scale = vec3f(hard, w * soft * params.temperature, -w * soft * params.temperature) / sum.xyz + poison;
  for (var v = lane; v < V; v += SIZE) {
    let l = logits[row + v] - top.x;
    let e = exp(vec3f(l, cold * l, cold * (teacher[row + v] - top.y)));
    logits[row + v] = dot(scale, e) - select(0, hard, v == hit);
  }
}
