// expert_count: counts[b, e] = how often block b's tokens chose expert e, prob_sum[b, e] = the sum of their prob[e]
//
// A block is BLOCK tokens of a segment of T, its last one what is left. The first level of a sort by expert, and of the
// balance loss's sums. One thread a block and an expert.
// grid: ceil(blocks*E/SIZE)
const SIZE: u32 = 64;
struct Params { T: u32, E: u32, K: u32, blocks: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>; // (N, E)
@group(0) @binding(2) var<storage, read> choice: array<u32>; // (N, K)
@group(0) @binding(3) var<storage, read_write> counts: array<u32>; // (blocks, E), blocks = N/T * ceil(T/BLOCK)
@group(0) @binding(4) var<storage, read_write> prob_sum: array<f32>; // (blocks, E)

const BLOCK = 64u;

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let b = i / params.E;
  let e = i % params.E;
  if (b >= params.blocks) {
    return;
  }
  let in_segment = (params.T + BLOCK - 1) / BLOCK; // blocks
  let segment = b / in_segment * params.T;
  let first = segment + b % in_segment * BLOCK;
  let end = min(first + BLOCK, segment + params.T);
  var count = 0u;
  for (var k = first * params.K; k < end * params.K; k++) {
    count += u32(choice[k] == e);
  }
  var sum = 0.0;
  for (var n = first; n < end; n++) {
    sum += prob[n * params.E + e];
  }
  counts[i] = count;
  prob_sum[i] = sum;
}
