// cross_entropy: log_prob[n] = log softmax(logits[n])[targets[n]], and with gradient = 1 logits[n] = weight[n] * (softmax(logits[n]) - onehot(targets[n]))
//
// One workgroup a row: the maximum, then the sum, each by a tree over the threads.
// grid: N
const SIZE: u32 = 256; // a power of two
struct Params { N: u32, V: u32, gradient: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // (N, V); becomes their gradient
@group(0) @binding(2) var<storage, read> targets: array<u32>; // (N), each below V, also where the weight is 0
@group(0) @binding(3) var<storage, read> weight: array<f32>; // (N)
@group(0) @binding(4) var<storage, read_write> log_prob: array<f32>; // (N)

var<workgroup> maxima: array<f32, SIZE>;
var<workgroup> sums: array<f32, SIZE>;
var<workgroup> spoiled: atomic<u32>; // 1 if a logit of the row spoils it

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
  var largest = -3.4e38;
  for (var v = lane; v < V; v += SIZE) {
    largest = max(largest, logits[row + v]);
  }
  maxima[lane] = largest;
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
  largest = maxima[0];
  var sum = 0.0;
  for (var v = lane; v < V; v += SIZE) {
    let l = logits[row + v];
    if (spoils(l)) {
      atomicStore(&spoiled, 1);
    }
    sum += exp(l - largest);
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
  let poison = bitcast<f32>(select(0u, 0x7fc00000u, atomicLoad(&spoiled) == 1)); // NaN if the row is, else 0
  let hit = targets[n];
  if (lane == hit % SIZE) { // the thread that owns this logit: none overwrites it before
    log_prob[n] = logits[row + hit] - largest - log(sum) + poison;
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
  let scale = w / sum + poison;
  for (var v = lane; v < V; v += SIZE) {
    logits[row + v] = exp(logits[row + v] - largest) * scale - select(0, w, v == hit);
  }
}
