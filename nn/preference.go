package nn

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// DPO is direct preference optimisation (Rafailov et al., 2023) on pairs of rows, of which the first half of a batch is the
// chosen answers: the mean over pairs of
//
//	-log sigmoid(Beta * ((chosen - its reference) - (rejected - its reference)))
//
// with a row's log-probability the sum over its tokens, or, with Mean, their mean, as MiniMind's first generation had it.
// Batch.Reference holds each row's log-probability under the model that training began with; see RowLogProbs.
type DPO struct {
	Beta float64
	Mean bool
}

// Preference is what DPO measures: means over pairs.
type Preference struct {
	ChosenReward, RejectedReward float64 // Beta * (a row's log-probability - its reference)
	Accuracy                     float64 // share of pairs of which the chosen answer has the higher reward
}

// Margin is the mean of the chosen answers' rewards less that of the rejected ones'.
func (p Preference) Margin() float64 { return p.ChosenReward - p.RejectedReward }

// Add adds another measurement, times its weight.
func (p *Preference) Add(q Preference, weight float64) {
	p.ChosenReward += weight * q.ChosenReward
	p.RejectedReward += weight * q.RejectedReward
	p.Accuracy += weight * q.Accuracy
}

// Count is the number of pairs of which both rows count.
func (DPO) Count(b *data.Batch) int {
	n := 0
	for i := range b.B / 2 {
		if b.Counts(i) && b.Counts(b.B/2+i) {
			n++
		}
	}
	return n
}

// record goes through the head twice: a token's weight is only known when every row's log-probability is, and the logits
// of all rows are too many to keep.
func (o DPO) record(g *Graph, m *Model, hidden *Tensor, in *Inputs, T int, state *host.Buffer) *Tensor {
	in.needPairs(g.dev, in.N/T)
	logProb := g.tensor("log_prob", []int{in.N})
	weight := g.buffer("token weights", in.N)
	g.logProbs(hidden, m.Head(), in.Target, in.Weight, logProb.Data, false)
	g.emit(shaders.Preference{Pairs: uint32(in.N / T / 2), T: uint32(T), Slot: stateLoss, Mean: flag(o.Mean), Beta: float32(o.Beta),
		LogProb: logProb.Data, Mask: in.Weight, Reference: in.Reference, PairWeight: in.PairWeight, State: state, TokenWeight: weight}.Call())
	if g.training {
		again := g.buffer("log_prob again", in.N)
		g.logProbs(hidden, m.Head(), in.Target, weight, again, true)
	}
	return logProb
}

// RowLogProbs are the log-probabilities of a batch's rows, from those of its tokens as Evaluation.Values gives them: what
// Batch.Reference holds.
func (o DPO) RowLogProbs(b *data.Batch, tokens []float32) []float32 {
	if len(tokens) != b.B*b.T {
		panic(fmt.Sprintf("nn: %d log-probabilities for a batch of %d x %d", len(tokens), b.B, b.T))
	}
	rows := make([]float32, b.B)
	for r := range rows {
		sum, length := 0.0, 0.0
		for n := r * b.T; n < (r+1)*b.T; n++ {
			if m := float64(b.Mask[n]); m != 0 {
				sum += m * float64(tokens[n])
				length += m
			}
		}
		if o.Mean && length > 0 {
			sum /= length
		}
		rows[r] = float32(sum)
	}
	return rows
}
