// rope: rotates the pairs (j, j + D/2) of every head of x by the angle of its row's position, in place
//
// sign is 1 to rotate forward and -1 to rotate back, which is the gradient. Two pairs a thread.
// grid: ceil(N*H*D/4*SIZE)
override D: u32 = 64;
const SIZE: u32 = 64;
struct Params { N: u32, H: u32, T: u32, sign: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> position: array<u32>; // (N), each below T
@group(0) @binding(2) var<storage, read> cos: array<vec2f>; // (T, D/2), D a multiple of 4
@group(0) @binding(3) var<storage, read> sin: array<vec2f>; // (T, D/2)
@group(0) @binding(4) var<storage, read_write> x: array<vec2f>; // (N, H, D)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let pairs = D / 4; // in vec2
  let head = i / pairs; // of all N * H
  if (head >= params.N * params.H) {
    return;
  }
  let j = i % pairs;
  let angle = min(position[head / params.H], params.T - 1) * pairs + j;
  let c = cos[angle];
  let s = params.sign * sin[angle];
  let low = head * 2 * pairs + j;
  let high = low + pairs;
  let a = x[low];
  let b = x[high];
  x[low] = a * c - b * s;
  x[high] = b * c + a * s;
}
