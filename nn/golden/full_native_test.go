//go:build !js

package golden

import "testing"

// The full-size case takes minutes as WebAssembly on a software adapter.
func TestGoldenFullSize(t *testing.T) { verify(t, "train-26m") }
