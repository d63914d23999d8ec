//go:build !js

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// doctoredRun is the folder of a run with metrics that follow a loss.
func doctoredRun(t *testing.T, steps int, loss func(step float64) float64) string {
	t.Helper()
	dir := t.TempDir()
	var lines []string
	for i := range steps {
		line, err := json.Marshal(metrics.Record{Step: int64(i + 1), Loss: loss(float64(i)), LearningRate: 1e-3})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line)+"\n")
	}
	for name, content := range map[string]string{configFile: "learning_rate: 1e-3\n", metricsFile: strings.Join(lines, ""),
		memoryFile: `{"adapter": "a GPU", "peak_bytes": 75, "limit_bytes": 100}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDoctor(t *testing.T) {
	healthy := doctoredRun(t, 200, func(s float64) float64 { return 3 + 6*math.Exp(-s/40) })
	minimind(t, "doctor", healthy).want(t, 0, "diagnosis  healthy", "stability  5 of 5", "the five checks", "good     memory use: 75 %", "the three troubles")
	rising := doctoredRun(t, 200, func(s float64) float64 { return 9 + s/50 })
	minimind(t, "doctor", rising).want(t, 0, "learning rate too high", "change     lower the learning rate")

	minimind(t, "doctor", filepath.Join(t.TempDir(), "none")).want(t, 1, "no such folder of a run")
	minimind(t, "doctor", t.TempDir()).want(t, 1, "is not the folder of a run")
	minimind(t, "doctor", doctoredRun(t, 0, nil)).want(t, 1, "no step has been recorded yet")
	damage := func(name, content, says string) {
		t.Helper()
		dir := doctoredRun(t, 20, func(float64) float64 { return 1 })
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		minimind(t, "doctor", dir).want(t, 1, name, says)
	}
	damage(metricsFile, "{\"step\":1}\nnonsense\n", "line 2")
	damage(memoryFile, "nonsense", "invalid character")
	newest := filepath.Join(checkpointsFolder, "step-00000020.ckpt")
	damage(newest, "nonsense", "not a minimind-gpu checkpoint")
	damage(newest, "\xb7minimind-gpu checkpoint\xce\x00\x00\x00\x07"+strings.Repeat("\x00", 100), "has format version 7")
}

// A step that is taken back leaves no trace but the mark at the step that has another batch.
func TestMetricsOfStepsTakenBack(t *testing.T) {
	p := &program{create: createFile}
	r, err := p.newRun(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.create(nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.open(0); err != nil {
		t.Fatal(err)
	}
	r.seconds = 40
	for step := 1; step <= 8; step++ {
		fmt.Fprintf(r.metrics, "{\"step\":%d,\"loss\":1,\"seconds\":%d}\n", step, 40+step)
	}
	if err := r.reopen(5); err != nil {
		t.Fatal(err)
	}
	defer r.close()
	fmt.Fprintln(r.metrics, `{"step":6,"loss":2}`)
	records, _, err := readRun(r.dir)
	if err != nil || len(records) != 6 || records[5].Loss != 2 || r.seconds != 40 {
		t.Errorf("%+v, %v seconds, %v", records, r.seconds, err)
	}
}
