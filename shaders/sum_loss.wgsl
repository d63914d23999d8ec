// sum_loss: state[slot] += sum of -weight[n] * log_prob[n]
//
// One workgroup: a sum in each thread, then a tree over the threads, so that the order is fixed and the rounding small.
// Rows of weight 0 are left out, whatever their log_prob is.
// grid: 1
const SIZE: u32 = 256; // a power of two
struct Params { N: u32, slot: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> log_prob: array<f32>; // (N)
@group(0) @binding(2) var<storage, read> weight: array<f32>; // (N)
@group(0) @binding(3) var<storage, read_write> state: array<u32>; // (64) words; state[slot] is a float32

var<workgroup> sums: array<f32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var n = lane; n < params.N; n += SIZE) {
    let w = weight[n];
    if (bitcast<u32>(w) << 1 != 0) {
      sum -= w * log_prob[n];
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
  if (lane == 0) {
    state[params.slot] = bitcast<u32>(bitcast<f32>(state[params.slot]) + sums[0]);
  }
}
