//go:build !js

package main

import (
	"fmt"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/plan"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

type planCommand struct {
	Stage          string       `default:"pretrain" enum:"pretrain,sft,reason,lora,dpo,distill" help:"What is to be trained: pretrain, sft, reason, lora, dpo or distill."`
	Data           string       `aliases:"data-path" placeholder:"FILE" help:"What to learn from, whose time is to be told. Default: none."`
	Tokenizer      string       `aliases:"tokenizer-path" placeholder:"FILE" help:"The tokenizer.json, whose vocabulary the model gets. Default: the preset's vocabulary."`
	Preset         string       `default:"minimind2-small" help:"The model; info lists them."`
	From           string       `placeholder:"RUN|FILE" help:"Plan for this model instead of a preset: a run's folder, or a checkpoint."`
	Teacher        string       `placeholder:"PRESET|RUN|FILE" help:"Of a distillation: a preset, a run's folder, or a checkpoint."`
	Adapter        string       `placeholder:"GPU" help:"${adapter_help}"`
	Memory         string       `placeholder:"12GB" help:"Memory of the adapter. Default: what is known of it."`
	MaxSeqLen      int          `default:"512" help:"Tokens of a row."`
	EffectiveBatch int          `default:"256" help:"Rows of a step; of dpo, pairs."`
	Epochs         int          `default:"1" help:"Passes over the data."`
	Probe          float64      `default:"2" placeholder:"SECONDS" help:"How long the speed is measured; 0 leaves it out."`
	Adapters       adapterFlags `embed:"" group:"Adapters, of lora"`
	Model          modelFlags   `embed:""`
}

// Run prints the plan.
func (c *planCommand) Run(p *program) error {
	if c.MaxSeqLen < 1 || c.EffectiveBatch < 1 || c.Epochs < 1 {
		return fmt.Errorf("max_seq_len is %d, effective_batch %d and epochs %d: all must be at least 1", c.MaxSeqLen, c.EffectiveBatch, c.Epochs)
	}
	m, err := c.open()
	if err != nil {
		return err
	}
	d, err := host.Open(host.Options{Adapter: c.Adapter})
	if err != nil {
		return err
	}
	defer d.Close()
	memory, err := p.memoryOf(d.Info, c.Memory)
	if err != nil {
		return err
	}
	if memory.bytes == 0 {
		return fmt.Errorf("the memory of this adapter (%s) is not known, since WebGPU does not tell it: say it by --memory, as in --memory 12GB", d.Info.Name)
	}

	l := load{d.Info, m.Model, m.teacher, c.settings(c.MaxSeqLen)}
	p.print("model       %s: %d parameters, rows of %d tokens\n", m.name, m.NumParameters(), c.MaxSeqLen)
	if c.Stage != "pretrain" {
		p.print("stage       %s%s\n", c.Stage, c.stageText(m))
	}
	p.print("adapter     %s\nmemory      %s\n", d.Info, memory)
	advice, err := l.fit(memory.bytes, c.EffectiveBatch)
	if err != nil {
		return fmt.Errorf("this does not fit: %w; take a smaller model or shorter rows (--max-seq-len)", err)
	}
	p.print("largest     a micro-batch of %d %s: %s, %.0f %% of the memory\n", advice.Largest, c.unit(), host.Bytes(advice.LargestBytes), 100*float64(advice.LargestBytes)/float64(memory.bytes))
	if advice.Limit != nil {
		p.print("            not the memory but the adapter ends there: %v\n", advice.Limit)
	}
	p.print("advice      --batch-size %d --accumulation-steps %d: %d %s a step, %s, %.0f %% of the memory\n", advice.Rows, advice.Accumulation,
		advice.Rows*advice.Accumulation, c.unit(), host.Bytes(advice.Bytes), 100*advice.Share(memory.bytes))
	l.config.BatchSize = advice.Rows
	need, err := l.rehearse()
	if err != nil {
		return err
	}
	for _, e := range need.purposes {
		p.print("            %-18s %s\n", e.Purpose, host.Bytes(e.Bytes))
	}
	p.print("checkpoint  %s\n", c.checkpointText(m.Model))
	if err := c.time(p, d, m, l, advice); err != nil {
		return err
	}
	if err := c.table(p, l, memory.bytes); err != nil {
		return err
	}
	p.print("\nThe widespread rule batch = memory[GB] x 800 / (hidden x tokens) gives %.4f rows here (12 x 800 / (512 x 512) is 0.0366, not the 28 that it is quoted with),\n"+
		"and it knows neither layers nor vocabulary nor the %s that parameters, gradients and moments of such a model take in pretraining, whatever the batch.\n",
		plan.Guide(memory.bytes, m.HiddenSize, c.MaxSeqLen), host.Bytes(16*m.NumParameters()))
	return nil
}

// time tells the speed and, if there is data, the steps and the time that it takes.
func (c *planCommand) time(p *program, d *host.Device, m plannedModel, l load, advice plan.Batch) error {
	speed := 0.0
	if c.Probe > 0 {
		kernels := "untuned"
		for name, text := range tunedKernels(d.Info) {
			kernels = "tuned"
			if choice, err := host.ParseChoice(text); err == nil {
				d.Choose(name, choice)
			}
		}
		var b *data.Batch
		var err error
		if speed, b, err = (probe{d, l, c.Probe}).speed(); err != nil {
			return err
		}
		p.print("speed       %s tokens/s, measured for %.3g s on micro-batches of %d x %d tokens with %s kernels\n", thousands(speed), c.Probe, b.B, b.T, kernels)
	}
	if c.Data == "" {
		return nil
	}
	text, err := fileSource(c.Data, c.kind())
	if err != nil {
		return err
	}
	shard, err := p.prepare(text, m.tok, m.chat)
	if err != nil {
		return err
	}
	defer shard.close()
	training, _ := data.Split(shard.Shard, l.config.ValidationShare, 42)
	stream, err := training.Stream(data.Layout{T: c.MaxSeqLen}, data.Cursor{})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Data, err)
	}
	perStep := int64(advice.Rows*advice.Accumulation) * int64(c.MaxSeqLen)
	if c.kind() == data.Preferences {
		perStep *= 2
	}
	t := plan.Pass(stream.RowsPerEpoch()*int64(c.Epochs)*int64(c.MaxSeqLen), perStep, max(speed, 1e-9))
	p.print("data        %s: %d documents, %s tokens; %d epoch(s) are %d steps", c.Data, shard.Documents, thousands(float64(shard.Tokens)), c.Epochs, t.Steps)
	if speed > 0 {
		p.print(" and take %s", clock(t.Seconds))
	}
	p.print("\n")
	return nil
}

