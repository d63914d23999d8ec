package shaders

// A mixture's choices, N tokens of K experts each, become rows sorted by expert. ExpertTile is what each expert's first row
// is a multiple of: the matrix products look up the expert once a workgroup, whose rows must be of one tile.
const ExpertTile = 128

const expertBlock = 64 // tokens that expert_count counts in one thread

// ExpertBlocks is how many blocks expert_count makes of N tokens in segments of T.
func ExpertBlocks(N, T uint32) uint32 { return N / T * ceil(T, expertBlock) }

// ExpertTiles is the largest number of tiles that `choices` choices of E experts can fill, however they fall.
func ExpertTiles(choices, E uint32) uint32 {
	experts := min(choices, E) // each with one row at least; every further TILE rows may begin another tile
	return experts + (choices-experts)/ExpertTile
}
