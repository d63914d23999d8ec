// update_ratio: ratio[g] = sqrt(sum of updates' squares / sum of parameters' squares) over the parts of group g, 0 if all parameters are 0
//
// One workgroup a group, in a fixed order.
// grid: Groups
struct Params { Groups: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> group_parts: array<vec2u>; // (Groups): first part, number of parts
@group(0) @binding(2) var<storage, read> parts: array<vec2f>; // of update_squares
@group(0) @binding(3) var<storage, read_write> ratio: array<f32>; // (Groups)

const SIZE = 64u;

var<workgroup> sums: array<vec2f, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = group.y * groups.x + group.x;
  if (g >= params.Groups) {
    return;
  }
  let span = group_parts[g];
  var sum = vec2f(0);
  for (var i = lane; i < span.y; i += SIZE) {
    sum += parts[span.x + i];
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
    let total = sums[0];
    ratio[g] = select(0, sqrt(total.x / total.y), total.y > 0);
  }
}
