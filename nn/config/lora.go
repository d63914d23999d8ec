package config

import (
	"fmt"
	"slices"
	"strings"
)

// linears are the layers that can have adapters, in state-dict order.
var linears = []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

// DefaultLoRA is what MiniMind trains: adapters on the square linear layers, which are q_proj and o_proj, of rank 8 in its
// first generation and 16 in the second.
func (m Model) DefaultLoRA() LoRA {
	l := LoRA{Rank: 8, Targets: "q_proj,o_proj"}
	if m.QKNorm {
		l.Rank = 16
	}
	return l
}

// Factor is what the product B A counts.
func (l LoRA) Factor() float64 {
	if l.Alpha == 0 {
		return 1
	}
	return l.Alpha / float64(l.Rank)
}

// Validate says what is wrong with adapters for a model.
func (l LoRA) Validate(m Model) error {
	v := &validator{}
	v.within("the adapters' rank", l.Rank, 4, 1024, "")
	v.multipleOf4("the adapters' rank", l.Rank)
	if l.Alpha != 0 {
		v.positive("the adapters' alpha", l.Alpha, "the rank is usual")
	}
	for _, target := range l.targets() {
		switch {
		case !slices.Contains(linears, target):
			v.wrong("there is no linear layer %q to adapt: choose from %s", target, strings.Join(linears, ", "))
		case m.MoE != nil && !slices.Contains(linears[:4], target):
			v.wrong("%s belongs to the experts, which cannot be adapted: choose from %s", target, strings.Join(linears[:4], ", "))
		}
	}
	if len(v.errs) > 0 {
		return fmt.Errorf("%s", joined(v.errs))
	}
	return nil
}

func (l LoRA) targets() []string {
	names := strings.Split(l.Targets, ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	return names
}

// AdapterParameters lists the trainable tensors of a model's adapters, for each adapted layer A and B, in the order of the
// layers. Names are MiniMind's.
func (m Model) AdapterParameters(l LoRA) []Parameter {
	var list []Parameter
	targets := l.targets()
	for _, p := range m.Parameters() {
		module := strings.TrimSuffix(p.Name, ".weight")
		if len(p.Shape) == 2 && slices.Contains(targets, module[strings.LastIndex(module, ".")+1:]) {
			list = append(list, Parameter{AdapterA(module), []int{l.Rank, p.Shape[1]}}, Parameter{AdapterB(module), []int{p.Shape[0], l.Rank}})
		}
	}
	return list
}

// AdapterA and AdapterB name the adapters of a linear layer, such as model.layers.0.self_attn.q_proj.
func AdapterA(module string) string { return module + ".lora.A.weight" }
func AdapterB(module string) string { return module + ".lora.B.weight" }

func joined(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}
