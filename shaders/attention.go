package shaders

// AttentionReach is how many keys a row may see, and how many rows a key may be seen by, in the attention kernels on
// software adapters: lavapipe ends an invocation silently after 65,535 iterations of its loops, and counts the last
// look at a condition, too. D is the head size. group is the number of query heads that share a key head, H/K, for the
// backward pass, and 1 where the forward pass is all.
func AttentionReach(D, group uint32) uint32 {
	const tile = 8                            // ROWS, KEYS and QUERIES of the kernels
	outside := tile*(D/2+2) + 64              // clearing and dividing the sums of a tile's rows
	block := 2*(D/4+1) + 1                    // two loops over the vectors of a head, in one over the blocks
	blocks := (65535-outside)/group/block - 1 // less one that a tile's rows differ by
	return blocks * tile
}
