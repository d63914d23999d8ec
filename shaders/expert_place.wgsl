// expert_place: the choices of all tokens get their rows: position[i] is the row of choice i, and source[row] = i
//
// The last level of the sort by expert: within one, rows are in the order of the tokens. Rows between two experts' are left
// as they are. One thread a block and an expert; see expert_count.
// grid: ceil(blocks*E/SIZE)
const SIZE: u32 = 64;
struct Params { T: u32, E: u32, K: u32, blocks: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> choice: array<u32>; // (N, K)
@group(0) @binding(2) var<storage, read> start: array<u32>; // (blocks, E)
@group(0) @binding(3) var<storage, read> span: array<vec2u>; // (E)
@group(0) @binding(4) var<storage, read_write> position: array<u32>; // (N, K)
@group(0) @binding(5) var<storage, read_write> source: array<u32>; // (rows)

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
  var row = span[e].x + start[i];
  for (var k = first * params.K; k < end * params.K; k++) {
    if (choice[k] == e) {
      position[k] = row;
      source[row] = k;
      row++;
    }
  }
}
