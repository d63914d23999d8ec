//go:build !js

package main

import (
	"fmt"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/plan"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

type planCommand struct {
	Data           string     `aliases:"data-path" placeholder:"FILE" help:"Text to learn from, whose time is to be told. Default: none."`
	Tokenizer      string     `aliases:"tokenizer-path" placeholder:"FILE" help:"The tokenizer.json, whose vocabulary the model gets. Default: the preset's vocabulary."`
	Preset         string     `default:"minimind2-small" help:"The model; info lists them."`
	Adapter        string     `help:"GPU to plan for: a part of its name, its number in info, cpu or gpu. Default: the fastest kind."`
	Memory         string     `placeholder:"12GB" help:"Memory of the adapter. Default: what is known of it."`
	MaxSeqLen      int        `default:"512" help:"Tokens of a row."`
	EffectiveBatch int        `default:"256" help:"Rows of a step."`
	Epochs         int        `default:"1" help:"Passes over the data."`
	Probe          float64    `default:"2" placeholder:"SECONDS" help:"How long the speed is measured; 0 leaves it out."`
	Model          modelFlags `embed:""`
}

// Run prints the plan.
func (c *planCommand) Run(p *program) error {
	if c.MaxSeqLen < 1 || c.EffectiveBatch < 1 || c.Epochs < 1 {
		return fmt.Errorf("max_seq_len is %d, effective_batch %d and epochs %d: all must be at least 1", c.MaxSeqLen, c.EffectiveBatch, c.Epochs)
	}
	tok, vocabulary := (*tokenizer.Tokenizer)(nil), 0
	switch {
	case c.Tokenizer != "":
		var err error
		if tok, _, err = readTokenizer(c.Tokenizer); err != nil {
			return err
		}
		vocabulary = tok.VocabSize()
	default:
		preset, err := config.Preset(c.Preset)
		if err != nil {
			return err
		}
		if vocabulary = preset.VocabSize; c.Data != "" {
			if tok = corpus.Tokenizer(); tok.VocabSize() != vocabulary {
				return fmt.Errorf("%s has a vocabulary of %d: to count the tokens of %s, name its tokenizer by --tokenizer", c.Preset, vocabulary, c.Data)
			}
		}
	}
	m, err := c.Model.model(c.Preset, vocabulary)
	if err != nil {
		return err
	}
	d, err := host.Open(host.Options{Adapter: c.Adapter})
	if err != nil {
		return err
	}
	defer d.Close()
	memory, from, err := adapterMemory(c.Memory, d.Info)
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	if memory == 0 {
		return fmt.Errorf("the memory of this adapter (%s) is not known, since WebGPU does not tell it: say it by --memory, as in --memory 12GB", d.Info.Name)
	}

	settings := planSettings(c.MaxSeqLen)
	p.print("model       %s: %d parameters, rows of %d tokens\nadapter     %s\nmemory      %s (%s)\n", c.Preset, m.NumParameters(), c.MaxSeqLen,
		d.Info, host.Bytes(memory), from)
	advice, err := fitRows(d.Info, m, nil, settings, memory, c.EffectiveBatch)
	if err != nil {
		return fmt.Errorf("this does not fit: %w; take a smaller model or shorter rows (--max-seq-len)", err)
	}
	p.print("largest     a micro-batch of %d rows: %s, %.0f %% of the memory\n", advice.Largest, host.Bytes(advice.LargestBytes), 100*float64(advice.LargestBytes)/float64(memory))
	if advice.Limit != nil {
		p.print("            not the memory but the adapter ends there: %v\n", advice.Limit)
	}
	p.print("advice      --batch-size %d --accumulation-steps %d: %d rows a step, %s, %.0f %% of the memory\n", advice.Rows, advice.Accumulation,
		advice.Rows*advice.Accumulation, host.Bytes(advice.Bytes), 100*advice.Share(memory))
	settings.BatchSize = advice.Rows
	need, err := rehearse(d.Info, m, nil, settings)
	if err != nil {
		return err
	}
	for _, e := range need.purposes {
		p.print("            %-18s %s\n", e.Purpose, host.Bytes(e.Bytes))
	}
	p.print("checkpoint  %s: parameters and both moments\n", host.Bytes(3*4*m.NumParameters()))
	if err := c.time(p, d, m, tok, advice); err != nil {
		return err
	}
	if err := c.table(p, d.Info, m, memory); err != nil {
		return err
	}
	p.print("\nThe widespread rule batch = memory[GB] x 800 / (hidden x tokens) gives %.4f rows here (12 x 800 / (512 x 512) is 0.0366, not the 28 that it is quoted with),\n"+
		"and it knows neither layers nor vocabulary nor the %s that parameters, gradients and moments take whatever the batch.\n",
		plan.Guide(memory, m.HiddenSize, c.MaxSeqLen), host.Bytes(16*m.NumParameters()))
	return nil
}

// print writes results to standard output.
func (p *program) print(format string, args ...any) { fmt.Fprintf(p.stdout, format, args...) }

// planSettings are a run's as far as they decide its memory.
func planSettings(maxSeqLen int) train.Config {
	return train.Config{LearningRate: 1e-3, MinLRRatio: 0.1, Epochs: 1, BatchSize: 1, AccumulationSteps: 1, MaxSeqLen: maxSeqLen, GradClip: 1,
		Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, ValidationShare: 0.005}
}

// time tells the speed and, if there is data, the steps and the time that it takes.
func (c *planCommand) time(p *program, d *host.Device, m config.Model, tok *tokenizer.Tokenizer, advice plan.Batch) error {
	speed := 0.0
	if c.Probe > 0 {
		var rows, tokens int
		kernels, err := "untuned", error(nil)
		for name, text := range tunedKernels(d.Info) {
			kernels = "tuned"
			if choice, err := host.ParseChoice(text); err == nil {
				d.Choose(name, choice)
			}
		}
		if speed, rows, tokens, err = probeSpeed(d, m, advice.Rows, c.MaxSeqLen, c.Probe); err != nil {
			return err
		}
		p.print("speed       %s tokens/s, measured for %.3g s on micro-batches of %d x %d tokens with %s kernels\n", thousands(speed), c.Probe, rows, tokens, kernels)
	}
	if c.Data == "" {
		return nil
	}
	text, err := fileSource(c.Data, data.Texts)
	if err != nil {
		return err
	}
	shard, err := p.prepare(text, tok, nil)
	if err != nil {
		return err
	}
	defer shard.close()
	training, _ := data.Split(shard.Shard, 0.005, 42)
	stream, err := training.Stream(data.Layout{T: c.MaxSeqLen}, data.Cursor{})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Data, err)
	}
	rows := stream.RowsPerEpoch() * int64(c.Epochs)
	perStep := int64(advice.Rows*advice.Accumulation) * int64(c.MaxSeqLen)
	t := plan.Pass(rows*int64(c.MaxSeqLen), perStep, max(speed, 1e-9))
	p.print("data        %s: %d documents, %s tokens; %d epoch(s) are %d steps", c.Data, shard.Documents, thousands(float64(shard.Tokens)), c.Epochs, t.Steps)
	if speed > 0 {
		p.print(" and take %s", clock(t.Seconds))
	}
	p.print("\n")
	return nil
}

