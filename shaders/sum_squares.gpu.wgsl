// sum_squares: parts[first + s] = sum of squares of x[16384 s : 16384 (s+1)]
//
// One workgroup a part, whose threads read side by side; SumSquaresParts says how many parts a call writes.
// grid: ceil(Count/16384)
struct Params { Count: u32, first: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // (Count), Count a multiple of 4
@group(0) @binding(2) var<storage, read_write> parts: array<f32>; // (at least first + S)

// Not for tuning: SumSquaresParts depends on their product, times four.
const SIZE = 64u;
const EACH = 64u; // vectors a thread

var<workgroup> sums: array<f32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = group.y * groups.x + group.x;
  let first = s * SIZE * EACH;
  let end = min(first + SIZE * EACH, params.Count / 4);
  if (first >= end) {
    return;
  }
  var sum = vec4f(0);
  for (var i = first + lane; i < end; i += SIZE) {
    let v = x[i];
    sum += v * v;
  }
  sums[lane] = sum.x + sum.y + sum.z + sum.w;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0) {
    parts[params.first + s] = sums[0];
  }
}
