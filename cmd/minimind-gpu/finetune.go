//go:build !js

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/chat/jinja"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// tuneFlags are what all commands have that go on from a model, with conversations.
type tuneFlags struct {
	runFlags     `embed:""`
	From         string `placeholder:"RUN|FILE" help:"The model to go on from: a run's folder, whose newest checkpoint is taken, or a checkpoint."`
	ChatTemplate string `placeholder:"FILE" help:"How conversations are written: a tokenizer_config.json, or a file with its Jinja template. Default: that of the model's generation."`
}

type sftCommand struct {
	tuneFlags `embed:""`
}

// Run teaches a model to answer.
func (c *sftCommand) Run(p *program, settings *kong.Context) error {
	s := c.stage("sft", conversationsSource())
	s.rate = 5e-6
	return p.train(s, &c.runFlags, settings)
}

type reasonCommand struct {
	tuneFlags `embed:""`
	Tags      []string `default:"<think>,</think>,<answer>,</answer>" help:"Texts whose tokens weigh more, in answers."`
	TagWeight float64  `default:"10" help:"What they weigh; the others weigh 1."`
}

// Run teaches a model to think before it answers: fine-tuning in which tags weigh more.
func (c *reasonCommand) Run(p *program, settings *kong.Context) error {
	if !(c.TagWeight > 0) {
		return fmt.Errorf("--tag-weight is %v: must be above 0", c.TagWeight)
	}
	s := c.stage("reason", embeddedSource("the embedded reasoning", "reasoning", data.Conversations, data.JSONL, corpus.Reasoning))
	s.rate, s.tags, s.tagWeight = 1e-6, c.Tags, c.TagWeight
	return p.train(s, &c.runFlags, settings)
}

type loraCommand struct {
	tuneFlags    `embed:""`
	adapterFlags `embed:""`
	Alpha        float64 `placeholder:"A" help:"Adapters count alpha/rank. Default: rank, as MiniMind's, which count 1."`
}

// adapterFlags are what decides the size of adapters.
type adapterFlags struct {
	Rank   int    `default:"8" help:"Inner size of the adapters: a multiple of 4. MiniMind's first generation has 8, its second 16."`
	Target string `default:"q_proj,o_proj" help:"Layers that get adapters: any of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj. Default: MiniMind's."`
}

// Run trains adapters beside a model that stays as it is.
func (c *loraCommand) Run(p *program, settings *kong.Context) error {
	s := c.stage("lora", conversationsSource())
	s.rate, s.needsBase = 1e-4, true
	s.configure = func(t *train.Config) { t.LoRA = config.LoRA{Rank: c.Rank, Alpha: c.Alpha, Targets: c.Target} }
	return p.train(s, &c.runFlags, settings)
}

// conversationsSource are the embedded conversations.
func conversationsSource() *textSource {
	return embeddedSource("the embedded conversations", "conversations", data.Conversations, data.JSONL, corpus.Conversations)
}

// stage is what these commands have in common.
func (c *tuneFlags) stage(command string, embedded *textSource) stage {
	s := stage{command: command, name: command, embedded: embedded, demoRate: 1e-3, open: c.open, filled: c.filled}
	s.demoSteps = func(adapter host.Info) int {
		rows := c.Training.BatchSize * c.Training.AccumulationSteps * c.Training.MaxSeqLen
		return max(2*demoSteps(adapter)*8*128/max(rows, 1), 100) // twice the computing of pretrain's demo
	}
	for i := range 4 {
		s.prompts = append(s.prompts, corpus.HeldOut(1, i).Text)
	}
	return s
}

// open opens the model to go on from. A run that goes on has its own weights, unless these are adapters.
func (c *tuneFlags) open(r *training) (err error) {
	if r.resumed == nil || r.needsBase {
		if c.From == "" {
			return fmt.Errorf("--from is missing: it names the model to go on from, a run's folder or a checkpoint (minimind-gpu pretrain makes one)")
		}
		if r.from, err = openWhole(c.From); err != nil {
			return err
		}
	}
	from := r.resumed
	if from == nil {
		from = r.from
	}
	r.model = from.reader.Header.Model
	if err := r.takeTokenizer(from); err != nil {
		return err
	}
	runs := []string{from.dir}
	if r.from != nil {
		runs = append(runs, r.from.dir)
	}
	if r.chat, err = findChatFormat(c.ChatTemplate, r.tok, runs...); err != nil {
		return err
	}
	r.chat.Tags = r.tags
	return nil
}

// filled lets the recorded flags say where the run began, whatever folder it is resumed from.
func (c *tuneFlags) filled(r *training) {
	absolute(&c.From)
	absolute(&c.ChatTemplate)
}

// absolute makes a path, if there is one, mean the same in other folders.
func absolute(path *string) {
	if full, err := filepath.Abs(*path); err == nil && *path != "" {
		*path = full
	}
}

// openWhole is openRun of a whole model.
func openWhole(path string) (*openedCheckpoint, error) {
	c, err := openRun(path)
	if err == nil && c.reader.Header.Adapter != nil {
		c.close()
		return nil, fmt.Errorf("%s holds adapters only: make a whole model of them first, by minimind-gpu lora merge --adapters %s", c.file, path)
	}
	return c, err
}

// chatFormat is how conversations become tokens, with the source of a template that is none of the usual.
type chatFormat struct {
	data.Chat
	template []byte
}

// findChatFormat is the format of the template that is named, of the first of the runs' folders that has one of its own,
// or of the tokenizer.
func findChatFormat(template string, tok *tokenizer.Tokenizer, runs ...string) (*chatFormat, error) {
	for _, dir := range runs {
		name := filepath.Join(dir, templateFile)
		if _, err := os.Stat(name); dir != "" && template == "" && !errors.Is(err, fs.ErrNotExist) {
			template = name
		}
	}
	if template != "" {
		return readChatFormat(tok, template)
	}
	f, err := chat.For(tok)
	return &chatFormat{Chat: data.Chat{Format: f}}, err
}

// readChatFormat reads a template.
func readChatFormat(tok *tokenizer.Tokenizer, name string) (*chatFormat, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the chat template: %w", err)
	}
	template, err := jinja.Load(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := chat.New(tok, template)
	return &chatFormat{Chat: data.Chat{Format: f}, template: text}, err
}
