//go:build !js

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
)

type loraMergeCommand struct {
	Adapters string `required:"" placeholder:"RUN|FILE" help:"The adapters: a run of lora, or one of its checkpoints."`
	Base     string `placeholder:"RUN|FILE" help:"The model that they were trained on. Default: as their run has it."`
	Out      string `short:"o" required:"" placeholder:"FILE" help:"Checkpoint to make, such as merged.ckpt."`
	Adapter  string `placeholder:"GPU" help:"${adapter_help}"`
}

// Run makes one model of a base and its adapters.
func (c *loraMergeCommand) Run(p *program) error {
	if err := mustBeNew(c.Out); err != nil {
		return err
	}
	opened, err := openRun(c.Adapters)
	if err != nil {
		return err
	}
	defer opened.close()
	if opened.reader.Header.Adapter == nil {
		return fmt.Errorf("%s holds a whole model, no adapters: there is nothing to merge", opened.file)
	}
	device, err := host.Open(host.Options{Adapter: c.Adapter})
	if err != nil {
		return err
	}
	defer device.Close()
	model, err := opened.loadModel(device, c.Base)
	if err != nil {
		return err
	}
	h := opened.reader.Header
	if err := p.saveInterruptibly(c.Out, func(w io.Writer) error { return model.SaveMerged(w, h.TokenizerHash, h.Tokenizer) }); err != nil {
		return err
	}
	p.say("%s: %d parameters%s; use it with --checkpoint", c.Out, model.Config.NumParameters(), sizeOf(c.Out))
	return nil
}

// loadModel loads a checkpoint's model. If it holds adapters, they are put beside the model that they were trained on:
// the named one, or that of their run's settings.
func (c *openedCheckpoint) loadModel(device *host.Device, base string) (*nn.Model, error) {
	if c.reader.Header.Adapter == nil {
		model, err := nn.LoadModel(device, c.reader)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.file, err)
		}
		return model, nil
	}
	var err error
	if base == "" {
		if base, err = c.base(); err != nil {
			return nil, err
		}
	}
	whole, err := openRun(base)
	if err != nil {
		return nil, fmt.Errorf("the model that the adapters of %s were trained on: %w", c.file, err)
	}
	defer whole.close()
	model, err := nn.LoadModel(device, whole.reader)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", whole.file, err)
	}
	if _, err := nn.LoadAdapters(model, c.reader); err != nil {
		model.Release()
		return nil, fmt.Errorf("%s on %s: %w", c.file, whole.file, err)
	}
	return model, nil
}

// base is the checkpoint that the adapters' run says they were trained on.
func (c *openedCheckpoint) base() (string, error) {
	var settings struct {
		From string `yaml:"from"`
	}
	text, err := os.ReadFile(filepath.Join(c.dir, configFile))
	if c.dir == "" || err != nil {
		err = errors.New("it is in no run's folder")
	} else if err = yaml.Unmarshal(text, &settings); err == nil && settings.From == "" {
		err = fmt.Errorf("%s does not say", filepath.Join(c.dir, configFile))
	}
	if err != nil {
		return "", fmt.Errorf("%s holds adapters only, and which model they were trained on is not known (%w): make a whole model of them by minimind-gpu lora merge --base MODEL", c.file, err)
	}
	return settings.From, nil
}
