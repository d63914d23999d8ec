//go:build !js

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
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

// A sweep that was interrupted while two runs went on at once, and goes on, ends in the same bits as one that runs one
// after the other; it is compared in one table.
func TestSweep(t *testing.T) {
	t.Setenv("DISPLAY", "")
	sweep := file(t, "rates.yaml", tinySettings(t)+"grid:\n  learning_rate: [1e-4, 5e-3]\n")
	whole, broken := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	r := minimind(t, "sweep", sweep, "--out", whole, "--watch")
	r.want(t, 0, "learning_rate", "stability", "finished", "run  1 of 2", "0 of 2 done · 001 step 1/6 loss ", "done 2 of 2", "minimind-gpu watch "+whole,
		"no window", "minimind-gpu plot "+whole)
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
	minimindAs(t, p, "sweep", sweep, "--out", broken, "--parallel", "2").want(t, exitInterrupted, "go on by the same command")
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
	minimind(t, "sweep", sweep, "--out", broken, "--parallel", "2").want(t, 0, "finished")
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

	damaged := filepath.Join(killed, checkpointsFolder, "step-00000006.ckpt")
	if err := os.WriteFile(damaged, []byte("nonsense"), 0o666); err != nil {
		t.Fatal(err)
	}
	minimind(t, "sweep", sweep, "--out", broken).want(t, 1, "001-learning_rate-1e-4 has been run to step 6", "finished",
		"fail 2 of 2", damaged+": not a minimind-gpu checkpoint", "without that file the run goes on from the checkpoint before it")
}

// The worse runs are stopped at a rung, and those that fail do not stop the others.
func TestSweepHalving(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a")
	sweep := file(t, "h.yaml", tinySettings(t)+"grid: {learning_rate: [1e-5, 1e-3], warmup: [0, 20]}\nhalving: {rungs: [2], keep: 0.3}\n")
	r := minimind(t, "sweep", sweep, "--out", out, "--parallel", "2")
	r.want(t, 1, "stop         001-learning_rate-1e-5-warmup-0 after step 2: loss ", "run  1 of 1  003-learning_rate-1e-3-warmup-0",
		"fail 2 of 4  002-learning_rate-1e-5-warmup-20: ", "a warm-up of 20 steps is longer than the run of 6")
	for i, ends := range []string{"finished", "stopped at step 2", "failed", "failed"} {
		if line := strings.Split(r.stdout, "\n")[i+1]; !strings.HasSuffix(line, ends) {
			t.Errorf("line %d: %q, want %s", i+1, line, ends)
		}
	}
}

