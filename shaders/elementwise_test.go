package shaders

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func TestFillAndAdd(t *testing.T) {
	const n = 1028
	a, b, out := hosttest.Zeros(t, "a", n), make([]float32, n), hosttest.Zeros(t, "out", n)
	for i := range b {
		b[i] = float32(i)
	}
	hosttest.Run(t,
		Fill{Count: n, Value: 0.5, Out: a}.Call(),
		Add{Count: n, A: a, B: hosttest.Upload(t, "b", b), Out: out}.Call())
	for i, got := range hosttest.Floats(t, out) {
		if want := float32(i) + 0.5; got != want {
			t.Fatalf("out[%d] = %v, want %v", i, got, want)
		}
	}
}
