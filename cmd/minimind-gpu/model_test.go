//go:build !js

package main

import (
	"strings"
	"testing"
)

// TestModelFlags holds the rules for what a flag leaves open against published models.
func TestModelFlags(t *testing.T) {
	number := func(n int) *int { return &n }
	for _, c := range []struct {
		preset string
		flags  modelFlags
		want   int64
	}{
		{"minimind2-small", modelFlags{}, 25_829_888},
		{"minimind2", modelFlags{HiddenSize: number(512), NumHiddenLayers: number(8)}, 25_829_888},
		{"minimind2-small", modelFlags{HiddenSize: number(768), NumHiddenLayers: number(16)}, 104_030_976},
		{"minimind3", modelFlags{HiddenSize: number(512)}, 30_025_216},
	} {
		m, err := c.flags.model(c.preset, 6400)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.NumParameters(); got != c.want {
			t.Errorf("%s with hidden size %d: %d parameters, want %d", c.preset, m.HiddenSize, got, c.want)
		}
	}
	flags := modelFlags{NumKeyValueHeads: number(3), HeadDim: number(6)}
	_, err := flags.model("tiny", 512)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "num_key_value_heads is 3") || !strings.Contains(err.Error(), "head_dim is 6") {
		t.Errorf("error %v", err)
	}
}
