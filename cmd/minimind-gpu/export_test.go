//go:build !js

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
	"github.com/nlpodyssey/safetensors"
)

// checkpointFile writes a checkpoint of one of the models of the formats' tests.
func checkpointFile(t *testing.T, model string) (path string, content []byte) {
	t.Helper()
	content = interchangetest.Checkpoint(interchangetest.Models()[model], true)
	return file(t, "model.ckpt", string(content)), content
}

// imported imports and returns the checkpoint.
func imported(t *testing.T, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "imported.ckpt")
	minimind(t, append([]string{"import", "--out", out}, args...)...).want(t, 0, out, "use it with --checkpoint")
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestExportAndImport takes models out and in again, as a user would.
func TestExportAndImport(t *testing.T) {
	for _, c := range []struct{ model, format, out string }{
		{"llama", "hf", "folder"}, {"qwen3", "hf", "folder"}, {"qwen3_moe", "hf", "folder"}, {"untied", "hf", "folder"}, {"yarn", "hf", "folder"},
		{"shared_moe", "safetensors", "model.safetensors"}, {"qwen3", "gguf", "model.gguf"}, {"llama", "gguf", "model.gguf"},
	} {
		ckpt, want := checkpointFile(t, c.model)
		out := filepath.Join(t.TempDir(), c.out)
		minimind(t, "export", "--checkpoint", ckpt, "--format", c.format, "--out", out).want(t, 0, out, "as f32")
		if got := imported(t, out); !bytes.Equal(got, want) {
			t.Errorf("%s as %s comes back as another checkpoint", c.model, c.format)
		}
	}
}

// TestExportedFolder looks at the files that transformers reads.
func TestExportedFolder(t *testing.T) {
	ckpt, _ := checkpointFile(t, "qwen3_moe")
	out := filepath.Join(t.TempDir(), "folder")
	minimind(t, "export", "--checkpoint", ckpt, "--format", "hf", "--dtype", "bf16", "-o", out).want(t, 0)
	for name, fields := range map[string][]string{
		"config.json":            {`"Qwen3MoeForCausalLM"`, `"bfloat16"`, `"norm_topk_prob": true`, `"num_experts": 4`, `"decoder_sparse_step": 1`},
		"generation_config.json": {`"eos_token_id": 2`, `"temperature": 0.85`},
		"tokenizer_config.json":  {`"PreTrainedTokenizerFast"`, `"eos_token": "<|im_end|>"`, `"pad_token": "<|endoftext|>"`, `"chat_template": "{%- set start`},
		"tokenizer.json":         {`"ByteLevel"`},
		"model.safetensors":      {`"model.layers.1.mlp.experts.3.down_proj.weight":{"dtype":"BF16"`, `"format":"pt"`},
	} {
		content, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range fields {
			if !bytes.Contains(content, []byte(field)) {
				t.Errorf("%s does not hold %s", name, field)
			}
		}
	}
	minimind(t, "export", "--checkpoint", ckpt, "--format", "hf", "-o", out).want(t, 1, "already there")
}

