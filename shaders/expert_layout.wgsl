// expert_layout: from the blocks' counts, where each expert's rows lie, and where in them each block's begin
//
// Rows are sorted by expert; each expert's begin at a multiple of TILE, so that a tile is of one expert. Tiles that are not
// used get no rows. One workgroup, one thread an expert.
// grid: 1
const SIZE: u32 = 256;
struct Params { E: u32, blocks: u32, tiles: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>; // (blocks, E), E at most SIZE
@group(0) @binding(2) var<storage, read_write> start: array<u32>; // (blocks, E): rows that earlier blocks have of the expert
@group(0) @binding(3) var<storage, read_write> span: array<vec2u>; // (E): first row, and the end
@group(0) @binding(4) var<storage, read_write> tile: array<vec2u>; // (tiles): expert, and the end of its rows in the tile

const TILE = 128u;
var<workgroup> totals: array<u32, SIZE>;

@compute @workgroup_size(SIZE)
fn main(@builtin(local_invocation_index) e: u32) {
  var total = 0u;
  if (e < params.E) {
    for (var i = e; i < params.blocks * params.E; i += params.E) {
      start[i] = total;
      total += counts[i];
    }
  }
  totals[e] = total;
  workgroupBarrier();
  var first = 0u; // tile of this expert, and the end of all
  var used = 0u;
  for (var i = 0u; i < params.E; i++) {
    let n = (totals[i] + TILE - 1) / TILE;
    first += select(0u, n, i < e);
    used += n;
  }
  if (e < params.E) {
    let end = first * TILE + total;
    span[e] = vec2u(first * TILE, end);
    for (var t = first; t * TILE < end; t++) {
      tile[t] = vec2u(e, min((t + 1) * TILE, end));
    }
  }
  for (var t = used + e; t < params.tiles; t += SIZE) {
    tile[t] = vec2u();
  }
}
