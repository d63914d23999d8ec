// distillation: with a teacher's logits, value[n] = alpha * log_prob[n] - (1 - alpha) * temperature^2 * KL(teacher || student), both softened by temperature; with gradient = 1 logits[n] = the derivative of -weight[n] * value[n]
//
// log_prob[n] = log softmax(logits[n])[targets[n]], as in cross_entropy. The derivative is weight * (alpha * (p - onehot) +
// (1 - alpha) * temperature * (p' - q')), with p the student's probabilities and p', q' the softened ones of both.
// On CPU adapters one thread takes a row, on GPUs one workgroup, whose threads share the maxima, then the sums, by a tree.
// grid: ceil(N/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, V: u32, gradient: u32, alpha: f32, temperature: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // (N, V); becomes their gradient
@group(0) @binding(2) var<storage, read> teacher: array<f32>; // (N, V)
@group(0) @binding(3) var<storage, read> targets: array<u32>; // (N), each below V, also where the weight is 0
@group(0) @binding(4) var<storage, read> weight: array<f32>; // (N)
@group(0) @binding(5) var<storage, read_write> log_prob: array<f32>; // (N)
@group(0) @binding(6) var<storage, read_write> value: array<f32>; // (N)

const LEAST: f32 = -3.4e38; // stands for what is behind a row's end: its exp is 0

// student_four is four logits of a row, from v on.
fn student_four(row: u32, v: u32) -> vec4f {
  let last = params.V - 1;
  let l = vec4f(logits[row + v], logits[row + min(v + 1, last)], logits[row + min(v + 2, last)], logits[row + min(v + 3, last)]);
  return select(vec4f(LEAST), l, vec4u(v, v + 1, v + 2, v + 3) <= vec4u(last));
}

fn teacher_four(row: u32, v: u32) -> vec4f {
  let last = params.V - 1;
  let l = vec4f(teacher[row + v], teacher[row + min(v + 1, last)], teacher[row + min(v + 2, last)], teacher[row + min(v + 3, last)]);
  return select(vec4f(LEAST), l, vec4u(v, v + 1, v + 2, v + 3) <= vec4u(last));
}

fn largest(l: vec4f) -> f32 {
  return max(max(l.x, l.y), max(l.z, l.w));
}

fn total(e: vec4f) -> f32 {
  return (e.x + e.y) + (e.z + e.w);
}

// spoils is true of NaN and +inf. It looks at the bits, because max and exp may lose a NaN.
fn spoils(l: vec4f) -> vec4<bool> {
  let bits = bitcast<vec4u>(l);
  return ((bits & vec4u(0x7f800000)) == vec4u(0x7f800000)) & (bits != vec4u(0xff800000));
}

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.y * groups.x * SIZE + id.x;
  if (n >= params.N) {
    return;
  }
  let V = params.V;
  let row = n * V;
  let cold = 1 / params.temperature;
  var top = vec2f(LEAST); // of the student, of the teacher
  var spoiled = vec4<bool>();
  for (var v = 0u; v < V; v += 4) {
    let l = student_four(row, v);
    let t = teacher_four(row, v);
    spoiled |= spoils(l) | spoils(t);
    top = max(top, vec2f(largest(l), largest(t)));
  }
  var sum = vec4f(); // of exp: the student's, softened, the teacher's softened, and of this times how far it is ahead
  for (var v = 0u; v < V; v += 4) {
    let l = student_four(row, v) - top.x;
    let t = teacher_four(row, v) - top.y;
    let soft = exp(cold * t);
    sum += vec4f(total(exp(l)), total(exp(cold * l)), total(soft), total(select(vec4f(), soft * (t - l), soft > vec4f())));
  }
  let poison = bitcast<f32>(select(0u, 0x7fc00000u, any(spoiled))); // NaN if the rows are, else 0
  let at = row + targets[n];
  let soft = 1 - params.alpha;
  let p = logits[at] - top.x - log(sum.x) + poison;
  let divergence = cold * sum.w / sum.z + log(sum.y) - log(sum.z);
  log_prob[n] = p;
  value[n] = params.alpha * p - soft * params.temperature * params.temperature * divergence;
  if (params.gradient == 0) {
    return;
  }
  let w = weight[n];
  let counts = bitcast<u32>(w) << 1 != 0;
  let hard = w * params.alpha;
  let scale = vec3f(hard, w * soft * params.temperature, -w * soft * params.temperature) / sum.xyz + poison;
  for (var v = 0u; v < V; v += 4) {
    let l = student_four(row, v) - top.x;
    let t = teacher_four(row, v) - top.y;
    let d = select(vec4f(), scale.x * exp(l) + scale.y * exp(cold * l) + scale.z * exp(cold * t), vec4<bool>(counts));
    logits[row + v] = d.x;
    if (v + 1 < V) {
      logits[row + v + 1] = d.y;
    }
    if (v + 2 < V) {
      logits[row + v + 2] = d.z;
    }
    if (v + 3 < V) {
      logits[row + v + 3] = d.w;
    }
  }
  if (counts) {
    logits[at] -= hard;
  }
}
