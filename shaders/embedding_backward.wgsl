// embedding_backward: dweight[token] += sum of dout[n] over the positions n that hold the token
//
// The positions come sorted by token, one segment a token, so that no two threads write one place and the sums have
// one order. One thread a segment and four channels.
// grid: ceil(segments*C/4*SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32, segments: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> order: array<u32>; // (N) positions, sorted by token
@group(0) @binding(2) var<storage, read> segment: array<vec4u>; // (segments) (token, first, end, 0): order[first:end] hold the token; first = end if unused
@group(0) @binding(3) var<storage, read> dout: array<vec4f>; // (N, C), C a multiple of 4
@group(0) @binding(4) var<storage, read_write> dweight: array<vec4f>; // (V, C), added to

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let width = params.C / 4;
  if (i >= params.segments * width) {
    return;
  }
  let c = i % width;
  let range = segment[i / width];
  if (range.y == range.z) {
    return;
  }
  var sum = vec4f(0);
  for (var k = range.y; k < range.z; k++) {
    sum += dout[order[k] * width + c];
  }
  dweight[range.x * width + c] += sum;
}
