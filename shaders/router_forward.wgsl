// router_forward: prob[n] = softmax(logits[n]); choice[n] are the K likeliest experts of token n, gate[n] their weights
//
// The likeliest comes first, and of equals the one of lower number. A weight is the expert's probability, with
// normalize = 1 divided by the sum of the chosen ones + 1e-20. A NaN or +inf among a token's logits makes its prob and
// gate NaN; its choice is then of no meaning, but of experts that exist. One thread a token.
// grid: ceil(N/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, E: u32, K: u32, normalize: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>; // (N, E)
@group(0) @binding(2) var<storage, read_write> prob: array<f32>; // (N, E)
@group(0) @binding(3) var<storage, read_write> choice: array<u32>; // (N, K)
@group(0) @binding(4) var<storage, read_write> gate: array<f32>; // (N, K)

// spoils is true of NaN and +inf. It looks at the bits, because max and exp may lose a NaN.
fn spoils(logit: f32) -> bool {
  let bits = bitcast<u32>(logit);
  return (bits & 0x7f800000u) == 0x7f800000u && bits != 0xff800000u;
}

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.y * groups.x * SIZE + id.x;
  if (n >= params.N) {
    return;
  }
  let row = n * params.E;
  var largest = -3.4e38;
  var spoiled = false;
  for (var e = 0u; e < params.E; e++) {
    spoiled |= spoils(logits[row + e]);
    largest = max(largest, logits[row + e]);
  }
  var sum = 0.0;
  for (var e = 0u; e < params.E; e++) {
    sum += exp(logits[row + e] - largest);
  }
  let poison = bitcast<f32>(select(0u, 0x7fc00000u, spoiled)); // NaN if a logit is, else 0
  for (var e = 0u; e < params.E; e++) {
    prob[row + e] = exp(logits[row + e] - largest) / sum + poison;
  }

  var chosen = 0.0; // sum of their probabilities
  var before = 2.0; // probability of the last one chosen, and its number: the next comes after both
  var last = 0u;
  for (var k = 0u; k < params.K; k++) {
    var best = -1.0;
    var expert = k;
    for (var e = 0u; e < params.E; e++) {
      let p = prob[row + e];
      if (p > best && (p < before || (p == before && e > last))) {
        best = p;
        expert = e;
      }
    }
    choice[n * params.K + k] = expert;
    gate[n * params.K + k] = prob[row + expert];
    chosen += prob[row + expert];
    before = best;
    last = expert;
  }
  if (params.normalize != 0) {
    for (var k = 0u; k < params.K; k++) {
      gate[n * params.K + k] /= chosen + 1e-20;
    }
  }
}
