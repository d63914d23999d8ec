package train

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// references are the log-probabilities of rows under the model that a run with preferences began with. They are computed
// once, before the first step, when the model still is that one, and kept in every checkpoint. A row is known by what it
// holds, so that neither order nor batches matter.
type references map[uint64]float32

// firstPairs are the pairs of a stream's first epoch, or its first ones.
type firstPairs struct {
	Stream
	most int64
}

// makeReferences asks the model about all preferences, before it learns from them.
func (t *Trainer) makeReferences(resumed *checkpoint.Reader) (err error) {
	t.references = references{}
	if t.config.DPO.Beta == 0 || resumed != nil {
		return nil
	}
	progress := t.data.Progress
	if progress == nil {
		progress = func(float64) error { return nil }
	}
	c := t.config
	train := firstPairs{t.data.Train, math.MaxInt32}
	if c.AdaptiveBatch.Most == 0 && !c.RollbackOnSpike { // a short run does not come to the end of an epoch
		train.most = t.state.TotalSteps * int64(c.AccumulationSteps*c.BatchSize)
	}
	streams := []firstPairs{train}
	if t.data.Validation != nil {
		streams = append(streams, firstPairs{t.data.Validation, math.MaxInt32})
	}
	t.references, err = referencesOf(t.model, c.DPO, c.validationRows(), c.MaxSeqLen, progress, streams...)
	return err
}

// referencesOf computes those of the streams' pairs, and leaves the streams where they were. progress is told the share
// that is done.
func referencesOf(m *nn.Model, o nn.DPO, rows, T int, progress func(share float64) error, streams ...firstPairs) (references, error) {
	e, err := nn.NewEvaluation(m, nn.CrossEntropy{}, rows, T)
	if err != nil {
		return nil, err
	}
	defer e.Release()
	all, b := references{}, data.NewBatch(rows, T)
	total, done := int64(0), int64(0)
	for _, s := range streams {
		total += min(s.RowsPerEpoch(), 2*s.most)
	}
	for _, s := range streams {
		before := s.Cursor()
		if err := s.Seek(data.Cursor{}); err != nil {
			return nil, err
		}
		for left := s.most; s.Cursor().Epoch == 0 && left > 0; left -= int64(o.Count(b)) {
			if err := s.Next(b); err != nil {
				return nil, err
			}
			if err := all.add(e, o, b); err != nil {
				return nil, err
			}
			done = min(done+int64(rows), total)
			if err := progress(float64(done) / float64(total)); err != nil {
				return nil, err
			}
		}
		if err := s.Seek(before); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// add computes those of a batch.
func (r references) add(e *nn.Evaluation, o nn.DPO, b *data.Batch) error {
	if b.Pairs == 0 {
		return nil
	}
	if _, err := e.Run(b, 1); err != nil {
		return err
	}
	tokens, err := e.Values()
	if err != nil {
		return err
	}
	for row, v := range o.RowLogProbs(b, tokens) {
		r[rowKey(b, row)] = v
	}
	return nil
}

// set gives a batch its references.
func (r references) set(b *data.Batch) error {
	if b.Reference == nil {
		b.Reference = make([]float32, b.B)
	}
	for row := range b.Reference {
		v, known := r[rowKey(b, row)]
		if !known && b.Counts(row) {
			return fmt.Errorf("the run's reference model has not seen row %d of the batch: the data is not that which the run began with", row)
		}
		b.Reference[row] = v
	}
	return nil
}

// rowKey is an FNV-1a hash of what a row holds, word by word.
func rowKey(b *data.Batch, row int) uint64 {
	h := uint64(14695981039346656037)
	mix := func(word uint64) { h = (h ^ word) * 1099511628211 }
	for n := row * b.T; n < (row+1)*b.T; n++ {
		mix(uint64(b.Inputs[n])<<32 | uint64(b.Targets[n]))
		mix(uint64(math.Float32bits(b.Mask[n])))
	}
	return h
}

// tensor describes the references in a checkpoint: rows of the key's halves, low first, and the value's bits, in the
// order of the keys.
func (r references) tensor() checkpoint.TensorInfo {
	return checkpoint.TensorInfo{Name: "row log-probabilities", Group: checkpoint.GroupReference, Shape: []int{len(r), 3}, DType: "u32", Bytes: int64(12 * len(r))}
}

func (r references) bytes() []byte {
	var out []byte
	for _, key := range slices.Sorted(maps.Keys(r)) {
		out = binary.LittleEndian.AppendUint64(out, key)
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(r[key]))
	}
	return out
}

// load reads what bytes wrote.
func (r references) load(bytes []byte) {
	for ; len(bytes) >= 12; bytes = bytes[12:] {
		r[binary.LittleEndian.Uint64(bytes)] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[8:]))
	}
}

// loadOther takes what a checkpoint holds besides parameters and moments.
func (t *Trainer) loadOther(info checkpoint.TensorInfo, bytes []byte) {
	if info.Group == checkpoint.GroupReference {
		t.references.load(bytes)
	}
}

// refer gives preferences their references.
func (t *Trainer) refer(b *data.Batch) error {
	if t.config.DPO.Beta == 0 {
		return nil
	}
	return t.references.set(b)
}
