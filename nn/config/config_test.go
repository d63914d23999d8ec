package config

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// goldenFolders returns the folders of the golden cases that hold the file.
func goldenFolders(t *testing.T, file string) []string {
	t.Helper()
	shared := os.Getenv("MINIMIND_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	files, err := filepath.Glob(filepath.Join(shared, "golden", "*", file))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no golden case in %s holds %s: put the shared folder beside the checkout, or set MINIMIND_SHARED to it", shared, file)
	}
	folders := make([]string, len(files))
	for i, f := range files {
		folders[i] = filepath.Dir(f)
	}
	return folders
}

// readCase decodes a case's model; ok is false for a case without one. A field that the struct lacks is an error.
func readCase(t *testing.T, folder string) (m Model, ok bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Config json.RawMessage }
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if c.Config == nil {
		return m, false
	}
	d := json.NewDecoder(bytes.NewReader(c.Config))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	return m, true
}

func TestGoldenConfigs(t *testing.T) {
	models := 0
	for _, folder := range goldenFolders(t, "case.json") {
		m, ok := readCase(t, folder)
		if !ok {
			continue
		}
		models++
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", folder, err)
		}

		// Every field survives each of the encodings.
		var again Model
		text, _ := json.Marshal(m)
		if err := json.Unmarshal(text, &again); err != nil || !cmp.Equal(m, again) {
			t.Errorf("%s: JSON: %v\n%s", folder, err, cmp.Diff(m, again))
		}
		again = Model{}
		text, _ = yaml.Marshal(m)
		if err := yaml.Unmarshal(text, &again); err != nil || !cmp.Equal(m, again) {
			t.Errorf("%s: YAML: %v\n%s", folder, err, cmp.Diff(m, again))
		}
		again = Model{}
		text, _ = m.MarshalMsg(nil)
		if rest, err := again.UnmarshalMsg(text); err != nil || len(rest) > 0 || !cmp.Equal(m, again) {
			t.Errorf("%s: MessagePack: %v\n%s", folder, err, cmp.Diff(m, again))
		}
	}
	if models < 10 {
		t.Errorf("only %d golden cases have a config", models)
	}
}

// The golden weights were written in state-dict order, so their file says what Parameters must list.
func TestParametersAreTheGoldenWeights(t *testing.T) {
	for _, folder := range goldenFolders(t, "weights.safetensors") {
		m, ok := readCase(t, folder)
		if !ok {
			t.Errorf("%s has weights and no config", folder)
			continue
		}
		got, want := m.Parameters(), safetensorsIndex(t, filepath.Join(folder, "weights.safetensors"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", folder, diff)
		}
	}
}

// safetensorsIndex reads names and shapes in the order of the file.
func safetensorsIndex(t *testing.T, path string) []Parameter {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(file[8 : 8+binary.LittleEndian.Uint64(file)]))
	var list []Parameter
	if _, err := d.Token(); err != nil { // {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var entry struct{ Shape []int }
		if err := d.Decode(&entry); err != nil {
			t.Fatalf("%s: %v: %v", path, name, err)
		}
		if name != "__metadata__" {
			list = append(list, Parameter{fmt.Sprint(name), entry.Shape})
		}
	}
	return list
}

func TestFlopsPerToken(t *testing.T) {
	for _, c := range []struct {
		preset    string
		T         int
		megaflops float64
	}{{"minimind2-small", 512, 167.5}, {"minimind2-small", 340, 163.3}, {"minimind3", 340, 395.9}, {"minimind3", 768, 411.7}} {
		m, err := Preset(c.preset)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.FlopsPerToken(c.T) / 1e6; math.Abs(got-c.megaflops) > 0.05 {
			t.Errorf("%s at T = %d: %.2f MFLOP a token, want %.1f", c.preset, c.T, got, c.megaflops)
		}
	}

	// A mixture costs a token the experts that it is sent to, and the router: C numbers for each of 4 experts in 8 layers.
	dense, _ := Preset("minimind3")
	mixture, _ := Preset("minimind3-moe")
	if got, want := mixture.FlopsPerToken(340)-dense.FlopsPerToken(340), 6.0*4*768*8; got != want {
		t.Errorf("the mixture takes %v FLOP a token more than the dense model, want %v", got, want)
	}

	// Of 26 million frozen values there is no weight gradient, and the adapters, 131,072 values, cost all three passes.
	small, _ := Preset("minimind2-small")
	if got, want := small.LoRAFlopsPerToken(small.DefaultLoRA(), 512), 4.0*25_821_184+6*131_072+3*4_194_304; got != want {
		t.Errorf("adapters take %v FLOP a token, want %v", got, want)
	}

	// An untied embedding is looked up, not multiplied with, so untying costs no operation.
	m, _ := Preset("tiny")
	untied := m
	untied.TieWordEmbeddings = false
	if m.FlopsPerToken(64) != untied.FlopsPerToken(64) {
		t.Errorf("tied %g FLOP a token, untied %g", m.FlopsPerToken(64), untied.FlopsPerToken(64))
	}
}

// The wanted values are the reference's formula, evaluated in Python.
func TestRopeTables(t *testing.T) {
	plain := Model{HeadDim: 64, RopeTheta: 1e6}
	yarn := Model{HeadDim: 16, RopeTheta: 1e4, RopeScaling: &RopeScaling{Type: "yarn", Factor: 4,
		OriginalMaxPositionEmbeddings: 32, BetaFast: 4, BetaSlow: 1, AttentionFactor: 1.1}}
	for _, c := range []struct {
		m         Model
		t, j      int
		cos, sine float64
	}{
		{plain, 0, 5, 1, 0},
		{plain, 1, 1, 0.7964578744859591, 0.6046940169782634},
		{plain, 340, 0, 0.7596683100072248, 0.6503107401625525},
		{plain, 340, 31, 0.999999862934603, 0.0005235749949388877},
		{yarn, 0, 3, 1.1, 0},
		{yarn, 1, 0, 0.5943325364549538, 0.9256180832886762},
		{yarn, 7, 1, 0.20482731660522385, 1.080761662149571},
		{yarn, 7, 2, 1.083199192795427, 0.19151895135295557},
		{yarn, 50, 2, 0.34685459863479556, 1.0438830812911448},
		{yarn, 50, 7, 1.0999914062611897, 0.004348120459480517},
	} {
		cos, sin := c.m.RopeTables(341)
		half := c.m.HeadDim / 2
		if len(cos) != 341*half || len(sin) != 341*half {
			t.Fatalf("tables of %d and %d values, want %d", len(cos), len(sin), 341*half)
		}
		at := c.t*half + c.j
		if math.Abs(float64(cos[at])-c.cos) > 1e-7 || math.Abs(float64(sin[at])-c.sine) > 1e-7 {
			t.Errorf("D = %d, position %d, pair %d: (%.9g, %.9g), want (%.9g, %.9g)", c.m.HeadDim, c.t, c.j, cos[at], sin[at], c.cos, c.sine)
		}
	}

	// The published models' ramps.
	for d, want := range map[int][2]float64{64: {5, 14}, 80: {6, 17}, 96: {8, 21}} {
		s := &RopeScaling{Factor: 16, OriginalMaxPositionEmbeddings: 2048, BetaFast: 32, BetaSlow: 1}
		low, high := s.ramp(Model{HeadDim: d, RopeTheta: 1e6})
		if low != want[0] || high != want[1] {
			t.Errorf("D = %d: the ramp rises from %g to %g, want %v", d, low, high, want)
		}
	}
}
