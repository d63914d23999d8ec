//go:build !js

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPlanCommand(t *testing.T) {
	small := []string{"plan", "--preset", "tiny", "--memory", "100MB", "--max-seq-len", "32", "--effective-batch", "64", "--probe", "0"}
	data := file(t, "a.txt", "the cat and the hat\n\nthe dog\n\n")
	minimind(t, append(small, "--data", data)...).want(t, 0, "459392 parameters", "100.0 MiB (--memory)", "--batch-size 64 --accumulation-steps 1",
		"activations", "checkpoint  5.3 MiB: parameters", "1 epoch(s) are 1 steps", "* is more than 85 % of 100.0 MiB", "0.0366")
	minimind(t, "plan", "--preset", "tiny", "--memory", "1MB", "--probe", "0").want(t, 1, "not even a micro-batch of one row fits", "smaller model")
	minimind(t, "plan", "--memory", "much").want(t, 1, `"much" is no size of memory`)
	minimind(t, "plan", "--max-seq-len", "0").want(t, 1, "must be at least 1")
	minimind(t, "plan", "--memory", "1GB", "--data", data).want(t, 1, "name its tokenizer by --tokenizer")
	unknown := &program{machine: machine{files: fstest.MapFS{}}}
	minimindAs(t, unknown, "plan", "--preset", "tiny").want(t, 1, "is not known", "--memory 12GB")
}

// A run that the memory cannot hold is refused before it begins, and what is said to fit does. The plan of a stage is what
// the stage's own check finds that the run takes.
func TestRunsFitTheMemory(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	minimind(t, smallRun(out, "--memory", "5MB", "--batch-size", "64", "--accumulation-steps", "1")...).want(t, 1, "needs", "has 5.0 MiB (--memory)",
		"--batch-size 8 --accumulation-steps 8 would fit")
	minimind(t, smallRun(out, "--memory", "1MB")...).want(t, 1, "not even a micro-batch of one row fits")
	minimind(t, smallRun(out, "--batch-size", "auto")...).want(t, 1, "accumulation_steps is 2", "--effective-batch")
	minimind(t, smallRun(out, "--batch-size", "5", "--accumulation-steps", "1", "--effective-batch", "8")...).want(t, 1, "must be a multiple")
	minimind(t, smallRun(out, "--batch-size", "some")...).want(t, 2, "neither a number of rows nor auto")
	unknown := &program{machine: machine{files: fstest.MapFS{}}}
	minimindAs(t, unknown, smallRun(out, "--batch-size", "auto", "--accumulation-steps", "1")...).want(t, 1, "the memory of this adapter is not known", "--memory 12GB")
	minimindAs(t, unknown, smallRun(out, "--data", "nowhere.txt")...).want(t, 1, "how much this adapter has is not known", "MiB against it", "nowhere.txt")
	minimind(t, smallRun(out, "--data", littleText(t), "--validation-share", "0.1", "--max-steps", "1", "--memory", "5MB", "--batch-size", "auto", "--accumulation-steps", "1", "--effective-batch", "16")...).want(t, 0,
		"8 rows x 2", "1 of 2 x 8 x 32")

	planFor := func(stage string, more ...string) result {
		return minimind(t, append([]string{"plan", "--from", out, "--memory", "2MB", "--max-seq-len", "32", "--stage", stage}, more...)...)
	}
	for _, c := range []struct {
		stage, says string
		args        []string // of the plan and of the training
	}{
		{"lora", "adapters of rank 64 beside q_proj,v_proj", []string{"--rank", "64", "--target", "q_proj,v_proj"}},
		{"dpo", "two rows a pair", nil},
		{"distill", "from a teacher of ", []string{"--teacher", out}},
		{"reason", "reason", nil},
	} {
		planned := planFor(c.stage, append(c.args, "--probe", "0")...)
		planned.want(t, 0, "stage       "+c.stage, c.says, out)
		_, advice, _ := strings.Cut(planned.stdout, "advice      --batch-size ")
		var rows int
		fmt.Sscan(advice, &rows)
		minimind(t, append([]string{c.stage, "--from", out, "--memory", "2MB", "--max-seq-len", "32", "--batch-size", "256"}, c.args...)...).want(t, 1,
			"this run needs", fmt.Sprintf("--batch-size %d --accumulation-steps %d would fit with", rows, 256/rows))
	}
	planFor("distill", "--teacher", out, "--probe", "0.01", "--data", conversationsFile(t, 30)).want(t, 0, "tokens/s", "30 documents", "1 epoch(s) are 1 steps and take 0:")
	for says, args := range map[string][]string{
		"--teacher is missing":          {"--stage", "distill"},
		"only --stage distill has one":  {"--teacher", "tiny"},
		"no such run folder":            {"--stage", "distill", "--teacher", "nowhere"},
		"another vocabulary":            {"--stage", "distill", "--teacher", out},
		"must be a multiple of 4":       {"--stage", "lora", "--rank", "6"},
		"its own tokenizer and its own": {"--from", out, "--hidden-size", "64"},
	} {
		minimind(t, append([]string{"plan", "--memory", "1GB"}, args...)...).want(t, 1, says)
	}
}
