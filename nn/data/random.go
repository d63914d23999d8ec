package data

// hash draws a number from (seed, counter): the counter's place in the SplitMix64
// sequence of the seed. The order of documents and the split hang on it, so it
// must never change.
func hash(seed, counter uint64) uint64 {
	z := seed + (counter+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// shuffle puts documents in an order drawn from the seed: a Fisher-Yates
// shuffle, the same for the same documents in the same order.
func shuffle(documents []uint32, seed uint64) {
	for i := len(documents) - 1; i > 0; i-- {
		j := hash(seed, uint64(i)) % uint64(i+1)
		documents[i], documents[j] = documents[j], documents[i]
	}
}
