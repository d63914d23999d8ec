// largest: out[r] = the largest of out[r] and row r of the parts
//
// One workgroup a row. The numbers are bits, as magnitudes writes them.
// grid: Rows
struct Params { Rows: u32, parts: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts_in: array<u32>; // (Rows, parts)
@group(0) @binding(2) var<storage, read_write> out: array<u32>; // (Rows) float32

const SIZE = 64u;

var<workgroup> most: array<u32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = group.y * groups.x + group.x;
  if (r >= params.Rows) {
    return;
  }
  var m = 0u;
  for (var i = lane; i < params.parts; i += SIZE) {
    m = max(m, parts_in[r * params.parts + i]);
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
    out[r] = max(out[r], most[0]);
  }
}
