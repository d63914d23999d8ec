//go:build js

package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
)

// download gives the page a file of the run: its "checkpoint", which holds the adapters alone where only they learn; the
// "model", whole and without what training needs; the same as "weights" for other programs; or the "base" that the
// adapters are for. The native program reads and writes the same bytes.
func (t *trainer) download(what string) error {
	r := t.run
	if r == nil || r.trainer == nil {
		return nil
	}
	name := fmt.Sprintf("%s-step-%08d.ckpt", r.settings.Preset, r.trainer.State().Step)
	switch {
	case what == "checkpoint" && r.settings.Stage == lora:
		name = "adapters-" + name
	case what == "model":
		name = "model-" + name
	case what == "weights":
		name = fmt.Sprintf("%s-step-%08d.safetensors", r.settings.Preset, r.trainer.State().Step)
	case what == "base":
		name = "base-" + r.settings.Preset + ".ckpt"
	}
	return offer(name, "application/octet-stream", func(w io.Writer) error {
		switch what {
		case "checkpoint":
			return r.trainer.Save(w)
		case "model":
			return r.saveModel(w)
		case "base":
			from, close, err := t.beginning(r)
			if err != nil {
				return err
			}
			defer close()
			_, err = io.Copy(w, from)
			return err
		}
		model, err := r.copyModel()
		if err != nil {
			return err
		}
		c, err := openCheckpoint(io.NewSectionReader(bytes.NewReader(model), 0, int64(len(model))))
		if err != nil {
			return err
		}
		return interchange.WriteSafetensors(w, c, interchange.F32)
	})
}

// downloadMetrics gives the page all runs' steps as a table.
func (t *trainer) downloadMetrics() error {
	return offer("metrics.csv", "text/csv", func(out io.Writer) error {
		w := csv.NewWriter(out)
		w.Write([]string{"run", "step", "tokens", "seconds", "loss", "validation_loss", "learning_rate", "grad_norm", "tokens_per_second"})
		number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
		for _, r := range t.runs {
			for _, p := range r.Points {
				validation := ""
				if p.Validation != 0 {
					validation = number(p.Validation)
				}
				w.Write([]string{r.Name, strconv.FormatInt(p.Step, 10), strconv.FormatInt(p.Tokens, 10), number(p.Seconds), number(p.Loss),
					validation, number(p.LearningRate), number(p.GradNorm), number(p.TokensPerSecond)})
			}
		}
		w.Flush()
		return w.Error()
	})
}

// offer gives the page a file.
func offer(name, kind string, write func(io.Writer) error) error {
	b := newBlob()
	w := bufio.NewWriterSize(b, chunk)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	post("file", map[string]any{"name": name, "blob": b.value(kind)})
	return nil
}
