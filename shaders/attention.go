package shaders

// AttentionReach bounds the attention kernels on software adapters: how far the first and the last key that eight
// consecutive rows see may lie apart, and likewise the rows that see eight consecutive keys. Lavapipe ends an invocation
// silently after 65,535 iterations of its loops, and counts the last look at a condition, too. D is the head size; group
// is the number of query heads that share a key head, H/K, for the backward pass, and 1 where forward is all.
func AttentionReach(D, group uint32) uint32 {
	const tile = 8                            // ROWS, KEYS and QUERIES of the kernels
	outside := tile*(D/2+2) + 64              // clearing and dividing the sums of a tile's rows
	block := 2*(D/4+1) + 1                    // two loops over the vectors of a head, in one over the blocks
	blocks := (65535-outside)/group/block - 1 // less one that a tile's rows differ by
	return blocks * tile
}
