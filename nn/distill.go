package nn

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Distillation lets a student learn from a teacher's probabilities as well (Hinton et al., 2015), as MiniMind does: the
// mean over the targets that count of
//
//	-Alpha * log_prob + (1 - Alpha) * Temperature^2 * KL(teacher || student)
//
// where the divergence is between the probabilities that logits divided by Temperature give. The teacher may be of any
// size, with the student's vocabulary; see Check. Its forward pass is recorded beside the student's, and its logits exist
// chunk by chunk, as the student's do.
type Distillation struct {
	Alpha, Temperature float64
	Teacher            *Model
}

// Check says why the teacher cannot teach a student on rows (B, T).
func (o Distillation) Check(student *Model, B, T int) error {
	if t, s := o.Teacher.Config.VocabSize, student.Config.VocabSize; t != s {
		return fmt.Errorf("the teacher knows %d tokens and the student %d: their probabilities are compared token for token, so both need the same vocabulary", t, s)
	}
	if err := o.Teacher.CheckReach(T, false); err != nil {
		return fmt.Errorf("the teacher: %w", err)
	}
	if err := o.Teacher.checkRows(B, T); err != nil {
		return fmt.Errorf("the teacher: %w", err)
	}
	return nil
}

// Count is the number of targets that count.
func (Distillation) Count(b *data.Batch) int { return b.Pairs }

func (o Distillation) record(g *Graph, m *Model, hidden *Tensor, in *Inputs, T int, state *host.Buffer) *Tensor {
	rope := NewRope(g.dev, o.Teacher.Config, T)
	g.own(rope)
	guide, guideHead := o.Teacher.Hidden(g, in, rope, nil), o.Teacher.Head()
	head := m.Head()
	N, V, C := in.N, head.Shape[0], guide.Shape[1]
	checkShape("the teacher's head", guideHead.Shape, V, C)
	logProb, value := g.tensor("log_prob", []int{N}), g.buffer("distillation", N)
	logits := g.buffer("the teacher's logits", headRows(N, V)*V)
	gradient := g.wants(hidden) || g.wants(head)
	g.throughHead(hidden, head, gradient, func(c chunk) {
		theirs := logits.Slice("the teacher's logits", 0, c.logits.Size)
		g.emit(
			shaders.MatmulForward{N: uint32(c.n), I: uint32(C), O: uint32(V), X: c.rows(guide.Data, C), Weight: guideHead.Data, Out: theirs}.Call(),
			shaders.Distillation{N: uint32(c.n), V: uint32(V), Gradient: flag(gradient), Alpha: float32(o.Alpha), Temperature: float32(o.Temperature),
				Logits: c.logits, Teacher: theirs, Targets: c.rows(in.Target, 1), Weight: c.rows(in.Weight, 1),
				LogProb: c.rows(logProb.Data, 1), Value: c.rows(value, 1)}.Call())
	})
	g.emit(
		shaders.SumLoss{N: uint32(N), Slot: stateLoss, LogProb: value, Weight: in.Weight, State: state}.Call(),
		shaders.SumLoss{N: uint32(N), Slot: stateHard, LogProb: logProb.Data, Weight: in.Weight, State: state}.Call())
	return logProb
}
