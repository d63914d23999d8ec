//go:build !js

package golden

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// tamper changes the first value of a tensor in a safetensors file.
func tamper(t *testing.T, file []byte, tensor string) {
	t.Helper()
	n := binary.LittleEndian.Uint64(file)
	var header map[string]struct {
		DType   string
		Offsets []int `json:"data_offsets"`
	}
	if err := json.Unmarshal(file[8:8+n], &header); err != nil || header[tensor].Offsets == nil {
		t.Fatalf("no tensor %s: %v", tensor, err)
	}
	const value = 50 // above every logit, so that no top-k leaves it out
	switch at := file[8+int(n)+header[tensor].Offsets[0]:]; header[tensor].DType {
	case "F32":
		binary.LittleEndian.PutUint32(at, math.Float32bits(value))
	case "F64":
		binary.LittleEndian.PutUint64(at, math.Float64bits(value))
	case "I32":
		binary.LittleEndian.PutUint32(at, value) // an id
	}
}

// That a comparison can fail depends on no platform, so these run natively only.
//
// TestTamperedCaseFails changes one number of what is expected, and of what goes in.
func TestTamperedCaseFails(t *testing.T) {
	for _, c := range []struct{ name, file, tensor string }{
		{"train-dense", "expect.safetensors", "logits"},
		{"train-dense", "expect.safetensors", "grad.model.layers.1.mlp.up_proj.weight"},
		{"train-dense", "expect.safetensors", "param.model.layers.0.self_attn.k_proj.weight"},
		{"train-dense", "weights.safetensors", "model.layers.0.self_attn.q_proj.weight"},
		{"train-dense", "batch.safetensors", "input_ids"},
		{"lora", "adapters.safetensors", "model.layers.1.self_attn.q_proj.lora.A.weight"},
		{"lora", "expect.safetensors", "grad.model.layers.0.self_attn.o_proj.lora.B.weight"},
		{"dpo-sum", "expect.safetensors", "loss"},
		{"dpo-sum", "reference_weights.safetensors", "model.layers.1.mlp.gate_proj.weight"},
		{"dpo-mean", "batch.safetensors", "loss_mask"},
		{"dpo-mean", "expect.safetensors", "policy_log_probs"},
		{"distill", "expect.safetensors", "loss"},
		{"distill", "teacher_weights.safetensors", "model.layers.2.mlp.down_proj.weight"},
		{"generate", "expect.safetensors", "logits"},
		{"sampling", "expect.safetensors", "2.logits"},
	} {
		t.Run(c.name+" "+c.tensor, func(t *testing.T) {
			files := copied(t, c.name)
			tamper(t, files[c.file].Data, c.tensor)
			checks, err := Verify(hosttest.Device(t), files)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(checks, func(c Check) bool { return !c.OK() }) {
				t.Fatalf("all %d checks passed", len(checks))
			}
		})
	}
}
