package data

// Batch is B rows of T (input, target) pairs, reused from step to step. Its
// slices have B*T elements, row after row.
type Batch struct {
	B, T    int
	Inputs  []uint32  // (B, T) token ids
	Targets []uint32  // (B, T) the token that follows each input in its document
	Mask    []float32 // (B, T) what a target weighs in the loss: 1, or more; 0 where it does not count or the row is filled up
	// Start is the index, within the whole batch, of the first pair in this row
	// of the document that pair n belongs to: n attends to Start[n]..n, and its
	// position is n - Start[n]. A filling pair is its own document.
	Start []uint32 // (B, T)
	// Reference is, of preferences in training, each row's log-probability under
	// the model that training began with: the trainer's business, not a stream's.
	Reference []float32 // (B)
	Pairs     int       // how many pairs count, whatever they weigh: where Mask is not 0
}

// NewBatch makes room for B rows of T pairs.
func NewBatch(B, T int) *Batch {
	n := B * T
	return &Batch{B: B, T: T,
		Inputs: make([]uint32, n), Targets: make([]uint32, n), Mask: make([]float32, n), Start: make([]uint32, n)}
}

// Counts says that some target of a row counts.
func (b *Batch) Counts(row int) bool {
	for _, m := range b.Mask[row*b.T : (row+1)*b.T] {
		if m != 0 {
			return true
		}
	}
	return false
}

// fill makes the pairs from n up to end count for nothing.
func (b *Batch) fill(n, end int) {
	for ; n < end; n++ {
		b.Inputs[n], b.Targets[n], b.Mask[n], b.Start[n] = 0, 0, 0, uint32(n)
	}
}
