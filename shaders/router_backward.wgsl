// router_backward: dlogits[n] = prob[n] * (dprob[n] - sum of prob[n] * dprob[n])
//
// dprob is what the balance loss asks for, slope, and for a chosen expert also what its weight does: dgate or, with
// normalize = 1, (dgate - sum of gate * dgate) / (sum of the chosen prob + 1e-20). One thread a token.
// grid: ceil(N/SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, T: u32, E: u32, K: u32, normalize: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>; // (N, E)
@group(0) @binding(2) var<storage, read> choice: array<u32>; // (N, K)
@group(0) @binding(3) var<storage, read> gate: array<f32>; // (N, K)
@group(0) @binding(4) var<storage, read> dgate: array<f32>; // (N, K)
@group(0) @binding(5) var<storage, read> slope: array<f32>; // (N/T, E): see expert_balance
@group(0) @binding(6) var<storage, read_write> dlogits: array<f32>; // (N, E)

// dprob is that of a token's expert; weights holds what all its weights share: the sum of the chosen prob, and of gate * dgate.
fn dprob(n: u32, e: u32, weights: vec2f) -> f32 {
  var d = slope[n / params.T * params.E + e];
  for (var i = n * params.K; i < (n + 1) * params.K; i++) {
    if (choice[i] == e) {
      if (params.normalize != 0) {
        d += (dgate[i] - weights.y) / (weights.x + 1e-20);
      } else {
        d += dgate[i];
      }
    }
  }
  return d;
}

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.y * groups.x * SIZE + id.x;
  if (n >= params.N) {
    return;
  }
  let row = n * params.E;
  var weights = vec2f();
  for (var i = n * params.K; i < (n + 1) * params.K; i++) {
    weights += vec2f(prob[row + choice[i]], gate[i] * dgate[i]);
  }
  var mean = 0.0;
  for (var e = 0u; e < params.E; e++) {
    mean += prob[row + e] * dprob(n, e, weights);
  }
  for (var e = 0u; e < params.E; e++) {
    dlogits[row + e] = prob[row + e] * (dprob(n, e, weights) - mean);
  }
}
