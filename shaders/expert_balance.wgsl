// expert_balance: state[aux_slot] += share * factor * sum over segments and experts of count * (sum of prob), the balance loss
//
// count is how many choices of the segment's tokens fell on the expert. slope is the loss's derivative by each prob of the
// segment, with the count held constant. state[load_slot + e] += count: the choices that fell on e. One workgroup, one
// thread an expert; sums are in order.
// grid: 1
const SIZE: u32 = 256;
struct Params { N: u32, T: u32, E: u32, blocks: u32, factor: f32, aux_slot: u32, load_slot: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>; // (blocks, E), E at most SIZE; see expert_count
@group(0) @binding(2) var<storage, read> prob_sum: array<f32>; // (blocks, E)
@group(0) @binding(3) var<storage, read> share: array<f32>; // (1): the micro-batch's of the step
@group(0) @binding(4) var<storage, read_write> slope: array<f32>; // (N/T, E)
@group(0) @binding(5) var<storage, read_write> state: array<u32>; // state[aux_slot] is a float32

var<workgroup> losses: array<f32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) e: u32) {
  let segments = params.N / params.T;
  let in_segment = params.blocks / segments;
  let factor = params.factor * share[0];
  var load = 0u;
  var loss = 0.0;
  if (e < params.E) {
    for (var s = 0u; s < segments; s++) {
      var count = 0u;
      var sum = 0.0;
      for (var b = s * in_segment; b < (s + 1) * in_segment; b++) {
        count += counts[b * params.E + e];
        sum += prob_sum[b * params.E + e];
      }
      slope[s * params.E + e] = factor * f32(count);
      loss += factor * f32(count) * sum;
      load += count;
    }
    state[params.load_slot + e] += load;
  }
  losses[e] = loss;
  workgroupBarrier();
  if (e == 0) {
    var total = 0.0;
    for (var i = 0u; i < params.E; i++) {
      total += losses[i];
    }
    state[params.aux_slot] = bitcast<u32>(bitcast<f32>(state[params.aux_slot]) + total);
  }
}