// table prints the memory of other batch sizes and lengths.
func (c *planCommand) table(p *program, l load, memory int64) error {
	lengths := []int{128, 256, 512, 1024, 2048}
	p.print("\nmemory by %s of a micro-batch (down) and tokens of a row (across); * is more than %.0f %% of %s, - more than the adapter shows a kernel at once\n", c.unit(), 100*plan.High, host.Bytes(memory))
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, T := range lengths {
		fmt.Fprintf(table, "\t%d", T)
	}
	fmt.Fprint(table, "\t\n")
	for _, rows := range []int{1, 4, 8, 16, 32, 64, 128} {
		fmt.Fprint(table, rows)
		for _, T := range lengths {
			l.config = c.settings(T)
			l.config.BatchSize = rows
			cell := "-"
			if need, err := l.rehearse(); err == nil {
				cell = host.Bytes(need.peak)
				if float64(need.peak) > plan.High*float64(memory) {
					cell += " *"
				}
			}
			fmt.Fprint(table, "\t", cell)
		}
		fmt.Fprint(table, "\t\n")
	}
	fmt.Fprint(table, "\n")
	return table.Flush()
}

// probe measures the speed of a run's step.
type probe struct {
	device  *host.Device
	run     load
	seconds float64
}

// speed trains on noise, and returns the tokens a second of rows of the run's length, and the micro-batch that was measured
// with: smaller than the run's on a slow adapter.
func (p probe) speed() (float64, *data.Batch, error) {
	c, m := p.run.config, p.run.model
	T := c.MaxSeqLen
	c.BatchSize = max(min(c.BatchSize, 8192/T), 1)
	if p.device.Info.CPU {
		c.BatchSize, c.MaxSeqLen = 1, min(T, 64)
	}
	rehearsed, err := train.Rehearse(p.device, m, p.run.teacher, c, 0)
	if err != nil {
		return 0, nil, err
	}
	defer rehearsed.Release()
	rehearsed.Model().Init(1)
	rows := c.BatchSize
	if c.DPO.Beta > 0 {
		rows *= 2
	}
	b := noise(rows, c.MaxSeqLen, m.VocabSize)
	step := func() error {
		rehearsed.Training().MicroStep(b, 1/float64(b.Pairs), true, true, 1e-4)
		rehearsed.Training().State(true)
		return p.device.Wait()
	}
	for range 2 { // these compile, and are paced
		if err := step(); err != nil {
			return 0, nil, err
		}
	}
	start, steps := time.Now(), 0
	for time.Since(start).Seconds() < p.seconds {
		if err := step(); err != nil {
			return 0, nil, err
		}
		steps++
	}
	speed := float64(steps*b.Pairs) / time.Since(start).Seconds()
	return speed * m.FlopsPerToken(c.MaxSeqLen) / m.FlopsPerToken(T), b, nil
}

// noise is a batch of random tokens, a document a row.
func noise(rows, T, vocabulary int) *data.Batch {
	b, random := data.NewBatch(rows, T), rand.New(rand.NewPCG(1, 1))
	b.Reference, b.Pairs = make([]float32, rows), rows*T
	for n := range b.Inputs {
		b.Inputs[n], b.Targets[n], b.Mask[n], b.Start[n] = uint32(random.IntN(vocabulary)), uint32(random.IntN(vocabulary)), 1, uint32(n/T*T)
	}
	return b
}
