//go:build !js

package main

import (
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// peaks are the float32 peaks that makers publish for their GPUs' ordinary arithmetic (no tensor cores, which WebGPU
// cannot reach), in FLOP/s. The first whose name is part of the adapter's holds, so longer names come first.
var peaks = []struct {
	name  string
	flops float64
}{
	{"H200", 67e12}, {"H100 PCIe", 51e12}, {"H100", 67e12}, {"A100", 19.5e12}, {"L40S", 91.6e12}, {"L40", 90.5e12}, {"L4", 30.3e12},
	{"A10G", 31.5e12}, {"A10", 31.2e12}, {"T4", 8.1e12}, {"V100", 15.7e12},
	{"RTX 5090", 104.8e12}, {"RTX 5080", 56.3e12}, {"RTX 5070 Ti", 43.9e12}, {"RTX 5070", 30.9e12},
	{"RTX 4090", 82.6e12}, {"RTX 4080", 48.7e12}, {"RTX 4070 Ti", 40.1e12}, {"RTX 4070", 29.1e12}, {"RTX 4060 Ti", 22.1e12}, {"RTX 4060", 15.1e12},
	{"RTX 3090", 35.6e12}, {"RTX 3080", 29.8e12}, {"RTX 3070", 20.3e12}, {"RTX 3060", 12.7e12},
	{"RX 7900 XTX", 61.4e12}, {"RX 6900 XT", 23.0e12},
	{"Apple M1 Max", 10.4e12}, {"Apple M1 Pro", 5.2e12}, {"Apple M1", 2.6e12},
	{"Apple M2 Max", 13.6e12}, {"Apple M2 Pro", 6.8e12}, {"Apple M2", 3.6e12},
	{"Apple M3 Max", 14.2e12}, {"Apple M3 Pro", 6.4e12}, {"Apple M3", 3.5e12}, {"Apple M4", 4.3e12},
}

// peakFlops returns the adapter's float32 peak in FLOP/s, 0 when it is not known.
func peakFlops(adapter host.Info) float64 {
	for _, p := range peaks {
		if !adapter.CPU && strings.Contains(adapter.Name, p.name) {
			return p.flops
		}
	}
	return 0
}
