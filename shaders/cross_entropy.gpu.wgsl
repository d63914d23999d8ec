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
    sum += exp(logits[row + v] - largest);
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
  let hit = targets[n];
  if (lane == hit % SIZE) { // the thread that owns this logit: none overwrites it before
    log_prob[n] = logits[row + hit] - largest - log(sum);
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
  let scale = w / sum;
  for (var v = lane; v < V; v += SIZE) {
    logits[row + v] = exp(logits[row + v] - largest) * scale - select(0, w, v == hit);
  }
}
