//go:build !js

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/plan"
)

// memories are what makers publish for GPUs, in GiB, because WebGPU does not tell. The first whose name is part of the
// adapter's holds, so longer names come first. Those that exist with several sizes are left out.
var memories = []struct {
	name string
	gib  int64
}{
	{"H200", 141}, {"H100", 80}, {"L40S", 48}, {"L40", 48}, {"L4", 24}, {"A10G", 24}, {"A10", 24}, {"T4", 16},
	{"RTX 5090", 32}, {"RTX 5080", 16}, {"RTX 5070 Ti", 16}, {"RTX 5070", 12},
	{"RTX 4090", 24}, {"RTX 4080", 16}, {"RTX 4070 Ti SUPER", 16}, {"RTX 4070", 12},
	{"RTX 3090", 24}, {"RTX 3080 Ti", 12}, {"RTX 3070", 8}, {"RTX 2080 Ti", 11},
	{"RX 7900 XTX", 24}, {"RX 6900 XT", 16},
}

// adapterMemory is the adapter's memory in bytes: what --memory says, or what is known of it; 0 if nothing is. from says
// where it is known from.
func adapterMemory(given string, adapter host.Info) (bytes int64, from string, err error) {
	if given != "" {
		bytes, err = plan.ParseBytes(given)
		return bytes, "--memory", err
	}
	if adapter.CPU {
		return availableMemory(), "available to the software adapter now", nil
	}
	for _, m := range memories {
		if strings.Contains(adapter.Name, m.name) {
			return m.gib << 30, "published for this GPU", nil
		}
	}
	return 0, "", nil
}

// availableMemory is what Linux says that programs can still take; 0 elsewhere.
func availableMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if _, err := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}
