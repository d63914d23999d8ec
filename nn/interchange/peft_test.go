package interchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
)

// TestAdapters writes adapters for PEFT: its names, the same values, and the factor that they count.
func TestAdapters(t *testing.T) {
	c := interchangetest.Models()["qwen3"]
	for _, l := range []config.LoRA{c.DefaultLoRA(), {Rank: 4, Alpha: 6, Targets: "v_proj,down_proj"}} {
		ckpt := interchangetest.Adapters(c, l)
		r := openCheckpoint(t, ckpt)
		files, err := AdapterFiles(r.Header)
		if err != nil {
			t.Fatal(err)
		}
		var peft struct {
			Type    string   `json:"peft_type"`
			Rank    int      `json:"r"`
			Alpha   float64  `json:"lora_alpha"`
			Targets []string `json:"target_modules"`
		}
		if err := json.Unmarshal(files[AdapterConfigFile], &peft); err != nil {
			t.Fatal(err)
		}
		if peft.Type != "LORA" || peft.Rank != l.Rank || peft.Alpha/float64(peft.Rank) != l.Factor() || strings.Join(peft.Targets, ",") != l.Targets {
			t.Errorf("%+v becomes %s", l, files[AdapterConfigFile])
		}
		var out bytes.Buffer
		if err := WriteAdapters(&out, r, F32); err != nil {
			t.Fatal(err)
		}
		byName, err := named(openSafetensors(t, out.Bytes()).Tensors)
		if err != nil {
			t.Fatal(err)
		}
		list := c.AdapterParameters(l)
		if len(byName) != len(list) || len(list) == 0 {
			t.Fatalf("%d tensors, want %d", len(byName), len(list))
		}
		r = openCheckpoint(t, ckpt)
		for _, p := range list {
			module, side, _ := strings.Cut(p.Name, ".lora.")
			name := "base_model.model." + module + ".lora_" + side
			got, want := make([]byte, 4*p.Elements()), make([]byte, 4*p.Elements())
			if _, err := r.Next(want); err != nil {
				t.Fatal(err)
			}
			if byName[name] == nil || fmt.Sprint(byName[name].Shape) != fmt.Sprint(p.Shape) {
				t.Fatalf("no %s, %v", name, p.Shape)
			}
			if err := byName[name].ReadFloat32(got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s has other values, %v", name, err)
			}
		}
		if err := WriteSafetensors(io.Discard, openCheckpoint(t, ckpt), F32); err == nil || !strings.Contains(err.Error(), "adapters only") {
			t.Errorf("adapters as a model: %v", err)
		}
	}
}