// table prints the memory of other batch sizes and lengths.
func (c *planCommand) table(p *program, adapter host.Info, m config.Model, memory int64) error {
	lengths := []int{128, 256, 512, 1024, 2048}
	p.print("\nmemory by rows of a micro-batch (down) and tokens of a row (across); * is more than %.0f %% of %s, - more than the adapter shows a kernel at once\n", 100*plan.High, host.Bytes(memory))
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, T := range lengths {
		fmt.Fprintf(table, "\t%d", T)
	}
	fmt.Fprint(table, "\t\n")
	for _, rows := range []int{1, 4, 8, 16, 32, 64, 128} {
		fmt.Fprint(table, rows)
		for _, T := range lengths {
			settings := planSettings(T)
			settings.BatchSize = rows
			cell := "-"
			if need, err := rehearse(adapter, m, nil, settings); err == nil {
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

// probeSpeed trains the model on noise for some seconds and returns the tokens a second, of rows of the wanted length,
// and the micro-batch that it measured with: smaller than the wanted one on a slow adapter.
func probeSpeed(d *host.Device, m config.Model, B, T int, seconds float64) (speed float64, rows, tokens int, err error) {
	rows, tokens = max(min(B, 8192/T), 1), T
	if d.Info.CPU {
		rows, tokens = 1, min(T, 64)
	}
	model, err := nn.NewModel(d, m)
	if err != nil {
		return 0, rows, tokens, err
	}
	defer model.Release()
	model.Init(1)
	training, err := nn.NewTraining(model, nn.CrossEntropy{}, nn.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, rows, tokens)
	if err != nil {
		return 0, rows, tokens, err
	}
	defer training.Release()
	b, random := data.NewBatch(rows, tokens), rand.New(rand.NewPCG(1, 1))
	for n := range b.Inputs {
		b.Inputs[n], b.Targets[n], b.Mask[n], b.Start[n] = uint32(random.IntN(m.VocabSize)), uint32(random.IntN(m.VocabSize)), 1, uint32(n/tokens*tokens)
	}
	step := func() error {
		training.MicroStep(b, 1/float64(rows*tokens), true, true, 1e-4)
		training.State(true)
		return d.Wait()
	}
	for range 2 { // these compile, and are paced
		if err := step(); err != nil {
			return 0, rows, tokens, err
		}
	}
	start, steps := time.Now(), 0
	for time.Since(start).Seconds() < seconds {
		if err := step(); err != nil {
			return 0, rows, tokens, err
		}
		steps++
	}
	speed = float64(steps*rows*tokens) / time.Since(start).Seconds()
	return speed * m.FlopsPerToken(tokens) / m.FlopsPerToken(T), rows, tokens, nil
}
