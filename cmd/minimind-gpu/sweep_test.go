//go:build !js

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// littleText is a text that is soon read.
func littleText(t *testing.T) string {
	return file(t, "a.txt", strings.Repeat("the cat and the hat\n\nLily has a red ball and a dog\n\n", 50))
}

// tinySettings are those of runs of a second.
func tinySettings(t *testing.T) string {
	return "set: {hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1, num_hidden_layers: 1, batch_size: 2, max_seq_len: 32," +
		" max_steps: 6, save_interval: 2, validation_interval: 6, validation_share: 0.1, data: " + littleText(t) + "}\n"
}

// A sweep that was interrupted and goes on ends in the same bits as one that was not; it is compared in one table.
func TestSweep(t *testing.T) {
	sweep := file(t, "rates.yaml", tinySettings(t)+"grid:\n  learning_rate: [1e-4, 5e-3]\n")
	whole, broken := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	r := minimind(t, "sweep", sweep, "--out", whole)
	r.want(t, 0, "learning_rate", "stability", "finished", "run 2 of 2")
	lines := strings.Split(r.stdout, "\n")
	if !strings.HasPrefix(lines[1], "5e-3") || !strings.HasPrefix(lines[2], "1e-4") {
		t.Errorf("not the best first:\n%s", r.stdout)
	}
	page, err := os.ReadFile(filepath.Join(whole, sweepReport))
	if err != nil || !strings.Contains(string(page), "data:image/png;base64,iVBOR") || !strings.Contains(string(page), "<td>5e-3</td>") {
		t.Errorf("the report, %v: %.300s", err, page)
	}

	ctx, cancel := context.WithCancel(context.Background())
	p := &program{ctx: ctx, create: func(path string) (outputFile, error) {
		if strings.Contains(path, "002-") && strings.Contains(path, "step-00000002") {
			cancel() // Ctrl-C in the second run
		}
		return createFile(path)
	}}
	minimindAs(t, p, "sweep", sweep, "--out", broken).want(t, exitInterrupted, "go on by the same command")
	killed := filepath.Join(broken, "002-learning_rate-5e-3") // as if it had been killed, not interrupted:
	steps := checkpointSteps(filepath.Join(killed, checkpointsFolder))
	for _, step := range steps[1:] { // it could not save,
		os.Remove(filepath.Join(killed, checkpointsFolder, fmt.Sprintf(checkpointName, step)))
	}
	if f, err := os.OpenFile(filepath.Join(killed, metricsFile), os.O_APPEND|os.O_WRONLY, 0); err != nil || steps[0] != 2 {
		t.Fatal(steps, err)
	} else {
		f.WriteString(`{"step":9,"lo`) // and was in the middle of a line
		f.Close()
	}
	minimind(t, "sweep", sweep, "--out", broken).want(t, 0, "has been run to step 6", "finished")
	for _, run := range []string{"001-learning_rate-1e-4", "002-learning_rate-5e-3"} {
		last := filepath.Join(run, checkpointsFolder, "step-00000006.ckpt")
		want, err := os.ReadFile(filepath.Join(whole, last))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(filepath.Join(broken, last)); string(got) != string(want) {
			t.Errorf("%s differs", last)
		}
	}
	minimind(t, "sweep", file(t, "rates.yaml", tinySettings(t)+"grid:\n  learning_rate: [1e-4]\n"), "--out", whole).want(t, 1, "holds another sweep")
}

// Of runs drawn at random the worse are stopped at a rung, and one that fails does not stop the others.
func TestSweepHalving(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a")
	r := minimind(t, "sweep", file(t, "h.yaml", tinySettings(t)+"random: {runs: 3, seed: 1, from: {learning_rate: {low: 1e-5, high: 1e-2, scale: log}}}\nhalving: {rungs: [2], keep: 0.3}\n"), "--out", out)
	r.want(t, 0, "stopped at step 2", "is stopped after step 2", "finished")
	if n := strings.Count(r.stdout, "stopped at step 2"); n != 2 {
		t.Errorf("%d runs were stopped, want 2:\n%s", n, r.stdout)
	}
	failing := file(t, "f.yaml", tinySettings(t)+"grid:\n  warmup: [0, 20]\n")
	minimind(t, "sweep", failing, "--out", filepath.Join(t.TempDir(), "b")).want(t, 1, "finished", "failed", "a warm-up of 20 steps is longer than the run of 6")
}

// What a sweep cannot be is said before anything runs.
func TestBadSweeps(t *testing.T) {
	for content, says := range map[string]string{
		"grid: {learning_rat: [1]}":                   `did you mean "learning_rate"`,
		"set: {batch: 1}\ngrid: {learning_rate: [1]}": `there is no setting "batch"`,
		"grid: {}":                                                     "the grid is empty",
		"command: sft":                                                 "the grid is empty",
		"grid: {learning_rate: []}":                                    "learning_rate has no values",
		"grid: {learning_rate: [many]}":                                "many",
		"grid: {out: [a]}":                                             "not for a sweep to set",
		"command: info\ngrid: {learning_rate: [1]}":                    "does not train",
		"command: trian\ngrid: {learning_rate: [1]}":                   `no command "trian"`,
		"set: {seed: 1}\ngrid: {seed: [1, 2]}":                         "both set for all runs and varied",
		"grid: {seed: [1]}\nrandom: {runs: 2}":                         "exclude each other",
		"random: {runs: 0}":                                            "at least one of each",
		"random: {runs: 2, from: {learning_rate: {low: 1, high: 1}}}":  "low below high",
		"random: {runs: 2, from: {seed: {low: 1, high: 2, scale: x}}}": "linear or log",
		"grid: {seed: [1]}\nhalving: {rungs: []}":                      "rungs are []",
		"grid: {seed: [1]}\nhalving: {rungs: [5], keep: 2}":            "keep is 2",
		"grids: {seed: [1]}":                                           "not a sweep",
		"grid: [":                                                      "not a sweep",
	} {
		out := filepath.Join(t.TempDir(), "a")
		minimind(t, "sweep", file(t, "bad.yaml", content), "--out", out).want(t, 1, "bad.yaml", says)
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q: a folder was made", content)
		}
	}
	minimind(t, "sweep", "nowhere.yaml").want(t, 1, "nowhere.yaml")
}

func TestLRFind(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "lr.png")
	args := []string{"lr-find", "--hidden-size", "32", "--num-attention-heads", "2", "--num-key-value-heads", "1", "--num-hidden-layers", "1", "--batch-size", "2", "--max-seq-len", "32", "--steps", "40", "--data", littleText(t)}
	minimind(t, append(args, "--picture", picture)...).want(t, 0, "suggested  --learning-rate", "steepest", "█")
	if content, err := os.ReadFile(picture); err != nil || !strings.HasPrefix(string(content), "\x89PNG") {
		t.Errorf("the picture: %.20q, %v", content, err)
	}
	minimind(t, append(args, "--highest", "1e-9")...).want(t, 1, "rates above 0 that grow")
	minimind(t, append(args, "--picture", "a.gif")...).want(t, 1, "must end in .png")
}
