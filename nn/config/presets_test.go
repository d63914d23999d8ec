package config

import (
	"strings"
	"testing"
)

func TestPresetCounts(t *testing.T) {
	counts := map[string][2]int64{ // all, active
		"minimind2-small": {25_829_888, 25_829_888},
		"minimind2":       {104_030_976, 104_030_976},
		"minimind2-moe":   {145_029_760, 91_945_600},
		"minimind3":       {63_912_192, 63_912_192},
		"minimind3-moe":   {198_416_640, 63_936_768},
		"tiny":            {459_392, 459_392},
		"small":           {3_475_712, 3_475_712},
	}
	for _, p := range Presets() {
		want, known := counts[p.Name]
		if !known {
			t.Errorf("%s: this test does not know the preset", p.Name)
		}
		delete(counts, p.Name)
		if err := p.Model.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if all, active := p.Model.NumParameters(), p.Model.ActiveParameters(); all != want[0] || active != want[1] {
			t.Errorf("%s has %d parameters, %d active, want %d, %d", p.Name, all, active, want[0], want[1])
		}
		if p.Description == "" {
			t.Errorf("%s has no description", p.Name)
		}
		if m, err := Preset(p.Name); err != nil || m.HiddenSize != p.Model.HiddenSize {
			t.Errorf("Preset(%q) = %v, %v", p.Name, m, err)
		}
	}
	for name := range counts {
		t.Errorf("%s is missing", name)
	}
}

func TestUnknownPreset(t *testing.T) {
	_, err := Preset("minimind2_small")
	if err == nil || !strings.Contains(err.Error(), `Did you mean "minimind2-small"?`) || !strings.Contains(err.Error(), "minimind3-moe") {
		t.Errorf("a misspelt name: %v", err)
	}
	_, err = Preset("gpt-oss")
	if err == nil || strings.Contains(err.Error(), "mean") || !strings.Contains(err.Error(), "minimind3-moe") {
		t.Errorf("a foreign name: %v", err)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"tiny", "tiny", 0}, {"small", "smal", 1}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
