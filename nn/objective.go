package nn

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Objective is what a training step makes smaller. All of them are one computation: the output head gives each token's
// log-probability, and the way back begins with one weight a token, -d loss / d log_prob. They differ in where that
// weight comes from: CrossEntropy takes it from the batch, DPO computes it from the log-probabilities of pairs,
// Distillation adds the teacher's distribution.
type Objective interface {
	// record adds the loss on the hidden states (N, C) of rows of T tokens to the graph: its value is added to the
	// state, and in training the gradients of hidden and of the head are left behind. log_prob is (N).
	record(g *Graph, m *Model, hidden *Tensor, in *Inputs, T int, state *host.Buffer) (logProb *Tensor)

	// Count is how many units of a batch the loss is the mean of: tokens, or pairs of rows. 0: the batch says nothing.
	Count(b *data.Batch) int
}

// CrossEntropy is the loss of pretraining and fine-tuning, -sum(weight * log_prob): the mean over a batch's targets if
// these weigh Mask / Pairs.
type CrossEntropy struct{}

// Count is the number of targets that count.
func (CrossEntropy) Count(b *data.Batch) int { return b.Pairs }

func (CrossEntropy) record(g *Graph, m *Model, hidden *Tensor, in *Inputs, _ int, state *host.Buffer) *Tensor {
	logProb := g.tensor("log_prob", []int{in.N})
	g.logProbs(hidden, m.Head(), in.Target, in.Weight, logProb.Data, true)
	g.emit(shaders.SumLoss{N: uint32(in.N), Slot: stateLoss, LogProb: logProb.Data, Weight: in.Weight, State: state}.Call())
	return logProb
}

// logProbs records the log-probability of each target (N) under softmax(x weight^T). With gradient it leaves, in
// training, the gradients of -sum(tokenWeight * log_prob).
func (g *Graph) logProbs(x, weight *Tensor, target, tokenWeight, logProb *host.Buffer, gradient bool) {
	gradient = gradient && (g.wants(x) || g.wants(weight))
	g.throughHead(x, weight, gradient, func(c chunk) {
		g.emit(shaders.CrossEntropy{N: uint32(c.n), V: uint32(weight.Shape[0]), Gradient: flag(gradient), Logits: c.logits,
			Targets: c.rows(target, 1), Weight: c.rows(tokenWeight, 1), LogProb: c.rows(logProb, 1)}.Call())
	})
}

// headBytes bounds the logits that exist at one time. Tests make it small.
var headBytes = 32 << 20

// chunk is some rows of N, whose logits exist for the moment.
type chunk struct {
	from, n int
	logits  *host.Buffer // (n, V)
}

// rows are the chunk's rows of a buffer (N, width).
func (c chunk) rows(b *host.Buffer, width int) *host.Buffer {
	return b.Slice(fmt.Sprintf("%s from row %d", b.Name, c.from), int64(4*c.from*width), int64(4*c.n*width))
}

// throughHead records the output head, logits = x weight^T, a chunk of rows at a time, so that no N x V buffer exists.
// loss records what becomes of a chunk's logits. With gradient it leaves theirs in their place, and those of x and weight
// follow while they are at hand.
func (g *Graph) throughHead(x, weight *Tensor, gradient bool, loss func(chunk)) {
	N, C, V := x.Shape[0], x.Shape[1], weight.Shape[0]
	checkShape("head "+weight.Name, weight.Shape, V, C)
	most := headRows(N, V)
	logits := g.buffer("logits", most*V)
	var dx *host.Buffer
	if gradient && g.wants(x) {
		dx, _ = g.gradient(x)
	}
	for from := 0; from < N; from += most {
		n := min(most, N-from)
		c := chunk{from: from, n: n, logits: logits.Slice("logits", 0, int64(4*n*V))}
		g.emit(shaders.MatmulForward{N: uint32(n), I: uint32(C), O: uint32(V), X: c.rows(x.Data, C), Weight: weight.Data, Out: c.logits}.Call())
		loss(c)
		if gradient && g.wants(weight) {
			g.matmulBackwardWeight(c.logits, c.rows(x.Data, C), weight, n)
		}
		if dx != nil {
			g.emit(shaders.MatmulBackwardInput{N: uint32(n), I: uint32(C), O: uint32(V), Dout: c.logits, Weight: weight.Data, Dx: c.rows(dx, C)}.Call())
		}
	}
}

// headRows is the number of rows of a chunk: a multiple of 64, so that slices are aligned, or all.
func headRows(N, V int) int { return min(max(headBytes/(4*V)/64*64, 64), N) }

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
