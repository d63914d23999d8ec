//go:build !js

package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// samplingFlags say how tokens are chosen.
type samplingFlags struct {
	Temperature       float64 `group:"Choice of words" default:"0.85" help:"Below 1 the likely gets likelier, above 1 the unlikely."`
	TopK              int     `group:"Choice of words" default:"0" help:"Choose among so many of the likeliest tokens; 0: all."`
	TopP              float64 `group:"Choice of words" default:"0.85" help:"Choose among the likeliest tokens that have this probability together."`
	RepetitionPenalty float64 `group:"Choice of words" default:"1" help:"Above 1, tokens that were there already get less likely."`
}

// Validate says which options cannot be; kong calls it.
func (f *samplingFlags) Validate() error {
	switch {
	case !(f.Temperature >= 0):
		return fmt.Errorf("--temperature is %v: must be at least 0", f.Temperature)
	case f.TopK < 0:
		return fmt.Errorf("--top-k is %d: must be at least 0", f.TopK)
	case !(f.TopP >= 0 && f.TopP <= 1):
		return fmt.Errorf("--top-p is %v: must be from 0 to 1", f.TopP)
	case !(f.RepetitionPenalty > 0):
		return fmt.Errorf("--repetition-penalty is %v: must be above 0", f.RepetitionPenalty)
	}
	return nil
}

func (f *samplingFlags) options() generate.Options {
	return generate.Options{Temperature: f.Temperature, TopK: f.TopK, TopP: generate.Nucleus(f.TopP), RepetitionPenalty: f.RepetitionPenalty, Stop: -1}
}

// speaker is a checkpoint's model on a device, to be spoken with.
type speaker struct {
	name   string // of the run
	file   string // the checkpoint
	dir    string // its run's folder; empty for a checkpoint alone
	device *host.Device
	model  *nn.Model
	tok    *tokenizer.Tokenizer
}

// openSpeaker loads a checkpoint, or the newest of a run's folder.
func openSpeaker(path, adapter string) (*speaker, error) {
	c, err := openRun(path)
	if err != nil {
		return nil, err
	}
	defer c.close()
	s := &speaker{file: c.file, dir: c.dir}
	if dir, err := filepath.Abs(c.dir); err == nil {
		s.name = filepath.Base(dir)
	}
	if s.tok, err = tokenizer.Load(bytes.NewReader(c.reader.Header.Tokenizer)); err != nil {
		return nil, fmt.Errorf("%s: its %w", c.file, err)
	}
	if s.device, err = host.Open(host.Options{Adapter: adapter}); err != nil {
		return nil, err
	}
	if s.model, err = c.loadModel(s.device, ""); err != nil {
		s.device.Close()
		return nil, err
	}
	return s, nil
}

func (s *speaker) close() { s.device.Close() }

// usualContext is the longest text that chat and serve make room for unasked: more than small models are trained on.
const usualContext = 4096

// context is the wanted length of a text, 0 being the usual, as far as the model's goes.
func (s *speaker) context(wanted int) (int, error) {
	most := s.model.Config.MaxPositionEmbeddings
	switch {
	case wanted == 0:
		return min(usualContext, most), nil
	case wanted < 2 || wanted > most:
		return 0, fmt.Errorf("--context is %d: this model's goes from 2 to %d", wanted, most)
	}
	return wanted, nil
}
