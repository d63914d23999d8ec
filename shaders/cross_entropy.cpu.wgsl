// cross_entropy: log_prob[n] = log softmax(logits[n])[targets[n]], and with gradient = 1 logits[n] = weight[n] * (softmax(logits[n]) - onehot(targets[n]))
//
// The gradient is that of -weight * log_prob, and takes the place of the logits. A row of weight 0 gets a gradient of
// exact zeros, whatever its logits are; in any other row a NaN or +inf makes the gradient NaN, as it does log_prob.
// On CPU adapters one thread takes a row and keeps a running maximum and sum, on GPUs one workgroup.
// grid: ceil(N/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, V: u32, gradient: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // (N, V); becomes their gradient
@group(0) @binding(2) var<storage, read> targets: array<u32>; // (N), each below V, also where the weight is 0
@group(0) @binding(3) var<storage, read> weight: array<f32>; // (N)
@group(0) @binding(4) var<storage, read_write> log_prob: array<f32>; // (N)

fn four(i: u32) -> vec4f {
  return vec4f(logits[i], logits[i + 1], logits[i + 2], logits[i + 3]);
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
  let whole = V - V % 4; // these in fours, the rest one by one
  var largest = -3.4e38;
  var sum = 0.0;
  var spoiled = vec4<bool>();
  for (var v = 0u; v < whole; v += 4) {
    let l = four(row + v);
    spoiled |= spoils(l);
    let larger = max(largest, max(max(l.x, l.y), max(l.z, l.w)));
    let e = exp(l - larger);
    sum = sum * exp(largest - larger) + ((e.x + e.y) + (e.z + e.w));
    largest = larger;
  }
  for (var v = whole; v < V; v++) {
    let l = logits[row + v];
    spoiled |= spoils(vec4f(l));
    let larger = max(largest, l);
    sum = sum * exp(largest - larger) + exp(l - larger);
    largest = larger;
  }
  let poison = bitcast<f32>(select(0u, 0x7fc00000u, any(spoiled))); // NaN if the row is, else 0
  let at = row + targets[n];
  log_prob[n] = logits[at] - largest - log(sum) + poison;
  if (params.gradient == 0) {
    return;
  }
  let w = weight[n];
  if (bitcast<u32>(w) << 1 == 0) {
    for (var v = 0u; v < whole; v += 4) {
      logits[row + v] = 0;
      logits[row + v + 1] = 0;
      logits[row + v + 2] = 0;
      logits[row + v + 3] = 0;
    }
    for (var v = whole; v < V; v++) {
      logits[row + v] = 0;
    }
    return;
  }
  let scale = w / sum + poison;
  for (var v = 0u; v < whole; v += 4) {
    let g = exp(four(row + v) - largest) * scale;
    logits[row + v] = g.x;
    logits[row + v + 1] = g.y;
    logits[row + v + 2] = g.z;
    logits[row + v + 3] = g.w;
  }
  for (var v = whole; v < V; v++) {
    logits[row + v] = exp(logits[row + v] - largest) * scale;
  }
  logits[at] -= w;
}
