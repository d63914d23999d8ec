// Package shaders holds the compute kernels, one WGSL file each, and the Go call of each, which is generated from
// the file: shaders.RmsnormForward{N: N, C: C, Eps: eps, X: x, Weight: w, Out: out}.Call() is a host.Call. Renaming a binding in
// the WGSL breaks the build where it is called.
package shaders

import "embed"

//go:generate go run ./generate

//go:embed *.wgsl
var files embed.FS

func source(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the generated list and the embedded files are of one folder
	}
	return string(text)
}

// ceil is a/b rounded up.
func ceil(a, b uint32) uint32 { return (a + b - 1) / b }
