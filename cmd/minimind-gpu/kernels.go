//go:build !js

package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// The kernels that were fastest on an adapter are kept in a file of its name, so that they are looked for once, and so
// that two runs of one seed add in the same order.

func kernelsFile(adapter host.Info) string {
	return filepath.Join(cacheFolder(), "kernels-"+adapter.Key()+".json")
}

// tunedKernels returns the adapter's choices by kernel; nil, which lets them be looked for, if there is no such file or
// it is broken.
func tunedKernels(adapter host.Info) map[string]string {
	text, err := os.ReadFile(kernelsFile(adapter))
	if err != nil {
		return nil
	}
	var kernels map[string]string
	if json.Unmarshal(text, &kernels) != nil {
		return nil
	}
	for _, choice := range kernels {
		if _, err := host.ParseChoice(choice); err != nil {
			return nil
		}
	}
	return kernels
}

// newTrainer is train.New with the kernels that are kept for the adapter, which it lets be chosen first if need be.
func (p *program) newTrainer(d *host.Device, model config.Model, c train.Config, text train.Data) (*train.Trainer, error) {
	text.Kernels = tunedKernels(d.Info)
	t, err := train.New(d, model, c, text)
	if err == nil && text.Kernels == nil {
		p.keepKernels(d.Info, t.State().Kernels)
	}
	return t, err
}

// keepKernels writes the adapter's choices. The file is a convenience: a folder that cannot be written only costs the
// time to choose again.
func (p *program) keepKernels(adapter host.Info, kernels map[string]string) {
	text, err := json.MarshalIndent(kernels, "", "  ")
	if err != nil {
		panic(err) // strings
	}
	name := kernelsFile(adapter)
	err = os.MkdirAll(filepath.Dir(name), 0o777)
	if err == nil {
		err = p.saveAtomically(name, writeBytes(append(text, '\n')))
	}
	if err != nil {
		p.say("warning: the choice of kernels is not kept: %v", err)
	}
}
