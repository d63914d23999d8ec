package train

import (
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Stream gives a run its batches, epoch after epoch: documents packed into rows, conversations, or pairs of rows to
// compare, of which the first half of a batch is the chosen ones and row i and row B/2+i belong together, one document a
// row. A batch of which nothing counts (Pairs is 0) is passed over and counted.
type Stream interface {
	Next(b *data.Batch) error  // the next b.B rows; at an epoch's end the batch is filled up
	Cursor() data.Cursor       // the place of the next row
	Seek(at data.Cursor) error // goes to a place that Cursor told, of this stream or an equal one
	RowsPerEpoch() int64
}

// Data is what a run learns from.
type Data struct {
	Train      Stream // Resume seeks the checkpoint's place
	Validation Stream // nil: none
	Tokenizer  *tokenizer.Tokenizer
	From       *checkpoint.Reader        // a new run's first weights, and the base of adapters always; nil: fresh ones, drawn from the config's seed
	Teacher    *checkpoint.Reader        // of a distillation
	Progress   func(share float64) error // nil, or told of what is done before the first step, between 0 and 1; its error ends it
	Kernels    map[string]string         // a new run's choice of kernels, as State().Kernels tells it; nil: tune
	Source     string                    // names what the documents hold (their hash), so that a resumed run is of the same data
}
