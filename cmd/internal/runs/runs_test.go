package runs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpen(t *testing.T) {
	empty, begun, damaged := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, begun, ConfigFile, "seed: 42\nsample_prompt:\n- a\n- b\nlearning_rate: 0.002\n")
	write(t, damaged, ConfigFile, "seed: [")
	file := write(t, t.TempDir(), MetricsFile, "")
	for dir, says := range map[string]string{
		filepath.Join(empty, "nowhere"): "no such folder",
		empty:                           "neither metrics.jsonl nor config.yaml",
		damaged:                         "not a YAML map",
		file:                            "is a file: name the folder",
	} {
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
	r, err := Open(begun)
	if err != nil {
		t.Fatal(err)
	}
	if r.Settings["seed"] != "42" || r.Settings["sample_prompt"] != "[a b]" || r.Settings["learning_rate"] != "0.002" {
		t.Errorf("settings %v", r.Settings)
	}
	if records, again, err := r.Next(); len(records) > 0 || again || err != nil {
		t.Errorf("before the first step: %v, %v, %v", records, again, err)
	}
	write(t, begun, MetricsFile, `{"step":1,"loss":3}`+"\n"+`{"step":2,"lo`)
	if records, _, err := r.Next(); len(records) != 1 || err != nil {
		t.Errorf("%v, %v", records, err)
	}
	write(t, begun, MetricsFile, `{"step":1,"loss":3}`+"\n"+`{"step":2,"loss":2}`+"\n")
	if records, again, err := r.Next(); len(records) != 1 || records[0].Step != 2 || again || err != nil {
		t.Errorf("%v, %v, %v", records, again, err)
	}
	write(t, begun, MetricsFile, `{"step":1,"loss":4}`+"\n")
	if records, again, err := r.Next(); len(records) != 1 || records[0].Loss != 4 || !again || err != nil {
		t.Errorf("after a resume: %v, %v, %v", records, again, err)
	}
	write(t, begun, MetricsFile, `{"step":1,"loss":4}`+"\nnonsense\n")
	if _, _, err := r.Next(); err == nil || !strings.Contains(err.Error(), filepath.Join(begun, MetricsFile)+", line 2") {
		t.Errorf("error %v", err)
	}
}

func TestNames(t *testing.T) {
	all := []*Run{{Dir: "/a/x/run"}, {Dir: "/a/y/run"}, {Dir: "/a/y/other"}, {Dir: "/a/y/other"}}
	if got, want := Names(all), []string{"x/run", "y/run", "other", "other"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
}

// A sweep is its runs, which begin one after another; what cannot be read is told once and left as it is.
func TestGroup(t *testing.T) {
	alone, sweep := t.TempDir(), t.TempDir()
	write(t, alone, ConfigFile, "seed: 1\n")
	write(t, sweep, SweepFile, "grid: {}\n")
	write(t, sweep, "001-a.log", "")
	if _, err := Open(sweep); err == nil || !strings.Contains(err.Error(), "name one of the runs in it") {
		t.Error(err)
	}
	g, err := View{Theme: "light", X: "step"}.Group([]string{alone, sweep})
	if err != nil || len(g.Runs) != 1 {
		t.Fatalf("%d runs, %v", len(g.Runs), err)
	}
	look := func(wantMore bool, wantRuns int, says string) {
		t.Helper()
		more, err := g.Look()
		if more != wantMore || len(g.Runs) != wantRuns || (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("more %v, %d runs, error %v; want %v, %d and %q", more, len(g.Runs), err, wantMore, wantRuns, says)
		}
	}
	look(false, 1, "")
	second := filepath.Join(sweep, "002-b")
	write(t, second, ConfigFile, "seed: 2\n")
	write(t, second, MetricsFile, `{"step":1,"loss":3}`+"\n")
	look(true, 2, "")
	look(false, 2, "")
	first := filepath.Join(sweep, "001-a")
	write(t, first, ConfigFile, "seed: [")
	look(false, 2, "not a YAML map")
	look(false, 2, "")
	write(t, alone, MetricsFile, "nonsense\n")
	look(false, 2, "metrics.jsonl, line 1")
	look(false, 2, "")
	write(t, filepath.Join(sweep, "003-c"), ConfigFile, "seed: 3\n")
	look(true, 3, "")
	if names := g.Chart.Runs(); len(names) != 3 || g.Runs[2].Dir != filepath.Join(sweep, "003-c") {
		t.Errorf("the chart has %v", names)
	}
}
