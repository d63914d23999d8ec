//go:build !js

package nn

import (
	"math"
	"strings"
	"testing"
)

// testTeacher is a wider and deeper model with other heads.
func testTeacher(t *testing.T) *Model {
	t.Helper()
	c := testConfig()
	c.HiddenSize, c.NumHiddenLayers, c.NumAttentionHeads, c.IntermediateSize, c.RopeTheta = 48, 3, 6, 64, 1e4
	m := testModel(t, c)
	for i, p := range c.Parameters() { // which knows what it wants
		if len(p.Shape) == 2 {
			if err := m.SetParameter(p.Name, randoms(uint64(i), int(p.Elements()), 0.3)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

// The gradient of the distilled loss, by central differences, with a head in chunks.
func TestDistillationGradients(t *testing.T) {
	o := Distillation{Alpha: 0.4, Temperature: 1.5, Teacher: testTeacher(t)}
	b := testBatch(6, 13, 97, 6, 7)
	for n := range 20 {
		b.Mask[n] = 0
		b.Pairs--
	}
	smallHead(t, 97)
	m := testModel(t, testConfig())
	slopesOfLoss(t, m, o, b, 1/float64(o.Count(b)), m.Config.Parameters())
}

// A student that is its teacher has nothing to learn from it; with alpha 1 no teacher counts, and the cross-entropy is
// told beside the loss.
func TestDistillationAtTheEnds(t *testing.T) {
	m, b := testModel(t, testConfig()), testBatch(2, 13, 97)
	teacher := testModel(t, testConfig())
	want, gradients := mean(t, m, b)
	for name, o := range map[string]Distillation{"itself": {Alpha: 0, Temperature: 2, Teacher: teacher}, "alone": {Alpha: 1, Temperature: 2, Teacher: testTeacher(t)}} {
		e, err := NewEvaluation(m, o, b.B, b.T)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Run(b, 1/float64(b.Pairs))
		e.Release()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(s.CrossEntropy-want) > 1e-6*want || math.Abs(s.Loss-o.Alpha*want) > 1e-5 {
			t.Errorf("%s: loss %v, cross-entropy %v of %v", name, s.Loss, s.CrossEntropy, want)
		}
		_, got := lossAndGradients(t, m, o, b, 1/float64(b.Pairs))
		for p, g := range got {
			reference := make([]float32, len(g))
			if o.Alpha == 1 {
				reference = gradients[p]
			}
			var off, size float64
			for i := range g {
				off += math.Pow(float64(g[i]-reference[i]), 2)
				size += math.Pow(float64(gradients[p][i]), 2)
			}
			if math.Sqrt(off) > 1e-5*math.Sqrt(size) {
				t.Errorf("%s: the gradient of %s is %.1e off, where without a teacher it has the norm %.1e", name, p, math.Sqrt(off), math.Sqrt(size))
			}
		}
	}
}

func TestTeacherOfAnotherVocabulary(t *testing.T) {
	c := testConfig()
	c.VocabSize = 131
	o := Distillation{Alpha: 0.5, Temperature: 1, Teacher: testModel(t, c)}
	if err := o.Check(testModel(t, testConfig()), 1, 8); err == nil || !strings.Contains(err.Error(), "the teacher knows 131 tokens and the student 97") {
		t.Error(err)
	}
	o.Teacher = testTeacher(t)
	if err := o.Check(testModel(t, testConfig()), 1, 8); err != nil {
		t.Error(err)
	}
}
