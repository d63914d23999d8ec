// Generate reads the WGSL files of the folder it is run in and writes kernels_gen.go: a Go struct for each kernel,
// whose fields are the kernel's parameters, overrides and buffers. It understands one strict form of WGSL and refuses
// any other, so that the WGSL file is the only place where a kernel's interface is written:
//
//	// name: what it computes
//	// ... more of the comment, which becomes the Go documentation ...
//	// grid: N            or two or three expressions, separated by commas; names are the parameters, overrides
//	//                    and constants; ceil(a/b) rounds up
//	override D: u32 = 64;     // set by each call
//	const TILE: u32 = 16;     // set by tuning
//	struct Params { N: u32, eps: f32 }
//	@group(0) @binding(0) var<uniform> params: Params;
//	@group(0) @binding(1) var<storage, read> x: array<f32>; // (N, C)
//	@compute @workgroup_size(...)
//	fn main(...)
//
// A binding that is only read and whose comment begins with "optional" may be left nil; the kernel then sees its first
// buffer there, and must not read it.
//
// name.cpu.wgsl and name.gpu.wgsl are variants of one kernel; their interfaces must be equal.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

type field struct{ Name, Type, Comment string }

type kernel struct {
	Name, Doc string
	Grid      string // of the first variant
	Params    []field
	Overrides []string
	Buffers   []field // Type is "read" or "read_write"
	Variants  []variant
}

type variant struct {
	Name, File, Grid string
	Constants        []field // Type holds the value
}

var (
	paramsForm   = regexp.MustCompile(`(?m)^struct Params \{([^}]*)\}$`)
	uniformForm  = regexp.MustCompile(`(?m)^@group\(0\) @binding\(0\) var<uniform> params: Params;$`)
	bindingForm  = regexp.MustCompile(`(?m)^@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+): array<[\w<>]+>;[ \t]*(?://[ \t]*(.*))?$`)
	anyBinding   = regexp.MustCompile(`@binding`)
	constantForm = regexp.MustCompile(`(?m)^(const|override) (\w+): u32 = (\d+)u?;`)
	mainForm     = regexp.MustCompile(`(?m)^@compute @workgroup_size\([^)]*\)\nfn main\(`)
	ceilForm     = regexp.MustCompile(`ceil\(`)
	identifier   = regexp.MustCompile(`[A-Za-z_]\w*`)
)

