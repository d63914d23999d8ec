package shaders

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func TestRope(t *testing.T) {
	const N, H, T = 5, 3, 11
	for _, D := range []int{4, 36} {
		r := rand.New(rand.NewPCG(8, uint64(D)))
		position := []uint32{10, 0, 3, 3, 7}
		x, cos, sin := make([]float32, N*H*D), make([]float32, T*D/2), make([]float32, T*D/2)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		for i := range cos {
			s, c := math.Sincos(2 * math.Pi * r.Float64())
			cos[i], sin[i] = float32(c), float32(s)
		}
		rotated := make([]float64, len(x))
		for i := range rotated {
			j, low := i%D%(D/2), i-i%D+i%D%(D/2)
			at := int(position[i/(H*D)])*D/2 + j
			c, s, a, b := float64(cos[at]), float64(sin[at]), float64(x[low]), float64(x[low+D/2])
			if i == low {
				rotated[i] = a*c - b*s
			} else {
				rotated[i] = b*c + a*s
			}
		}
		buffer := hosttest.Upload(t, "x", x)
		call := func(sign float32) host.Call {
			return Rope{N: N, H: H, T: T, Sign: sign, D: uint32(D), Position: hosttest.Upload(t, "position", position),
				Cos: hosttest.Upload(t, "cos", cos), Sin: hosttest.Upload(t, "sin", sin), X: buffer}.Call()
		}
		hosttest.Run(t, call(1))
		// Two products and a sum, each rounded to 2^-24.
		if d := distance(hosttest.Floats(t, buffer), rotated); !(d < 1e-7) {
			t.Errorf("D = %d: the rotation is %.3g off", D, d)
		}
		hosttest.Run(t, call(-1))
		back := make([]float64, len(x))
		for i := range back {
			back[i] = float64(x[i])
		}
		if d := distance(hosttest.Floats(t, buffer), back); !(d < 2e-7) {
			t.Errorf("D = %d: back again, it is %.3g off", D, d)
		}
	}
}
