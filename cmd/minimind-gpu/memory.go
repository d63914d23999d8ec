//go:build !js

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/plan"
)

// adapterMemory is what is known of an adapter's memory. WebGPU does not tell it.
type adapterMemory struct {
	bytes  int64  // 0: nothing is known
	from   string // where it is known from
	shared bool   // it is the machine's: other programs live in it, too, and to leave it empty wastes nothing
}

// String is what is known, for people.
func (m adapterMemory) String() string {
	if m.bytes == 0 {
		return "not known (--memory 12GB would say it)"
	}
	return fmt.Sprintf("%s (%s)", host.Bytes(m.bytes), m.from)
}

// memoryOf is an adapter's memory: what --memory says, if it is given, or what the machine tells.
func (p *program) memoryOf(adapter host.Info, given string) (adapterMemory, error) {
	if given == "" {
		return p.machine.memoryOf(adapter), nil
	}
	bytes, err := plan.ParseBytes(given)
	if err != nil {
		return adapterMemory{}, fmt.Errorf("--memory: %w", err)
	}
	return adapterMemory{bytes: bytes, from: "--memory"}, nil
}

// machine is what can be asked about memory.
type machine struct {
	system string                                      // as runtime.GOOS says it
	files  fs.FS                                       // from the root
	run    func(program string, args ...string) string // its output; empty if it is not there or fails
}

func thisMachine() machine {
	return machine{runtime.GOOS, os.DirFS("/"), func(program string, args ...string) string {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		text, err := exec.CommandContext(ctx, program, args...).Output()
		if err != nil {
			return ""
		}
		return string(text)
	}}
}

// The makers of GPUs, as the PCI bus numbers them.
const nvidia = 0x10de

// memoryOf asks, from what is surest to what is not: the machine about its own memory, if that is the adapter's; the
// GPU's driver; the list of what makers publish.
func (m machine) memoryOf(adapter host.Info) adapterMemory {
	if adapter.CPU {
		if free := meminfo(m.read("proc/meminfo"), "MemAvailable"); free > 0 {
			return adapterMemory{free, "available to the software adapter now", true}
		}
	}
	if adapter.CPU || adapter.Kind == "integrated GPU" {
		return m.sharedMemory()
	}
	if adapter.VendorID == nvidia {
		text := m.run("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
		if bytes := nvidiaMemory(text, adapter.Name); bytes > 0 {
			return adapterMemory{bytes: bytes, from: "nvidia-smi"}
		}
	}
	if bytes, file := m.driverMemory(adapter); bytes > 0 {
		return adapterMemory{bytes: bytes, from: file}
	}
	for _, known := range memories {
		if strings.Contains(adapter.Name, known.name) {
			return adapterMemory{bytes: known.gib << 30, from: "published for this GPU"}
		}
	}
	return adapterMemory{}
}

// sharedMemory is what of the machine's memory an adapter without its own is given by the system: on a Mac about two
// thirds, elsewhere about a half.
func (m machine) sharedMemory() adapterMemory {
	if m.system == "darwin" {
		bytes, _ := strconv.ParseInt(strings.TrimSpace(m.run("sysctl", "-n", "hw.memsize")), 10, 64)
		return adapterMemory{bytes / 3 * 2, "two thirds of this Mac's memory", true}
	}
	return adapterMemory{meminfo(m.read("proc/meminfo"), "MemTotal") / 2, "half of this machine's memory", true}
}

// read is a file's content, empty if it cannot be read.
func (m machine) read(name string) string {
	text, _ := fs.ReadFile(m.files, name)
	return string(text)
}

// meminfo is a line of /proc/meminfo in bytes, 0 if it is not there.
func meminfo(text, name string) int64 {
	for line := range strings.Lines(text) {
		var kib int64
		if _, err := fmt.Sscanf(line, name+": %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// nvidiaMemory reads lines of "name, 24564 MiB" of the GPUs in this machine. The adapter's name, to which some drivers
// add, holds the GPU's; of several the longest name is it, and of several such the smallest memory.
func nvidiaMemory(text, adapter string) (bytes int64) {
	longest := 0
	for line := range strings.Lines(text) {
		name, size, _ := strings.Cut(strings.TrimSpace(line), ", ")
		mib, err := strconv.ParseInt(strings.TrimSuffix(size, " MiB"), 10, 64)
		if err != nil || name == "" || !strings.Contains(adapter, name) {
			continue // on GPUs that share the machine's memory the size is [N/A]
		}
		if n := len(name); n > longest || n == longest && mib<<20 < bytes {
			longest, bytes = n, mib<<20
		}
	}
	return bytes
}

// vramFiles hold a GPU's memory in bytes, in the folder of its card: as Linux' drivers amdgpu, xe and i915 name them.
var vramFiles = []string{"device/mem_info_vram_total", "device/tile0/physical_vram_size_bytes", "device/lmem_total_bytes", "lmem_total_bytes"}

// driverMemory is what Linux' drivers tell in files about the adapter, and the file.
func (m machine) driverMemory(adapter host.Info) (bytes int64, file string) {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(strings.TrimSpace(m.read(name)), 0, 64)
		return n
	}
	cards, _ := fs.Glob(m.files, "sys/class/drm/card[0-9]*")
	for _, card := range cards {
		if adapter.VendorID == 0 || number(card+"/device/vendor") != int64(adapter.VendorID) || number(card+"/device/device") != int64(adapter.DeviceID) {
			continue
		}
		for _, name := range vramFiles {
			if n := number(card + "/" + name); n > 0 {
				return n, "/" + card + "/" + name
			}
		}
	}
	return 0, ""
}

// memories are what makers publish for GPUs, in GiB. The first whose name is part of the adapter's holds, so longer names
// come first. Those that exist with several sizes are left out.
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
