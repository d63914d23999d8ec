// expert_combine: out[n] = sum over k of y[position[n,k]], with weighted = 1 each times gate[n,k]; or out[n] += it
//
// What the chosen experts make of a token; and the gradient of expert_gather. With sorted = 0, rows are in the order of the
// choices: n*K + k instead of position[n,k]. One vec4 a thread.
// grid: ceil(N*C/4*SIZE)
const SIZE: u32 = 64;
struct Params { N: u32, C: u32, K: u32, weighted: u32, accumulate: u32, sorted: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> y: array<vec4f>; // (rows, C), C a multiple of 4
@group(0) @binding(2) var<storage, read> position: array<u32>; // optional: (N, K); see expert_place
@group(0) @binding(3) var<storage, read> gate: array<f32>; // optional: (N, K)
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // (N, C)

@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * SIZE + id.x;
  let C4 = params.C / 4;
  let n = i / C4;
  if (n >= params.N) {
    return;
  }
  var sum = vec4f();
  for (var k = n * params.K; k < (n + 1) * params.K; k++) {
    var weight = 1.0;
    if (params.weighted != 0) {
      weight = gate[k];
    }
    var row = k;
    if (params.sorted != 0) {
      row = position[k];
    }
    sum += weight * y[row * C4 + i % C4];
  }
  if (params.accumulate == 0) {
    out[i] = sum;
  } else {
    out[i] += sum;
  }
}
