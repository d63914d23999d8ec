// magnitudes: parts[first + s] = the largest |x| in element run s of 4096, as bits; a NaN is larger than all
//
// Bits of numbers without their sign are in the numbers' order, and their maximum is the same in any order. One workgroup a part.
// grid: ceil(Count/4096)
struct Params { Count: u32, first: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>; // (Count) float32
@group(0) @binding(2) var<storage, read_write> parts: array<u32>; // (at least first + S)

const SIZE = 64u;
const EACH = 64u; // elements a thread

var<workgroup> most: array<u32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let s = group.y * groups.x + group.x;
  let first = s * SIZE * EACH;
  let end = min(first + SIZE * EACH, params.Count);
  if (first >= end) {
    return;
  }
  var m = 0u;
  for (var i = first + lane; i < end; i += SIZE) {
    m = max(m, x[i] & 0x7fffffff);
  }
  most[lane] = m;
  workgroupBarrier();
  for (var half = SIZE / 2; half > 0; half /= 2) {
    if (lane < half) {
      most[lane] = max(most[lane], most[lane + half]);
    }
    workgroupBarrier();
  }
  if (lane == 0) {
    parts[params.first + s] = most[0];
  }
}
