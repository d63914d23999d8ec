//go:build !js

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// smallRun are the arguments of a run of a few seconds.
func smallRun(out string, more ...string) []string {
	return append([]string{"pretrain", "--out", out, "--hidden-size", "32", "--num-attention-heads", "2", "--num-key-value-heads", "1", "--num-hidden-layers", "1",
		"--batch-size", "2", "--max-seq-len", "32", "--accumulation-steps", "2", "--max-steps", "12", "--save-interval", "4",
		"--validation-interval", "6", "--validation-share", "0.0005", "--sample-interval", "12", "--sample-prompt", "Lily has"}, more...)
}

// metricsOf are the lines of metrics.jsonl without what the clock says.
func metricsOf(t *testing.T, dir string) []map[string]any {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, metricsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []map[string]any
	for d := json.NewDecoder(f); ; {
		var line map[string]any
		if err := d.Decode(&line); err == io.EOF {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		delete(line, "tokens_per_second")
		delete(line, "seconds")
		lines = append(lines, line)
	}
}

// sameRun fails unless both runs ended with the same checkpoint, byte for byte, the same metrics and the same samples.
func sameRun(t *testing.T, got, want string, step int) {
	t.Helper()
	read := func(dir, name string) []byte {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	last := filepath.Join(checkpointsFolder, fmt.Sprintf(checkpointName, step))
	if !bytes.Equal(read(got, last), read(want, last)) {
		t.Errorf("the checkpoints of step %d differ", step)
	}
	if diff := cmp.Diff(metricsOf(t, want), metricsOf(t, got)); diff != "" {
		t.Errorf("the metrics differ (-want +got):\n%s", diff)
	}
	if a, b := read(got, samplesFile), read(want, samplesFile); !bytes.Equal(a, b) {
		t.Errorf("samples differ:\n%s\nwant\n%s", a, b)
	}
}

func TestPretrain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	t.Setenv("DISPLAY", "")
	r := minimind(t, smallRun(out, "--keep", "2", "--watch")...)
	r.want(t, 0, "adapter", "no window  there is no display", "documents", "step 12/12", "memory", "generate --checkpoint "+out)
	if !strings.Contains(r.stdout, "Lily has") {
		t.Errorf("no sample on standard output: %q", r.stdout)
	}
	lines := metricsOf(t, out)
	if n := len(lines); n != 12 {
		t.Fatalf("%d lines of metrics, want 12", n)
	}
	for _, name := range []string{"noise_scale", "update_ratio", "update_ratio_layer_0"} {
		if lines[9][name] == nil || lines[10][name] != nil {
			t.Errorf("%s is %v at step 10 and %v at step 11: it is measured at every tenth", name, lines[9][name], lines[10][name])
		}
	}
	if got := fmt.Sprint(checkpointSteps(filepath.Join(out, checkpointsFolder))); got != "[8 12]" {
		t.Errorf("checkpoints of steps %s, want the last two", got)
	}
	for _, name := range []string{configFile, tokenizerFile, samplesFile, filepath.Join(checkpointsFolder, bestFile)} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	minimind(t, "info", out).want(t, 0, "12 of 12")
	spoken := minimind(t, "generate", "--checkpoint", out, "--prompt", "Tom", "--prompt", "小明", "--max-new-tokens", "5")
	spoken.want(t, 0, "Tom", "\n小明")
	if again := minimind(t, "generate", "--checkpoint", out, "--prompt", "Tom", "--prompt", "小明", "--max-new-tokens", "5"); again.stdout != spoken.stdout {
		t.Errorf("one seed gave two texts: %q, %q", spoken.stdout, again.stdout)
	}

	// A checkpoint alone, as the page gives them, holds all settings: a run that goes on from it ends in the same bytes.
	checkpoints := filepath.Join(out, checkpointsFolder)
	middle, err := os.ReadFile(filepath.Join(checkpoints, "step-00000008.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	alone, onward := file(t, "alone.ckpt", string(middle)), filepath.Join(t.TempDir(), "onward")
	minimind(t, "pretrain", "--resume", alone, "--batch-size", "3").want(t, 1, "batch_size is 3, the run's is 2")
	minimind(t, "pretrain", "--resume", alone, "--out", onward).want(t, 0, "after step 8", "step 12/12")
	want, err := os.ReadFile(filepath.Join(checkpoints, "step-00000012.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(onward, checkpointsFolder, "step-00000012.ckpt")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the run that went on from a checkpoint alone ended otherwise (%v)", err)
	}

	long := filepath.Join(t.TempDir(), "long")
	minimind(t, smallRun(long, "--sample-prompt", strings.Repeat("a ball ", 50), "--max-position-embeddings", "40")...).want(t, 1, "model's context 40: shorten it")
	if _, err := os.Stat(long); err == nil {
		t.Error("a prompt that cannot be left a run folder")
	}
	minimind(t, smallRun(long, "--early-stop", "2", "--validation-share", "0")...).want(t, 1, "there is no validation data")
	minimind(t, smallRun(out)...).want(t, 1, "already holds a run", "--resume "+out)
	minimind(t, "pretrain", "--resume", out, "--batch-size", "3", "--learning_rate", "1").want(t, 1,
		"batch_size is 3, the run's is 2", "learning_rate is 1, the run's is 0.002")
	other := file(t, "other.jsonl", strings.Repeat("{\"text\": \"other\"}\n", 100))
	minimind(t, "pretrain", "--resume", out, "--data", other).want(t, 1, "data")
	tokenizer := shared(t, "data/tokenizer-minimind2/tokenizer.json")
	minimind(t, "pretrain", "--resume", out, "--tokenizer", tokenizer).want(t, 1, "another tokenizer")

	minimind(t, smallRun(filepath.Join(other, "run"))...).want(t, 1, "cannot make the run's folder", "choose another by --out")
	locked := filepath.Join(t.TempDir(), "locked")
	if err := os.CopyFS(locked, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(locked, metricsFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(locked, metricsFile), 0o777); err != nil { // no more to be written than a read-only one
		t.Fatal(err)
	}
	minimind(t, "pretrain", "--resume", locked).want(t, 1, "cannot write in the run's folder: open "+filepath.Join(locked, metricsFile), "resume a copy")

	last := filepath.Join(out, checkpointsFolder, "step-00000012.ckpt")
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(last, whole[:len(whole)-100], 0o666); err != nil {
		t.Fatal(err)
	}
	minimind(t, "pretrain", "--resume", out).want(t, 1, "step-00000012.ckpt", "cut short")
	minimind(t, "generate", "--checkpoint", last).want(t, 1, "step-00000012.ckpt", "cut short")
}

func TestSettingsFile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	settings := file(t, "c.yaml", "max-steps: 3\nlearning_rate: 1e-3\nsample_prompt: [\"a, b\", c]\npad: true\n")
	minimind(t, smallRun(out, "--config", settings)...).want(t, 0, "step 12/12") // flags win
	text, err := os.ReadFile(filepath.Join(out, configFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"max_steps: 12\n", "learning_rate: 0.001\n", "pad: true\n", "batch_size: 2\n", "hidden_size: 32\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

// TestOneSeedOneRun also shows that a run that is stopped and resumed is the run that was never stopped.
func TestOneSeedOneRun(t *testing.T) {
	first, second, resumed := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
	minimind(t, smallRun(first, "--keep", "9")...).want(t, 0)
	minimind(t, smallRun(second)...).want(t, 0)
	sameRun(t, second, first, 12)

	// Again from step 4, with what a killed run had written later still there.
	if err := os.CopyFS(resumed, os.DirFS(first)); err != nil {
		t.Fatal(err)
	}
	minimind(t, "pretrain", "--resume", filepath.Join(resumed, checkpointsFolder, "step-00000004.ckpt")).want(t, 0, "after step 4")
	sameRun(t, resumed, first, 12)
}

func TestInterruptedRunIsSaved(t *testing.T) {
	whole, out := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	minimind(t, smallRun(whole)...).want(t, 0)
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{ctx: ctx, create: func(path string) (outputFile, error) {
		if strings.Contains(path, "step-00000004") {
			cancel() // Ctrl-C, while a checkpoint is written
		}
		return createFile(path)
	}}
	minimindAs(t, p, smallRun(out)...).want(t, exitInterrupted, "interrupted after step", "--resume "+out)
	if n := len(metricsOf(t, out)); n >= 12 {
		t.Fatalf("the run went on to step %d", n)
	}
	minimind(t, "pretrain", "--resume", out).want(t, 0, "resumed")
	sameRun(t, out, whole, 12)
}

func TestFullDiskWhileSaving(t *testing.T) {
	full := func(step string) func(string) (outputFile, error) {
		return func(path string) (outputFile, error) {
			if strings.Contains(path, step) {
				return onFullDisk(1000)(path)
			}
			return createFile(path)
		}
	}
	// Checkpoints are due at 4, 8 and 12. The best one, at 6, is not one of the three that are kept to go on from.
	out := filepath.Join(t.TempDir(), "a")
	minimindAs(t, &program{create: full("step-00000008")}, smallRun(out)...).want(t, 0, "warning", "step 8 is not saved", "no space left", "step 12/12")
	if got := fmt.Sprint(checkpointSteps(filepath.Join(out, checkpointsFolder))); got != "[4 12]" {
		t.Errorf("checkpoints of steps %s", got)
	}
	out = filepath.Join(t.TempDir(), "b")
	minimindAs(t, &program{create: full("step-00000012")}, smallRun(out)...).want(t, 1, "step 12 is not saved", "no space left", "--resume "+out)
	if got := fmt.Sprint(checkpointSteps(filepath.Join(out, checkpointsFolder))); got != "[4 8]" {
		t.Errorf("checkpoints of steps %s", got)
	}
	best, f, err := openCheckpoint(filepath.Join(out, checkpointsFolder, bestFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if step := best.Header.State.Step; step != 6 {
		t.Errorf("best.ckpt is of step %d, want 6", step)
	}
}

// TestKilledRunsGoOn kills the program at random moments and resumes it, until it ends: it must be as if nothing had
// happened. MINIMIND_SOAK sets how many runs are killed.
func TestKilledRunsGoOn(t *testing.T) {
	runs := 5
	if n, err := strconv.Atoi(os.Getenv("MINIMIND_SOAK")); err == nil {
		runs = n
	}
	whole := filepath.Join(t.TempDir(), "whole")
	start := time.Now()
	// The batch grows on the way, and the run ends before its last step: both are decided again, or known, after a kill.
	decides := []string{"--max-steps", "30", "--adaptive-batch", "4", "--early-stop", "1,1", "--rollback-on-spike"}
	minimind(t, smallRun(whole, decides...)...).want(t, 0, "stopped early")
	usual := time.Since(start)
	saved := checkpointSteps(filepath.Join(whole, checkpointsFolder))
	last := int(saved[len(saved)-1])
	if metricsOf(t, whole)[4]["mark"] == nil {
		t.Error("the batch did not grow at step 5")
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for i := range runs {
		out := filepath.Join(t.TempDir(), fmt.Sprint("killed", i))
		args := smallRun(out, decides...)
		for attempt := 0; ; attempt++ {
			deadline := time.Duration(random.Float64() * float64(usual) * float64(1+attempt))
			killed, said := runAndKill(t, deadline, args)
			if !killed {
				break
			}
			if _, _, err := findCheckpoint(out); err == nil {
				args = []string{"pretrain", "--resume", out}
			} else if err := os.RemoveAll(out); err != nil { // killed before its first checkpoint
				t.Fatal(err)
			}
			if attempt > 20 {
				t.Fatalf("run %d does not come to an end:\n%s", i, said)
			}
		}
		sameRun(t, out, whole, last)
	}
}

// runAndKill runs the program in a process of its own, which is killed after the time; an exit before that is success
// or fails the test.
func runAndKill(t *testing.T, after time.Duration, args []string) (killed bool, said string) {
	t.Helper()
	var output bytes.Buffer
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	if err == nil {
		return false, output.String()
	}
	if c.ProcessState.ExitCode() >= 0 {
		t.Fatalf("%v failed: %v\n%s", args, err, output.String())
	}
	return true, output.String()
}
