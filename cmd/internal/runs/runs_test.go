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
