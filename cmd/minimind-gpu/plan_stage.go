//go:build !js

package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// plannedModel is the model that a plan is for.
type plannedModel struct {
	config.Model
	name    string
	teacher *config.Model        // of a distillation
	tok     *tokenizer.Tokenizer // nil: not known, and no data to need it
	chat    *chatFormat          // with conversations
}

// open finds the model and, if there are data, how they become tokens.
func (c *planCommand) open() (m plannedModel, err error) {
	switch {
	case c.Stage == "distill" && c.Teacher == "":
		return m, errors.New("--teacher is missing: it names the model to learn from, a preset, a run's folder or a checkpoint")
	case c.Stage != "distill" && c.Teacher != "":
		return m, fmt.Errorf("--teacher is %s: only --stage distill has one", c.Teacher)
	}
	if m, err = c.openModel(); err != nil {
		return m, err
	}
	if c.Stage == "lora" {
		if err := c.lora().Validate(m.Model); err != nil {
			return m, err
		}
	}
	if c.Teacher != "" {
		teacher, err := c.openTeacher(m.VocabSize)
		if err != nil {
			return m, fmt.Errorf("the teacher: %w", err)
		}
		m.teacher = &teacher
	}
	if c.Data != "" && c.kind() != data.Texts {
		m.chat, err = findChatFormat("", m.tok, c.From)
	}
	return m, err
}

// openModel finds the model that is trained and its tokenizer.
func (c *planCommand) openModel() (m plannedModel, err error) {
	if c.From != "" {
		if c.Tokenizer != "" || c.Model != (modelFlags{}) {
			return m, fmt.Errorf("--from is %s, which has its own tokenizer and its own shape: leave --tokenizer and the model's flags out", c.From)
		}
		from, err := openWhole(c.From)
		if err != nil {
			return m, err
		}
		defer from.close()
		m.name, m.Model = from.file, from.reader.Header.Model
		m.tok, err = tokenizer.Load(bytes.NewReader(from.reader.Header.Tokenizer))
		return m, err
	}
	preset, err := config.Preset(c.Preset)
	if err != nil {
		return m, err
	}
	vocabulary := preset.VocabSize
	switch {
	case c.Tokenizer != "":
		if m.tok, _, err = readTokenizer(c.Tokenizer); err != nil {
			return m, err
		}
		vocabulary = m.tok.VocabSize()
	case c.Data != "":
		if m.tok = corpus.Tokenizer(); m.tok.VocabSize() != vocabulary {
			return m, fmt.Errorf("%s has a vocabulary of %d: to count the tokens of %s, name its tokenizer by --tokenizer", c.Preset, vocabulary, c.Data)
		}
	}
	m.name = c.Preset
	m.Model, err = c.Model.model(c.Preset, vocabulary)
	return m, err
}

// openTeacher finds the teacher, of which a preset gets the student's vocabulary.
func (c *planCommand) openTeacher(vocabulary int) (config.Model, error) {
	if preset, err := config.Preset(c.Teacher); err == nil {
		preset.VocabSize = vocabulary
		return preset, nil
	}
	teacher, err := openWhole(c.Teacher)
	if err != nil {
		return config.Model{}, err
	}
	defer teacher.close()
	if model := teacher.reader.Header.Model; model.VocabSize == vocabulary {
		return model, nil
	}
	return config.Model{}, fmt.Errorf("%s has another vocabulary than the student, %d tokens instead of %d", teacher.file, teacher.reader.Header.Model.VocabSize, vocabulary)
}

// kind is that of the stage's data.
func (c *planCommand) kind() data.Kind {
	switch c.Stage {
	case "pretrain":
		return data.Texts
	case "dpo":
		return data.Preferences
	}
	return data.Conversations
}

// unit is what a batch is counted in.
func (c *planCommand) unit() string {
	if c.Stage == "dpo" {
		return "pairs"
	}
	return "rows"
}

// stageText is what of the stage takes memory.
func (c *planCommand) stageText(m plannedModel) string {
	switch c.Stage {
	case "lora":
		return fmt.Sprintf(", adapters of rank %d beside %s", c.Adapters.Rank, c.Adapters.Target)
	case "dpo":
		return ", two rows a pair"
	case "distill":
		return fmt.Sprintf(", from a teacher of %d parameters", m.teacher.NumParameters())
	}
	return ""
}

// settings are a run's as far as they decide its memory.
func (c *planCommand) settings(maxSeqLen int) train.Config {
	s := train.Config{Stage: c.Stage, LearningRate: 1e-3, MinLRRatio: 0.1, Epochs: 1, BatchSize: 1, AccumulationSteps: 1, MaxSeqLen: maxSeqLen, GradClip: 1,
		Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, ValidationShare: 0.005}
	switch c.Stage {
	case "lora":
		s.LoRA = c.lora()
	case "dpo":
		s.DPO = nn.DPO{Beta: 0.1}
	case "distill":
		s.Distillation = nn.Distillation{Alpha: 0.5, Temperature: 1.5}
	}
	return s
}

// checkpointText is the size of a checkpoint, and what is in it.
func (c *planCommand) checkpointText(m config.Model) string {
	parameters, what := m.Parameters(), "parameters"
	if c.Stage == "lora" {
		parameters, what = m.AdapterParameters(c.lora()), "adapters"
	}
	n := int64(0)
	for _, p := range parameters {
		n += p.Elements()
	}
	return fmt.Sprintf("%s: %s and both moments", host.Bytes(3*4*n), what)
}

func (c *planCommand) lora() config.LoRA {
	return config.LoRA{Rank: c.Adapters.Rank, Targets: c.Adapters.Target}
}
