//go:build !js

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// A run of minimind3-moe, of tiny sizes: its metrics, a resume to the byte, and what it has to say.
func TestPretrainExperts(t *testing.T) {
	out, resumed := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "resumed")
	r := minimind(t, smallRun(out, "--preset", "minimind3-moe", "--aux-coef", "0.01", "--keep", "9")...)
	r.want(t, 0, "minimind3-moe: 68864 parameters", "4 experts of which 1 is used by a token", "aux 0.01", "experts ")
	for _, line := range metricsOf(t, out) {
		shares := 0.0
		for _, name := range []string{"expert_load_layer_0_expert_0", "expert_load_layer_0_expert_1", "expert_load_layer_0_expert_2", "expert_load_layer_0_expert_3"} {
			share, _ := line[name].(float64)
			shares += share
		}
		if aux, _ := line["aux_loss"].(float64); aux < 0.0095 || aux > 0.016 || shares < 0.999 || shares > 1.001 {
			t.Errorf("balance loss %v and shares of %v in all, in %v", aux, shares, line)
		}
	}
	if err := os.CopyFS(resumed, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	minimind(t, "pretrain", "--resume", filepath.Join(resumed, checkpointsFolder, "step-00000004.ckpt")).want(t, 0, "after step 4")
	sameRun(t, resumed, out, 12)
	minimind(t, "info", out).want(t, 0, "4 experts of which 1 is used", "12 of 12")
	minimind(t, "generate", "--checkpoint", out, "--prompt", "Tom", "--max-new-tokens", "40").want(t, 0)

	for says, flags := range map[string][]string{
		"--use-moe":                       {"--preset", "tiny", "--num-experts", "4"},
		"moe.num_experts is 6":            {"--preset", "minimind3-moe", "--num-experts", "6", "--num-experts-per-tok", "4"},
		"moe.num_experts_per_tok is 5":    {"--preset", "minimind2-moe", "--num-experts-per-tok", "5"},
		"moe.moe_intermediate_size is 10": {"--preset", "minimind2-moe", "--moe-intermediate-size", "10"},
		"moe.aux_coef is -1":              {"--preset", "minimind2-moe", "--aux-coef=-1"},
	} {
		minimind(t, smallRun(filepath.Join(t.TempDir(), "bad"), flags...)...).want(t, 1, says)
	}
}

// YaRN in training and in generation, from its flags.
func TestPretrainYaRN(t *testing.T) {
	plain, stretched := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "stretched")
	minimind(t, smallRun(plain, "--max-steps", "2")...).want(t, 0)
	minimind(t, smallRun(stretched, "--max-steps", "2", "--rope-scaling", "8", "--rope-scaling-original", "16")...).want(t, 0)
	reader, f, err := openCheckpoint(filepath.Join(stretched, checkpointsFolder, "step-00000002.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got := reader.Header.Model.RopeScaling; !reflect.DeepEqual(got, config.YaRN(8, 16)) {
		t.Errorf("the checkpoint's scaling is %+v", got)
	}
	if a, b := metricsOf(t, plain), metricsOf(t, stretched); a[0]["loss"] == b[0]["loss"] || a[1]["grad_norm"] == b[1]["grad_norm"] {
		t.Errorf("stretching changes nothing: %v, %v", a, b)
	}
	minimind(t, "info", stretched).want(t, 0, "YaRN 8 x 16")

	say := func(run string, flags ...string) string {
		r := minimind(t, append([]string{"generate", "--checkpoint", run, "--prompt", "Tom has a red ball", "--temperature", "2", "--top-p", "1"}, flags...)...)
		r.want(t, 0)
		return r.stdout
	}
	if say(plain) == say(plain, "--rope-scaling", "8", "--rope-scaling-original", "16") {
		t.Error("a model says the same with another rotation")
	}
	if say(stretched) != say(stretched, "--rope-scaling", "8") {
		t.Error("the scaling of the checkpoint is not the default")
	}
	minimind(t, "generate", "--checkpoint", plain, "--rope-scaling", "0.5").want(t, 1, "rope_scaling.factor is 0.5")
	minimind(t, "generate", "--checkpoint", plain, "--rope-scaling-original", "16").want(t, 1, "give --rope-scaling")
}

func TestExpertFlags(t *testing.T) {
	yes, no, wide := true, false, 512
	for _, c := range []struct {
		preset string
		flags  modelFlags
		want   int64
	}{
		{"minimind2-moe", modelFlags{}, 145_029_760},
		{"minimind2-moe", modelFlags{HiddenSize: &wide}, 95_052_288},
		{"minimind2-small", modelFlags{UseMoE: &yes}, 95_052_288},
		{"minimind3", modelFlags{UseMoE: &yes}, 198_416_640},
		{"minimind3-moe", modelFlags{UseMoE: &yes}, 198_416_640},
		{"minimind3-moe", modelFlags{UseMoE: &no}, 63_912_192},
	} {
		m, err := c.flags.model(c.preset, 6400)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.NumParameters(); got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.preset, got, c.want)
		}
		var all modelFlags
		all.fill(m)
		if again, err := all.model(c.preset, 6400); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%s: recorded as %+v, %v; want %+v", c.preset, again, err, m)
		}
	}
	factor, original, context := 4.0, 64, 64
	if m, err := (&modelFlags{MaxPositionEmbeddings: &context, ropeFlags: ropeFlags{&factor, &original}}).model("tiny", 512); err != nil || m.MaxPositionEmbeddings != 256 {
		t.Errorf("a context of %d, stretched 4 times: %d, %v", context, m.MaxPositionEmbeddings, err)
	}
	if _, err := (&modelFlags{NumExperts: &wide}).model("small", 512); err == nil || !strings.Contains(err.Error(), "minimind3-moe") {
		t.Error(err)
	}
}
