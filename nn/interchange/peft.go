package interchange

import (
	"io"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// The files of a folder that PEFT, Hugging Face's library of adapters, loads.
const (
	AdapterConfigFile  = "adapter_config.json"
	AdapterWeightsFile = "adapter_model.safetensors"
)

// AdapterFiles makes the file that stands beside adapter_model.safetensors, by name. It does not name the base: PEFT is
// given the base's model, which is exported by itself.
func AdapterFiles(h *checkpoint.Header) (map[string][]byte, error) {
	if err := CheckClass(h.Model); err != nil {
		return nil, err
	}
	l := h.Adapter.LoRA
	text, err := indented(struct {
		Type    string   `json:"peft_type"`
		Task    string   `json:"task_type"`
		Base    *string  `json:"base_model_name_or_path"`
		Rank    int      `json:"r"`
		Alpha   float64  `json:"lora_alpha"`
		Dropout float64  `json:"lora_dropout"`
		Bias    string   `json:"bias"`
		Targets []string `json:"target_modules"`
		FanIn   bool     `json:"fan_in_fan_out"`
		Only    bool     `json:"inference_mode"`
	}{"LORA", "CAUSAL_LM", nil, l.Rank, l.Factor() * float64(l.Rank), 0, "none", targets(h), false, true})
	return map[string][]byte{AdapterConfigFile: text}, err
}

// targets are the last names of the layers that have adapters.
func targets(h *checkpoint.Header) (names []string) {
	seen := map[string]bool{}
	for _, p := range h.Model.AdapterParameters(h.Adapter.LoRA) {
		module, _, _ := strings.Cut(p.Name, ".lora.")
		name := module[strings.LastIndex(module, ".")+1:]
		if !seen[name] {
			names, seen[name] = append(names, name), true
		}
	}
	return names
}

// WriteAdapters writes a checkpoint's adapters under PEFT's names.
func WriteAdapters(w io.Writer, r *checkpoint.Reader, d DType) error {
	rename := strings.NewReplacer(".lora.A.", ".lora_A.", ".lora.B.", ".lora_B.")
	return writeGroup(w, r, checkpoint.GroupAdapter, d, map[string]string{}, func(name string) string {
		return "base_model.model." + rename.Replace(name)
	})
}