// TestImportOfShards splits an exported folder's weights into two files.
func TestImportOfShards(t *testing.T) {
	ckpt, want := checkpointFile(t, "qwen3")
	out := filepath.Join(t.TempDir(), "folder")
	minimind(t, "export", "--checkpoint", ckpt, "--format", "hf", "-o", out).want(t, 0)
	whole, err := os.ReadFile(filepath.Join(out, interchange.SafetensorsFile))
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := safetensors.Deserialize(whole)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]map[string]safetensors.TensorView{"model-1.safetensors": {}, "model-2.safetensors": {}}
	index := map[string]string{}
	for i, tensor := range tensors.Tensors() {
		name := []string{"model-1.safetensors", "model-2.safetensors"}[i%2]
		parts[name][tensor.Name], index[tensor.Name] = tensor.TensorView, name
	}
	for name, part := range parts {
		content, err := safetensors.Serialize(part, nil)
		if err == nil {
			err = os.WriteFile(filepath.Join(out, name), content, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, _ := json.Marshal(map[string]any{"weight_map": index})
	if err := os.WriteFile(filepath.Join(out, interchange.SafetensorsFile+".index.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(out, interchange.SafetensorsFile)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(imported(t, out), want) {
		t.Error("shards make another checkpoint")
	}
	if err := os.Remove(filepath.Join(out, "model-2.safetensors")); err != nil {
		t.Fatal(err)
	}
	minimind(t, "import", out, "--out", filepath.Join(t.TempDir(), "x")).want(t, 1, out, "model-2.safetensors", "no such file")
	for says, index := range map[string]string{"is no file of this folder": `{"weight_map": {"a": "../b"}}`, "index.json": `{`} {
		if err := os.WriteFile(filepath.Join(out, interchange.SafetensorsFile+".index.json"), []byte(index), 0o666); err != nil {
			t.Fatal(err)
		}
		minimind(t, "import", out, "--out", filepath.Join(t.TempDir(), "x")).want(t, 1, says)
	}
}

// TestImportOfPyTorch takes a .pth with the tokenizer given, and lets the model write.
func TestImportOfPyTorch(t *testing.T) {
	const pth = "../../nn/interchange/pth/testdata/first_fp16.pth"
	out := filepath.Join(t.TempDir(), "model.ckpt")
	minimind(t, "import", pth, "--out", out).want(t, 1, "first_fp16.pth", "--tokenizer", "differs between generations")
	minimind(t, "import", "../../nn/interchange/pth/testdata/hostile.pth", "--out", out).want(t, 1, "hostile.pth", "posix.system", "refused")
	var tok bytes.Buffer
	if err := corpus.Tokenizer().WriteJSON(&tok); err != nil {
		t.Fatal(err)
	}
	tokenizer := file(t, "tokenizer.json", tok.String())
	minimind(t, "import", pth, "--tokenizer", tokenizer, "--out", out).want(t, 0, "L 2, C 32, H 8, K 2, V 512")
	minimind(t, "info", out).want(t, 0, "tied head yes, QK-norm no")
	minimind(t, "generate", "--checkpoint", out, "--prompt", "Lily", "--greedy", "--max-new-tokens", "3").want(t, 0, "Lily")

	// As transformers keeps MiniMind's own class: the same file, and a config.json that says more than shapes.
	folder := t.TempDir()
	state, err := os.ReadFile(pth)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"pytorch_model.bin": string(state), "tokenizer.json": tok.String(),
		"config.json": `{"model_type": "minimind", "rms_norm_eps": 1e-05, "max_position_embeddings": 512}`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(t.TempDir(), "other.ckpt")
	minimind(t, "import", folder, "--out", other).want(t, 0)
	r, f, err := openCheckpoint(other)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r.Header.Model.MaxPositionEmbeddings != 512 {
		t.Errorf("its context is %d", r.Header.Model.MaxPositionEmbeddings)
	}
}

// TestImportOfAdapters takes MiniMind's adapters for an imported model and merges the two.
func TestImportOfAdapters(t *testing.T) {
	base, _ := checkpointFile(t, "llama")
	half := bytes.Repeat([]byte{0, 0x20}, 512) // 2^-7
	tensors := map[string]safetensors.TensorView{}
	for _, layer := range []string{"0", "1"} {
		for _, module := range []string{"q_proj", "o_proj"} {
			name := "model.layers." + layer + ".self_attn." + module + ".lora."
			for side, shape := range map[string][]uint64{"A.weight": {8, 64}, "B.weight": {64, 8}} {
				view, err := safetensors.NewTensorView(safetensors.F16, shape, half)
				if err != nil {
					t.Fatal(err)
				}
				tensors[name+side] = view
			}
		}
	}
	content, err := safetensors.Serialize(tensors, nil)
	if err != nil {
		t.Fatal(err)
	}
	weights := file(t, "lora_medical_64.safetensors", string(content))
	adapters, merged := filepath.Join(t.TempDir(), "adapters.ckpt"), filepath.Join(t.TempDir(), "merged.ckpt")
	minimind(t, "import", weights, "--out", adapters).want(t, 1, weights, "LoRA adapters", "--base")
	minimind(t, "import", weights, "--base", base, "--out", adapters).want(t, 0, "adapters of rank 8 on o_proj,q_proj", "lora merge --adapters "+adapters+" --base "+base)
	minimind(t, "lora", "merge", "--adapters", adapters, "--base", base, "--out", merged).want(t, 0, merged)
	first := func(path string) float32 { // of layer 0's q_proj
		opened, err := openRun(path)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.close()
		model, err := opened.loadModel(hosttest.Device(t), "")
		if err != nil {
			t.Fatal(err)
		}
		defer model.Release()
		values, err := model.Parameter("model.layers.0.self_attn.q_proj.weight")
		if err != nil {
			t.Fatal(err)
		}
		return values[0]
	}
	if before, after := first(base), first(merged); after != before+8.0/(1<<14) {
		t.Errorf("a weight of %v becomes %v", before, after)
	}
	minimind(t, "import", "../../nn/interchange/pth/testdata/first_fp16.pth", "--base", base, "--out", filepath.Join(t.TempDir(), "x")).want(t, 1, "whole model")
}

// TestWrongExports leaves nothing behind.
func TestWrongExports(t *testing.T) {
	llama, _ := checkpointFile(t, "llama")
	shared, _ := checkpointFile(t, "shared_moe")
	out := filepath.Join(t.TempDir(), "out")
	export := func(ckpt, format string, more ...string) result {
		return minimind(t, append([]string{"export", "--checkpoint", ckpt, "--format", format, "--out", out}, more...)...)
	}
	export(llama, "onnx").want(t, 2, "--format", "onnx")
	export(llama, "hf", "--dtype", "q8_0").want(t, 2, "--dtype q8_0 is for --format gguf")
	export("nowhere", "hf").want(t, 1, "nowhere")
	export(shared, "hf").want(t, 1, "shared experts", "safetensors")
	export(shared, "gguf").want(t, 1, "shared experts", "safetensors")
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	for _, format := range []string{"hf", "safetensors", "gguf"} {
		args := []string{"export", "--checkpoint", llama, "--format", format, "--out", out}
		minimindAs(t, &program{ctx: stopped}, args...).want(t, exitInterrupted, "was not written")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWrongImports(t *testing.T) {
	llama, _ := checkpointFile(t, "llama")
	out, run := filepath.Join(t.TempDir(), "out"), t.TempDir()
	if err := os.Mkdir(filepath.Join(run, checkpointsFolder), 0o777); err != nil {
		t.Fatal(err)
	}
	for says, path := range map[string]string{
		"no such file":                      "nowhere",
		"checkpoint of this program":        llama,
		"neither safetensors, nor PyTorch":  file(t, "notes.txt", "hello there"),
		`begins with ""`:                    file(t, "empty", ""),
		"not a Hugging Face folder":         t.TempDir(),
		"a run of this program":             run,
		"the GGUF header":                   file(t, "a.gguf", "GGUF"),
		"not a PyTorch file of version 1.6": file(t, "a.pth", "\x80\x02}."),
		"announce a header of":              file(t, "a.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{"),
	} {
		r := minimind(t, "import", path, "--out", out)
		r.want(t, 1, path, says)
		if strings.Count(strings.TrimSpace(r.stderr), "\n") > 0 {
			t.Errorf("more than one line:\n%s", r.stderr)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(out, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	minimind(t, "import", llama, "--out", out).want(t, 1, "already there")
}
