// gradient_norm: state[0] = norm = sqrt(sum of parts_in), state[1] = min(1, max_norm / (norm + 1e-6)), and whether adamw applies this step
//
// A norm that is not finite skips the step: a NaN or an infinity in the gradient, or squares that overflow float32
// (a norm above 1.8e19). state[2] is 1 if the step is applied, else 0; state[3] counts the applied steps, state[4]
// the skipped ones. max_norm 0 clips nothing. One workgroup, in a fixed order.
// grid: 1
const SIZE: u32 = 256; // a power of two
struct Params { parts: u32, max_norm: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts_in: array<f32>; // (parts), of sum_squares
@group(0) @binding(2) var<storage, read_write> state: array<u32>; // (64) words: float32 norm and coefficient, then counts

var<workgroup> sums: array<f32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.parts; i += SIZE) {
    sum += parts_in[i];
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane > 0) {
    return;
  }
  let total = sums[0];
  let finite = (bitcast<u32>(total) & 0x7f800000) != 0x7f800000;
  let norm = sqrt(total);
  var coefficient = 1.0;
  if (params.max_norm > 0) {
    coefficient = min(1, params.max_norm / (norm + 1e-6));
  }
  state[0] = bitcast<u32>(norm);
  state[1] = bitcast<u32>(coefficient);
  state[2] = u32(finite);
  state[3] += u32(finite);
  state[4] += u32(!finite);
}
