// preference: DPO's loss of n pairs of rows, and what each token's log-probability weighs in it
//
// Rows i and n+i belong together: the chosen answer and the rejected one. The log-probability of a row is
// row = sum over its T tokens of mask * log_prob, with mean = 1 divided by the sum of mask. With
//   reward[row] = beta * (row - reference[row]),  margin = reward[i] - reward[n+i]
// state[slot] += pair_weight[i] * log(1 + exp(-margin)), the three words after it += pair_weight[i] * (the chosen reward,
// the rejected reward, 1 if margin > 0), and token_weight = -d loss / d log_prob. Pairs of weight 0 count for nothing.
// A margin that is not finite spoils its tokens' weights, so that the step is skipped. One workgroup, in a fixed order.
// grid: 1
const SIZE: u32 = 256; // a power of two
struct Params { pairs: u32, T: u32, slot: u32, mean: u32, beta: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> log_prob: array<f32>; // (2n, T)
@group(0) @binding(2) var<storage, read> mask: array<f32>; // (2n, T)
@group(0) @binding(3) var<storage, read> reference: array<f32>; // (2n) the rows' log-probabilities under the reference model
@group(0) @binding(4) var<storage, read> pair_weight: array<f32>; // (n)
@group(0) @binding(5) var<storage, read_write> state: array<u32>; // (128) words; those at slot are float32
@group(0) @binding(6) var<storage, read_write> token_weight: array<f32>; // (2n, T)

var<workgroup> sums: array<vec2f, SIZE>;

// row_sums is the sum of mask * log_prob over a row, and that of mask, in every thread.
fn row_sums(row: u32, lane: u32) -> vec2f {
  var sum = vec2f();
  for (var t = lane; t < params.T; t += SIZE) {
    let m = mask[row * params.T + t];
    if (bitcast<u32>(m) << 1 != 0) { // whatever the log-probability of a token that does not count is
      sum += m * vec2f(log_prob[row * params.T + t], 1);
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  let all = sums[0];
  workgroupBarrier(); // before the next row overwrites it
  return all;
}

// softplus is log(1 + exp(x)), to float32's last digits where it is small, too.
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  return max(x, 0) + select(log(1 + e), e - 0.5 * e * e, e < 1e-3);
}

@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  let n = params.pairs;
  for (var i = 0u; i < n; i++) {
    let w = pair_weight[i];
    let counts = bitcast<u32>(w) << 1 != 0;
    let chosen = row_sums(i, lane);
    let rejected = row_sums(n + i, lane);
    var length = vec2f(1); // what the sums are divided by
    if (params.mean != 0) {
      length = select(vec2f(1), vec2f(chosen.y, rejected.y), vec2<bool>(counts));
    }
    let row = vec2f(chosen.x, rejected.x) / length;
    let reward = params.beta * (row - vec2f(reference[i], reference[n + i]));
    let margin = reward.x - reward.y;
    if (lane == 0 && counts) {
      let s = params.slot;
      state[s] = bitcast<u32>(bitcast<f32>(state[s]) + w * softplus(-margin));
      state[s + 1] = bitcast<u32>(bitcast<f32>(state[s + 1]) + w * reward.x);
      state[s + 2] = bitcast<u32>(bitcast<f32>(state[s + 2]) + w * reward.y);
      state[s + 3] = bitcast<u32>(bitcast<f32>(state[s + 3]) + select(0, w, margin > 0));
    }
    let finite = (bitcast<u32>(margin) & 0x7f800000) != 0x7f800000;
    let spoiled = bitcast<f32>(select(0x7fc00000u, 0u, finite)); // NaN, or 0
    let slope = w * params.beta / (1 + exp(min(margin, 80))) + spoiled; // -d loss / d margin, of the unscaled rows
    for (var t = lane; t < params.T; t += SIZE) {
      for (var side = 0u; side < 2; side++) {
        let at = (side * n + i) * params.T + t;
        let m = mask[at];
        let each = select(slope / length.x, -slope / length.y, side == 1);
        token_weight[at] = select(0, each * m, counts && bitcast<u32>(m) << 1 != 0);
      }
    }
  }
}