// goName turns dq_part into DqPart.
func goName(s string) string {
	var b strings.Builder
	for _, part := range strings.Split(s, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func parse(file, text string) (kernel, error) {
	parts := strings.Split(strings.TrimSuffix(filepath.Base(file), ".wgsl"), ".")
	k := kernel{Name: parts[0]}
	v := variant{File: filepath.Base(file)}
	if len(parts) > 1 {
		v.Name = parts[1]
	}
	head, _, _ := strings.Cut(text, "\n\n")
	for _, line := range strings.Split(text, "\n") {
		line, ok := strings.CutPrefix(line, "//")
		if !ok {
			break
		}
		line = strings.TrimPrefix(line, " ")
		if grid, ok := strings.CutPrefix(line, "grid: "); ok {
			v.Grid = strings.TrimSpace(grid)
			continue
		}
		k.Doc += line + "\n"
	}
	if !strings.HasPrefix(k.Doc, k.Name+": ") {
		return k, fmt.Errorf("%s: the first line must begin with %q, not %q", file, "// "+k.Name+": ", head)
	}
	if v.Grid == "" {
		return k, fmt.Errorf("%s: no `// grid: ...` line in the opening comment", file)
	}
	m := paramsForm.FindStringSubmatch(text)
	if m == nil || !uniformForm.MatchString(text) || !mainForm.MatchString(text) {
		return k, fmt.Errorf("%s: needs `struct Params { ... }` on one line, `@group(0) @binding(0) var<uniform> params: Params;` and `@compute @workgroup_size(...)` before `fn main(`", file)
	}
	for _, f := range strings.Split(m[1], ",") {
		name, kind, ok := strings.Cut(strings.TrimSpace(f), ": ")
		goType := map[string]string{"u32": "uint32", "f32": "float32"}[kind]
		if !ok || goType == "" {
			return k, fmt.Errorf("%s: Params field %q must be `name: u32` or `name: f32`", file, f)
		}
		k.Params = append(k.Params, field{Name: name, Type: goType})
	}
	for _, m := range constantForm.FindAllStringSubmatch(text, -1) {
		if m[1] == "override" {
			k.Overrides = append(k.Overrides, m[2])
		} else {
			v.Constants = append(v.Constants, field{Name: m[2], Type: m[3]})
		}
	}
	bindings := bindingForm.FindAllStringSubmatch(text, -1)
	if len(bindings)+1 != len(anyBinding.FindAllString(text, -1)) {
		return k, fmt.Errorf("%s: a binding is not of the form `@group(0) @binding(n) var<storage, read> name: array<type>; // (shape)`", file)
	}
	for i, m := range bindings {
		if m[1] != fmt.Sprint(i+1) {
			return k, fmt.Errorf("%s: binding %s must be number %d", file, m[3], i+1)
		}
		if strings.HasPrefix(m[4], "optional") && (m[2] != "read" || bindings[0][2] != "read") {
			return k, fmt.Errorf("%s: binding %s is optional: it and the first binding must be only read", file, m[3])
		}
		k.Buffers = append(k.Buffers, field{Name: m[3], Type: m[2], Comment: m[4]})
	}
	k.Variants = []variant{v}
	return k, nil
}

// goGrid turns a grid line into Go: parameters and overrides become fields of k, constants look-ups in c.
func goGrid(k kernel, v variant) (string, error) {
	var failed error
	axes := strings.Split(v.Grid, ",")
	for i, axis := range axes {
		axis = ceilForm.ReplaceAllString(strings.TrimSpace(axis), "ceil(")
		axes[i] = identifier.ReplaceAllStringFunc(axis, func(name string) string {
			switch {
			case name == "ceil":
				return name
			case slices.ContainsFunc(v.Constants, func(f field) bool { return f.Name == name }):
				return fmt.Sprintf("c[%q]", name)
			case slices.Contains(k.Overrides, name), slices.ContainsFunc(k.Params, func(f field) bool { return f.Name == name }):
				return "k." + goName(name)
			}
			failed = fmt.Errorf("%s: the grid names %q, which is no parameter, override or constant", v.File, name)
			return name
		})
		axes[i] = strings.ReplaceAll(axes[i], "/", ",") // ceil(a/b) becomes ceil(a, b)
	}
	for len(axes) < 3 {
		axes = append(axes, "1")
	}
	return "[3]uint32{" + strings.Join(axes, ", ") + "}", failed
}

func write(out *bytes.Buffer, k kernel) error {
	typeName := goName(k.Name)
	variable := strings.ToLower(typeName[:1]) + typeName[1:] + "Kernel"
	fmt.Fprintf(out, "var %s = host.Kernel{\nName: %q,\nVariants: []host.Variant{\n", variable, k.Name)
	for _, v := range k.Variants {
		constants := ""
		for _, c := range v.Constants {
			constants += fmt.Sprintf("%q: %s, ", c.Name, c.Type)
		}
		fmt.Fprintf(out, "{Name: %q, Source: source(%q), Constants: map[string]uint32{%s}},\n", v.Name, v.File, constants)
	}
	fmt.Fprintf(out, "},\nBindings: []host.Binding{")
	for _, b := range k.Buffers {
		fmt.Fprintf(out, "{Name: %q, Write: %t}, ", b.Name, b.Type == "read_write")
	}
	fmt.Fprintf(out, "},\nOverrides: %#v,\n}\n\n", k.Overrides)

	fmt.Fprintf(out, "// %s %s", typeName, strings.ReplaceAll(strings.TrimSpace(strings.TrimPrefix(k.Doc, k.Name+": ")), "\n", "\n// "))
	fmt.Fprintf(out, "\ntype %s struct {\n", typeName)
	var params, overrides, buffers []string
	for _, p := range k.Params {
		fmt.Fprintf(out, "%s %s\n", goName(p.Name), p.Type)
		word := "k." + goName(p.Name)
		if p.Type == "float32" {
			word = "math.Float32bits(" + word + ")"
		}
		params = append(params, word)
	}
	for _, o := range k.Overrides {
		fmt.Fprintf(out, "%s uint32 // compiled into the kernel\n", goName(o))
		overrides = append(overrides, "k."+goName(o))
	}
	for _, b := range k.Buffers {
		fmt.Fprintf(out, "%s *host.Buffer // %s %s\n", goName(b.Name), b.Type, b.Comment)
		buffer := "k." + goName(b.Name)
		if strings.HasPrefix(b.Comment, "optional") {
			buffer = fmt.Sprintf("cmp.Or(%s, k.%s)", buffer, goName(k.Buffers[0].Name))
		}
		buffers = append(buffers, buffer)
	}
	fmt.Fprintf(out, "}\n\n// Call is the kernel with its arguments.\nfunc (k %s) Call() host.Call {\nreturn host.Call{Kernel: &%s,\nParams: []uint32{%s},\nOverrides: []uint32{%s},\nBuffers: []*host.Buffer{%s},\n",
		typeName, variable, strings.Join(params, ", "), strings.Join(overrides, ", "), strings.Join(buffers, ", "))
	fmt.Fprintf(out, "Grid: func(variant string, c map[string]uint32) [3]uint32 {\n")
	for i, v := range k.Variants {
		grid, err := goGrid(k, v)
		if err != nil {
			return err
		}
		if i+1 < len(k.Variants) {
			fmt.Fprintf(out, "if variant == %q { return %s }\n", v.Name, grid)
		} else {
			fmt.Fprintf(out, "return %s\n", grid)
		}
	}
	fmt.Fprintf(out, "}}\n}\n\n")
	return nil
}

func run() error {
	files, err := filepath.Glob("*.wgsl")
	if err != nil {
		return err
	}
	var kernels []kernel
	for _, f := range files { // sorted by Glob: the variants of a kernel stand together
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		k, err := parse(f, string(text))
		if err != nil {
			return err
		}
		if n := len(kernels); n > 0 && kernels[n-1].Name == k.Name {
			last := &kernels[n-1]
			if !reflect.DeepEqual(last.Params, k.Params) || !reflect.DeepEqual(last.Overrides, k.Overrides) || !reflect.DeepEqual(last.Buffers, k.Buffers) {
				return fmt.Errorf("%s: parameters, overrides and bindings differ from %s", f, last.Variants[0].File)
			}
			last.Variants = append(last.Variants, k.Variants...)
			continue
		}
		kernels = append(kernels, k)
	}
	var out bytes.Buffer
	out.WriteString("// Code generated by shaders/generate from the WGSL files. DO NOT EDIT.\n\npackage shaders\n\nimport (\n\"cmp\"\n\"math\"\n\n\"github.com/minimind-gpu/minimind-gpu/host\"\n)\n\nvar _ = math.Float32bits\n\n")
	out.WriteString("// Kernels are all kernels, by name.\nvar Kernels = []*host.Kernel{")
	for _, k := range kernels {
		n := goName(k.Name)
		fmt.Fprintf(&out, "&%sKernel, ", strings.ToLower(n[:1])+n[1:])
	}
	out.WriteString("}\n\n")
	for _, k := range kernels {
		if err := write(&out, k); err != nil {
			return err
		}
	}
	text, err := format.Source(out.Bytes())
	if err != nil {
		return fmt.Errorf("the generated Go is not valid: %w", err)
	}
	return os.WriteFile("kernels_gen.go", text, 0o644)
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
