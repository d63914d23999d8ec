package golden

import (
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// goldenCase is a folder of the shared golden cases.
func goldenCase(t *testing.T, name string) fs.FS {
	t.Helper()
	shared := os.Getenv("MINIMIND_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	dir := filepath.Join(shared, "golden", name)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the golden cases are missing (MINIMIND_SHARED names the folder that has golden/): %v", err)
	}
	return os.DirFS(dir)
}

func TestGoldenCases(t *testing.T) {
	for _, name := range []string{"train-dense", "train-qknorm", "train-untied", "train-moe-shared", "train-moe-switch", "lora", "dpo-sum", "dpo-mean", "distill", "forward-yarn", "generate", "schedule", "sampling"} {
		t.Run(name, func(t *testing.T) {
			verify(t, name)
		})
	}
}

// verify fails if a comparison of the case does.
func verify(t *testing.T, name string) {
	t.Helper()
	checks, err := Verify(hosttest.Device(t), goldenCase(t, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if !c.OK() {
			t.Errorf("%s is %.2e off, at most %.0e is right", c.Name, c.Error, c.Bound)
		}
	}
}

// copied is a case in memory, to tamper with.
func copied(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	from, files := goldenCase(t, name), fstest.MapFS{}
	names, err := fs.Glob(from, "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		content, err := fs.ReadFile(from, n)
		if err != nil {
			t.Fatal(err)
		}
		files[n] = &fstest.MapFile{Data: content}
	}
	return files
}

func TestUnreadableCases(t *testing.T) {
	short := copied(t, "train-dense")
	short["weights.safetensors"].Data = short["weights.safetensors"].Data[:1000]
	noWeights := copied(t, "train-dense")
	delete(noWeights, "weights.safetensors")
	noExpected := copied(t, "train-dense")
	noExpected["expect.safetensors"] = noExpected["batch.safetensors"]
	noHeads := copied(t, "generate")
	noHeads["case.json"].Data = []byte(strings.Replace(string(noHeads["case.json"].Data), `"num_attention_heads": 4`, `"num_attention_heads": 3`, 1))
	otherTeacher := copied(t, "distill")
	otherTeacher["case.json"].Data = []byte(strings.Replace(string(otherTeacher["case.json"].Data), `"vocab_size": 97`, `"vocab_size": 100`, 1))
	for name, c := range map[string]struct {
		files fs.FS
		says  string
	}{
		"empty folder":      {fstest.MapFS{}, "case.json"},
		"not JSON":          {fstest.MapFS{"case.json": {Data: []byte("{")}}, "case.json"},
		"unknown kind":      {fstest.MapFS{"case.json": {Data: []byte(`{"kind": "magic"}`)}}, `"magic"`},
		"nothing in it":     {fstest.MapFS{"case.json": {Data: []byte(`{"kind": "schedule"}`)}}, "no rows"},
		"cut short":         {short, "weights.safetensors"},
		"without weights":   {noWeights, "weights.safetensors"},
		"without results":   {noExpected, "expect.safetensors"},
		"impossible config": {noHeads, "num_attention_heads is 3"},
		"another teacher":   {otherTeacher, "the teacher's vocabulary is 97, the student's 100"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Verify(hosttest.Device(t), c.files); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want one that says %s", err, c.says)
			}
		})
	}
}

func TestNotANumberIsNotOK(t *testing.T) {
	c := &testCase{}
	nan := float32(math.NaN())
	c.compare("nan", []float32{1, nan}, &tensor{values: []float64{1, 2}}, 1)
	c.compare("zero", []float32{0.1}, &tensor{values: []float64{0}}, 1)
	c.compare("same", []float32{1, 2}, &tensor{values: []float64{1, 2}}, 0)
	if c.err != nil || c.checks[0].OK() || c.checks[1].OK() || !c.checks[2].OK() {
		t.Fatalf("checks %v, error %v", c.checks, c.err)
	}
	c.compare("short", []float32{1}, &tensor{values: []float64{1, 2}}, 1)
	if c.err == nil {
		t.Fatal("a tensor of another size was compared")
	}
}

// TestHashedParameters holds them against values that the reference implementation makes.
func TestHashedParameters(t *testing.T) {
	for k, want := range map[int]map[int]float32{0: {0: -0.00803975668, 1: -0.0268382318, 2: -0.00207193173, 100000: -0.00275939889}, 5: {0: 0.0378787108, 7: -0.00121738866}} {
		values := hashedParameter(k, config.Parameter{Name: "weight", Shape: []int{100_001}}, 0.04)
		for _, i := range slices.Sorted(maps.Keys(want)) {
			if values[i] != want[i] {
				t.Errorf("element %d of parameter %d is %v, want %v", i, k, values[i], want[i])
			}
		}
		norm := hashedParameter(k, config.Parameter{Name: "model.norm.weight", Shape: []int{1}}, 0.04)
		if norm[0] != 1+want[0] {
			t.Errorf("a norm's weight is %v, want %v", norm[0], 1+want[0])
		}
	}
}
