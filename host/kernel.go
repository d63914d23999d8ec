package host

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Kernel is a compute shader: one WGSL file, or one for each kind of adapter, with one binding interface.
// The generator of package shaders writes these.
type Kernel struct {
	Name     string
	Variants []Variant // the first is the default
	Bindings []Binding // storage buffers, in order, at @binding(1), (2), ...; @binding(0) holds the parameters
	// Overrides are the names of the WGSL `override` lines: values that each call sets (a head size).
	Overrides []string
}

// Variant is one WGSL source of a kernel.
type Variant struct {
	Name      string // "" for any adapter, "gpu", "cpu"
	Source    string
	Constants map[string]uint32 // its top-level `const NAME: u32 = n;` lines: what tuning may change
}

// Binding is a storage buffer of a kernel.
type Binding struct {
	Name  string
	Write bool // read_write; else read
}

// Choice is the variant of a kernel that a device uses, and its constants (tile sizes).
type Choice struct {
	Variant   string            `json:"variant" yaml:"variant"`
	Constants map[string]uint32 `json:"constants,omitempty" yaml:"constants,omitempty"`
}

// String writes a choice so that ParseChoice reads it: "gpu TM=64 TN=64".
func (c Choice) String() string {
	parts := []string{c.Variant}
	for _, n := range slices.Sorted(maps.Keys(c.Constants)) {
		parts = append(parts, fmt.Sprintf("%s=%d", n, c.Constants[n]))
	}
	return strings.Join(parts, " ")
}

// ParseChoice reads what String wrote.
func ParseChoice(s string) (Choice, error) {
	variant, rest, _ := strings.Cut(s, " ")
	c := Choice{Variant: variant, Constants: map[string]uint32{}}
	for _, f := range strings.Fields(rest) {
		name, value, ok := strings.Cut(f, "=")
		var n uint32
		if _, err := fmt.Sscanf(value, "%d", &n); !ok || err != nil {
			return c, fmt.Errorf("kernel choice %q: %q is not NAME=NUMBER", s, f)
		}
		c.Constants[name] = n
	}
	return c, nil
}

// Call is a kernel with its arguments, not yet bound to a device.
type Call struct {
	Kernel    *Kernel
	Params    []uint32  // the words of the kernel's Params
	Overrides []uint32  // in the order of Kernel.Overrides
	Buffers   []*Buffer // in the order of Kernel.Bindings
	// Grid gives the number of workgroups, from the chosen variant and its constants. A grid in x alone may
	// exceed the limit of a dimension: it is folded into y, and the kernel takes its place from both.
	Grid func(variant string, constants map[string]uint32) [3]uint32
}

// Choose sets the variant and constants of a kernel for calls bound from now on.
func (d *Device) Choose(kernel string, c Choice) { d.choices[kernel] = c }

// Choice returns the variant and all constants that calls of this kernel get.
func (d *Device) Choice(k *Kernel) Choice {
	chosen, ok := d.choices[k.Name]
	v := k.variant(chosen.Variant)
	if !ok || v == nil {
		kind := "gpu"
		if d.Info.CPU {
			kind = "cpu"
		}
		if v = k.variant(kind); v == nil {
			v = &k.Variants[0]
		}
		chosen = Choice{}
	}
	all := maps.Clone(v.Constants)
	maps.Copy(all, chosen.Constants)
	return Choice{Variant: v.Name, Constants: all}
}

func (k *Kernel) variant(name string) *Variant {
	for i := range k.Variants {
		if k.Variants[i].Name == name {
			return &k.Variants[i]
		}
	}
	return nil
}

var constantLine = regexp.MustCompile(`(?m)^(?:const|override) (\w+): u32 = (\d+)u?;`)

// specialize sets the constants and overrides in the text. No binding passes pipeline constants, so the loader
// edits their lines.
func specialize(source string, values map[string]uint32) string {
	return constantLine.ReplaceAllStringFunc(source, func(line string) string {
		m := constantLine.FindStringSubmatch(line)
		if v, ok := values[m[1]]; ok {
			return fmt.Sprintf("const %s: u32 = %du;", m[1], v)
		}
		return line
	})
}

// pipelineFor compiles the call's kernel as this device has chosen it, once.
func (d *Device) pipelineFor(c *Call) (pipeline, Choice, error) {
	choice := d.Choice(c.Kernel)
	key := c.Kernel.Name + " " + choice.String() + fmt.Sprint(c.Overrides)
	if p, ok := d.pipelines[key]; ok {
		return p, choice, nil
	}
	values := maps.Clone(choice.Constants)
	for i, n := range c.Kernel.Overrides {
		if values == nil {
			values = map[string]uint32{}
		}
		values[n] = c.Overrides[i]
	}
	p, err := d.backend.compile(c.Kernel, specialize(c.Kernel.variant(choice.Variant).Source, values))
	if err != nil {
		return p, choice, fmt.Errorf("kernel %s: %w", key, err)
	}
	d.pipelines[key] = p
	return p, choice, nil
}
