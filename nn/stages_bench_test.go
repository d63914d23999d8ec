package nn

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// BenchmarkStages times steps of the 26M model in turn, so that what slows one slows all, and reports each stage's
// fastest as a multiple of pretraining's on rows of the same shape.
func BenchmarkStages(b *testing.B) {
	dev := hosttest.Device(b)
	c, err := config.Preset("minimind2-small")
	if err != nil {
		b.Fatal(err)
	}
	B, T := 32, 340
	if dev.Info.CPU {
		B, T = 2, 64
	}
	model := func() *Model {
		m, err := NewModel(dev, c)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(m.Release)
		m.Init(7)
		return m
	}
	adapted := model()
	if _, err := NewAdapters(adapted, c.DefaultLoRA(), 1); err != nil {
		b.Fatal(err)
	}
	whole := testBatch(B, T, c.VocabSize)
	whole.Reference = make([]float32, B)
	answers := testBatch(B, T, c.VocabSize)
	for n := range answers.Mask {
		if n%T < T/2 {
			answers.Mask[n] = 0
			answers.Pairs--
		}
	}
	type stage struct {
		name      string
		model     *Model
		objective Objective
	}
	var names []string
	steps, took := []func(){}, map[string][]float64{}
	for _, s := range []stage{{"pretrain", model(), CrossEntropy{}}, {"sft", model(), CrossEntropy{}}, {"lora", adapted, CrossEntropy{}},
		{"dpo", model(), DPO{Beta: 0.1}}, {"distill", model(), Distillation{Alpha: 0.5, Temperature: 1.5, Teacher: model()}}} {
		tr, err := NewTraining(s.model, s.objective, adamW, B, T)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(tr.Release)
		batch := whole
		if s.name == "sft" {
			batch = answers
		}
		names = append(names, s.name)
		steps = append(steps, func() {
			tr.MicroStep(batch, 1/float64(s.objective.Count(batch)), true, true, 1e-4)
			if _, ok := tr.State(true); !ok {
				b.Fatal(dev.Err())
			}
		})
	}
	for range 3 { // compiled, and paced
		for _, step := range steps {
			step()
		}
	}
	for b.Loop() {
		for i, step := range steps {
			start := time.Now()
			step()
			took[names[i]] = append(took[names[i]], time.Since(start).Seconds())
		}
	}
	for _, name := range names {
		b.ReportMetric(slices.Min(took[name])/slices.Min(took["pretrain"]), fmt.Sprintf("%s/pretrain", name))
	}
	_, total, _ := dev.Ledger()
	b.Logf("%s: %d rows of %d tokens, %s", dev.Info, B, T, host.Bytes(total))
}
