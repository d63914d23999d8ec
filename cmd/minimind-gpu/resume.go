//go:build !js

package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// openedCheckpoint is a checkpoint that a run goes on from, or starts from, open to be read.
type openedCheckpoint struct {
	dir    string // its run's folder; empty for a checkpoint alone
	file   string
	reader *checkpoint.Reader
	f      *os.File
}

func (c *openedCheckpoint) close() { c.f.Close() }

// openRun opens a checkpoint, or the newest of a run's folder.
func openRun(path string) (*openedCheckpoint, error) {
	dir, file, err := findCheckpoint(path)
	if err != nil {
		return nil, err
	}
	reader, f, err := openCheckpoint(file)
	if err != nil {
		return nil, err
	}
	return &openedCheckpoint{dir: dir, file: file, reader: reader, f: f}, nil
}

// mayDiffer are the settings that a resumed run may change: they decide nothing about the weights, or, like files that
// were moved, are compared by what they hold.
var mayDiffer = []string{"data", "from", "teacher", "chat-template", "tokenizer", "adapter", "keep", "memory", "probe", "sample-prompt", "sample-interval", "save-interval"}

// openResumePoint opens the checkpoint and makes sure that no setting was given that differs from the run's.
func openResumePoint(path string, settings *kong.Context) (*openedCheckpoint, error) {
	resumed, err := openRun(path)
	if err != nil {
		return nil, err
	}
	var run settingsFiles
	if err := run.addRun(path, settings); err != nil {
		resumed.close()
		return nil, err
	}
	var differ []string
	for _, f := range settings.Selected().Flags {
		recorded, ok := run.files[0][f.Name]
		if !ok || slices.Contains(mayDiffer, f.Name) {
			continue
		}
		if given := valueOf(f); fmt.Sprint(given) != fmt.Sprint(recorded) {
			differ = append(differ, fmt.Sprintf("%s is %v, the run's is %v", strings.ReplaceAll(f.Name, "-", "_"), given, recorded))
		}
	}
	if len(differ) > 0 {
		resumed.close()
		return nil, fmt.Errorf("%s goes on with its own settings: %s; leave these out, or begin a new run", path, strings.Join(differ, "; "))
	}
	return resumed, nil
}

// stageOf is the command that a checkpoint is of.
func stageOf(h *checkpoint.Header) string {
	if stage := h.State.Settings["stage"]; stage != "" {
		return stage
	}
	return "pretrain"
}

// openCheckpoint opens a checkpoint file and reads its header.
func openCheckpoint(file string) (*checkpoint.Reader, *os.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	reader, err := checkpoint.NewReader(bufio.NewReaderSize(f, 1<<20), stat.Size())
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return reader, f, nil
}
