//go:build !js

package main

import (
	"path/filepath"
	"testing"
)

func TestPlanCommand(t *testing.T) {
	small := []string{"plan", "--preset", "tiny", "--memory", "100MB", "--max-seq-len", "32", "--effective-batch", "64", "--probe", "0.01"}
	data := file(t, "a.txt", "the cat and the hat\n\nthe dog\n\n")
	minimind(t, append(small, "--data", data)...).want(t, 0, "459392 parameters", "100.0 MiB (--memory)", "--batch-size 64 --accumulation-steps 1",
		"activations", "checkpoint", "tokens/s", "1 epoch(s) are 1 steps", "* is more than 85 % of 100.0 MiB", "0.0366")
	minimind(t, "plan", "--preset", "tiny", "--memory", "1MB", "--probe", "0").want(t, 1, "not even a micro-batch of one row fits", "smaller model")
	minimind(t, "plan", "--memory", "much").want(t, 1, `"much" is no size of memory`)
	minimind(t, "plan", "--max-seq-len", "0").want(t, 1, "must be at least 1")
	minimind(t, "plan", "--memory", "1GB", "--data", data).want(t, 1, "name its tokenizer by --tokenizer")
}

// A run that the memory cannot hold is refused before it begins, and what is said to fit does.
func TestRunsFitTheMemory(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	minimind(t, smallRun(out, "--memory", "5MB", "--batch-size", "64", "--accumulation-steps", "1")...).want(t, 1, "needs", "has 5.0 MiB (--memory)",
		"--batch-size 8 --accumulation-steps 8 would fit")
	minimind(t, smallRun(out, "--memory", "1MB")...).want(t, 1, "not even a micro-batch of one row fits")
	minimind(t, smallRun(out, "--batch-size", "auto")...).want(t, 1, "accumulation_steps is 2", "--effective-batch")
	minimind(t, smallRun(out, "--batch-size", "5", "--accumulation-steps", "1", "--effective-batch", "8")...).want(t, 1, "must be a multiple")
	minimind(t, smallRun(out, "--batch-size", "some")...).want(t, 2, "neither a number of rows nor auto")
	minimind(t, smallRun(out, "--data", littleText(t), "--validation-share", "0.1", "--max-steps", "1", "--memory", "5MB", "--batch-size", "auto", "--accumulation-steps", "1", "--effective-batch", "16")...).want(t, 0,
		"8 rows x 2", "1 of 2 x 8 x 32")
}
