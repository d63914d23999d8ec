//go:build !js

package main

import (
	"image"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// recordedRun is a run's folder with so many steps recorded.
func recordedRun(t *testing.T, name, settings string, steps int) string {
	t.Helper()
	r := &runFolder{p: &program{}, dir: filepath.Join(t.TempDir(), name)}
	if err := os.Mkdir(r.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, configFile), []byte(settings), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := r.open(0); err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for i := 1; i <= steps; i++ {
		s := train.Step{Step: int64(i), Loss: 2 + 4*math.Exp(-float64(i)/20), LearningRate: 1e-3, GradNorm: 1, Tokens: int64(i) * 1024, Seconds: float64(i) / 4}
		if i%10 == 0 {
			s.Validation = &train.Validation{Loss: s.Loss + 0.1}
		}
		if err := r.record(s, 4096); err != nil {
			t.Fatal(err)
		}
	}
	return r.dir
}

func TestPlot(t *testing.T) {
	a, b := recordedRun(t, "slow", "learning_rate: 0.001\n", 50), recordedRun(t, "fast", "learning_rate: 0.002\n", 80)
	for _, c := range []struct {
		name, begin string
		args        []string
	}{
		{"one.png", "\x89PNG", []string{a}},
		{"two.png", "\x89PNG", []string{a, b, "--x", "time", "--log", "--theme", "dark", "--series", "loss,grad_norm,tokens_per_second"}},
		{"two.svg", "<?xml", []string{a, b, "--x", "tokens", "--smoothing", "0"}},
		{"two.pdf", "%PDF", []string{a, b}},
		{"two.JPG", "\xff\xd8", []string{a, b}},
	} {
		out := filepath.Join(t.TempDir(), c.name)
		minimind(t, append([]string{"plot", "-o", out}, c.args...)...).want(t, 0, out)
		content, err := os.ReadFile(out)
		if err != nil || !strings.HasPrefix(string(content), c.begin) {
			t.Errorf("%s begins with %.10q, error %v", c.name, content, err)
		}
		if filepath.Ext(c.name) == ".svg" && !(strings.Contains(string(content), ">slow<") && strings.Contains(string(content), ">learning rate<")) {
			t.Error("the SVG names neither the run nor the curve")
		}
		if filepath.Ext(c.name) == ".png" {
			f, err := os.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			img, _, err := image.Decode(f)
			f.Close()
			if err != nil || img.Bounds() != image.Rect(0, 0, 1920, 1200) {
				t.Errorf("%s: %v, %v", c.name, img.Bounds(), err)
			}
		}
	}
}

func TestPlotOfNothing(t *testing.T) {
	run, begun, damaged := recordedRun(t, "run", "seed: 1\n", 3), recordedRun(t, "begun", "seed: 1\n", 0), recordedRun(t, "damaged", "seed: 1\n", 3)
	text, err := os.ReadFile(filepath.Join(damaged, metricsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, metricsFile), []byte(strings.Replace(string(text), `"step":2`, `"step"2`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "chart.png")
	for _, c := range []struct {
		code int
		args []string
		says string
	}{
		{2, []string{}, "<run>"},
		{2, []string{run, "--x", "miles"}, `--x must be one of`},
		{1, []string{filepath.Join(run, "nowhere")}, "no such folder of a run"},
		{1, []string{t.TempDir()}, "not the folder of a run"},
		{1, []string{begun}, "no step has been recorded"},
		{1, []string{run, damaged}, filepath.Join(damaged, metricsFile) + ", line 2"},
		{1, []string{run, "-o", out + ".gif"}, "must end in .png, .svg, .pdf or .jpg"},
		{1, []string{run, "-o", filepath.Join(t.TempDir(), "nowhere", "a.png")}, "cannot save"},
		{1, []string{run, "--series", "lost"}, `no "lost" in these runs; there are loss,`},
		{2, []string{run, "--smoothing", "1"}, "--smoothing is 1"},
		{1, []string{run, "--width", "0"}, "--width 0"},
	} {
		minimind(t, append([]string{"plot", "-o", out}, c.args...)...).want(t, c.code, c.says)
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%v: a picture was written", c.args)
		}
	}
}

func TestWatchWithoutWindow(t *testing.T) {
	run := recordedRun(t, "run", "seed: 1\n", 3)
	t.Setenv("PATH", "")
	t.Setenv("DISPLAY", "")
	minimind(t, "watch", run).want(t, 1, "no display", "minimind-gpu plot "+run)
	t.Setenv("DISPLAY", ":0")
	minimind(t, "watch", run).want(t, 1, windowProgram, "make watch", "minimind-gpu plot "+run)
	minimind(t, "watch", filepath.Join(run, "nowhere")).want(t, 1, "no such folder of a run")
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, windowProgram), []byte("#!/bin/sh\necho \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	sweep := t.TempDir() // none of its runs has begun
	if err := os.WriteFile(filepath.Join(sweep, sweepRecord), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	minimind(t, "watch", sweep).want(t, 0, "--theme=light "+sweep)
	minimind(t, "watch", run, run, "--log").want(t, 0, "--x=step --log=true --smoothing=0.9 --theme=light "+run+" "+run)
}

// TestPlotPanel: gonum widens axes to all that is drawn, which one spike would flatten.
func TestPlotPanel(t *testing.T) {
	c := chart.New()
	for step := range 300 {
		p := chart.Point{Step: int64(step + 1), Loss: 2 + 0.1*math.Sin(float64(step))}
		if step == 150 {
			p.Loss = 1000
		}
		c.Append("a", p)
	}
	c.SetSmoothing(0)
	want := c.Axes(chart.Loss, 800, 264)
	c.SetSmoothing(0.9)
	p := newPlotPanel(c, chart.Light, chart.Loss, "step", 800, 300)
	if p.X.Min != 0 || p.X.Max != 300 {
		t.Errorf("x from %g to %g", p.X.Min, p.X.Max)
	}
	if p.Y.Max >= 1000 || want.Y[1] < 1000 {
		t.Errorf("y up to %g; without smoothing, when the spike is the curve, up to %g", p.Y.Max, want.Y[1])
	}
}