// A run without a finite number at the end is no good one, however good it was before.
func TestSweepOrder(t *testing.T) {
	run := func(validations ...float64) *sweepResult {
		r := &sweepResult{dir: t.TempDir()}
		var text []byte
		for i, v := range validations {
			line, err := json.Marshal(metrics.Record{Step: int64(i + 1), Loss: v, ValidationLoss: v})
			if err != nil {
				t.Fatal(err)
			}
			text = append(append(text, line...), '\n')
		}
		if err := os.WriteFile(filepath.Join(r.dir, metricsFile), text, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := r.read(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	poor, broke := run(3, 2.5), run(2, math.NaN())
	if poor.score() >= broke.score() || broke.validationText() != "NaN" {
		t.Errorf("scores %v and %v, %s", poor.score(), broke.score(), broke.validationText())
	}
	if broke.lossAt(1) != 2 || !math.IsInf(broke.lossAt(2), 1) || !math.IsInf(broke.lossAt(0), 1) {
		t.Errorf("at the rungs: %v, %v, %v", broke.lossAt(1), broke.lossAt(2), broke.lossAt(0))
	}
}

// The runs of a sweep share the memory: together they take no more of it than is good.
func TestSweepRoom(t *testing.T) {
	s := &sweep{room: room{taken: map[*seat]int64{}, freed: make(chan struct{})}}
	place := func() *seat { return &seat{sweep: s, ctx: t.Context()} }
	first, second, third := place(), place(), place()
	for _, c := range []struct {
		seat        *seat
		need, limit int64
		ok          bool
		why         string
	}{
		{first, 200, 85, true, "alone, whatever it needs"},
		{first, 50, 85, true, "once more"},
		{second, 36, 85, false, "more than is left"},
		{second, 35, 85, true, "as much as is left"},
		{third, everything, everything - 1, false, "everything, though nothing is known"},
		{third, 1 << 40, everything - 1, true, "nothing is known"},
	} {
		if _, ok := s.room.take(c.seat, c.need, c.limit); ok != c.ok {
			t.Errorf("%s: %v", c.why, ok)
		}
	}
	s.room.give(second)
	s.room.give(third)
	waiting := make(chan error)
	go func() { waiting <- second.reserve(everything, 0) }()
	s.room.give(first)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first.ctx = ctx
	go func() { waiting <- first.reserve(1, 1000) }()
	cancel()
	if err := <-waiting; err != errInterrupted {
		t.Errorf("interrupted while it waits: %v", err)
	}
}

// What a sweep cannot be is said before anything runs.
func TestBadSweeps(t *testing.T) {
	for content, says := range map[string]string{
		"grid: {learning_rat: [1]}":                   `did you mean "learning_rate"`,
		"set: {batch: 1}\ngrid: {learning_rate: [1]}": `there is no setting "batch"`,
		"grid: {}":                                                      "the grid is empty",
		"command: sft":                                                  "the grid is empty",
		"grid: {learning_rate: []}":                                     "learning_rate has no values",
		"grid: {learning_rate: [many]}":                                 "many",
		"grid: {out: [a]}":                                              "not for a sweep's runs to set",
		"command: info\ngrid: {learning_rate: [1]}":                     "does not train",
		"command: trian\ngrid: {learning_rate: [1]}":                    `no command "trian"`,
		"set: {seed: 1}\ngrid: {seed: [1, 2]}":                          "both set for all runs and varied",
		"grid: {seed: [1]}\nrandom: {runs: 2}":                          "exclude each other",
		"random: {runs: 0}":                                             "at least one of each",
		"random: {runs: 2, from: {learning_rate: {low: 1, high: 1}}}":   "low below high",
		"random: {runs: 2, from: {seed: {low: 1, high: 2, scale: x}}}":  "linear or log",
		"grid: {seed: [1]}\nhalving: {rungs: []}":                       "rungs are []",
		"grid: {seed: [1]}\nhalving: {rungs: [5], keep: 2}":             "keep is 2",
		"grids: {seed: [1]}":                                            "not a sweep",
		"grid: [":                                                       "not a sweep",
		"grid: {seed: [1]}\nhalving: {rungs: [5, 5]}":                   "rungs are [5 5]",
		"set: {max_steps: 5}\ngrid: {seed: [1]}\nhalving: {rungs: [5]}": "rungs come before the end",
		"set: {batch-size: 1, batch_size: 2}\ngrid: {seed: [1]}":        "batch_size is there twice",
		"set: {batch-size: 1}\ngrid: {batch_size: [1, 2]}":              "both set for all runs and varied",
		"set: {watch: true}\ngrid: {seed: [1]}":                         "not for a sweep's runs to set",
		"random: {runs: 1001, from: {seed: {low: 1, high: 2}}}":         "at most 1000",
		"grid: {seed: [" + strings.Repeat("1, ", 40) + "1], epochs: [" + strings.Repeat("1, ", 40) + "1]}": "more than 1000 combinations",
	} {
		out := filepath.Join(t.TempDir(), "a")
		minimind(t, "sweep", file(t, "bad.yaml", content), "--out", out).want(t, 1, "bad.yaml", says)
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q: a folder was made", content)
		}
	}
	minimind(t, "sweep", "nowhere.yaml").want(t, 1, "nowhere.yaml")
	minimind(t, "sweep", "nowhere.yaml", "--parallel", "0").want(t, 2, "--parallel is 0: must be a number of runs")
}

// What runs are called and given.
func TestSweepRuns(t *testing.T) {
	long := strings.Repeat("长", 60)
	_, _, runs, err := readSweep(file(t, "s.yaml", "command: lora\nset: {sample-prompt: [\"a, b\", c], adapter: cpu}\n"+
		"random: {runs: 4, seed: 3, from: {batch_size: {low: 2, high: 40, scale: log}, adam_eps: {low: 1e-9, high: 1e-7, scale: log}, data: {values: [\"a/"+long+"\"]}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range runs {
		rows, eps := r.varied["batch_size"], r.varied["adam_eps"]
		want := []string{"lora", "--adam-eps=" + eps, "--adapter=cpu", "--batch-size=" + rows, "--data=a/" + long, "--sample-prompt=a, b", "--sample-prompt=c"}
		if diff := cmp.Diff(want, r.args); diff != "" || strings.Contains(rows, ".") || r.adapter != "cpu" {
			t.Errorf("run %d, for adapter %q (-want +got):\n%s", i+1, r.adapter, diff)
		}
		if begin := fmt.Sprintf("%03d-adam_eps-%s-batch_size-%s-data-a_长", i+1, eps, rows); !strings.HasPrefix(r.name, begin) || len(r.name) > 100 || !utf8.ValidString(r.name) {
			t.Errorf("run %d is called %s", i+1, r.name)
		}
	}
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
