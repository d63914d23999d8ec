//go:build !js

package main

import (
	"testing"
	"testing/fstest"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// What each kind of machine tells of its adapters' memory.
func TestMemoryOfAdapters(t *testing.T) {
	const gib = 1 << 30
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"proc/meminfo":                                              "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n",
		"sys/class/drm/card0/device/vendor":                         "0x1002\n",
		"sys/class/drm/card0/device/device":                         "0x164e\n",
		"sys/class/drm/card0/device/mem_info_vram_total":            "536870912\n", // of an integrated GPU: what the firmware set aside
		"sys/class/drm/card1/device/vendor":                         "0x1002\n",
		"sys/class/drm/card1/device/device":                         "0x744c\n",
		"sys/class/drm/card1/device/mem_info_vram_total":            "25753026560\n",
		"sys/class/drm/card1-DP-1/status":                           "connected\n",
		"sys/class/drm/card2/device/vendor":                         "0x8086\n",
		"sys/class/drm/card2/device/device":                         "0xe20b\n",
		"sys/class/drm/card2/device/tile0/physical_vram_size_bytes": "0x2fa000000\n",
		"sys/class/drm/card3/device/vendor":                         "0x8086\n",
		"sys/class/drm/card3/device/device":                         "0x56a0\n",
		"sys/class/drm/card3/lmem_total_bytes":                      "17179869184\n",
		"sys/class/drm/card4/device/vendor":                         "0x1a03\n", // a server's display, without any of these files
		"sys/class/drm/card4/device/device":                         "0x2000\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	const smi = "NVIDIA GeForce RTX 4070, 12282 MiB\nNVIDIA GeForce RTX 4070 Ti SUPER, 16376 MiB\nNVIDIA GeForce RTX 4070 Ti SUPER, 15000 MiB\n"
	says := func(text string) func(string, ...string) string {
		return func(string, ...string) string { return text }
	}
	linux := machine{"linux", files, says("")}
	withNVIDIA, bare, mac := machine{"linux", files, says(smi)}, machine{"windows", fstest.MapFS{}, says("")}, machine{"darwin", fstest.MapFS{}, says("25769803776\n")}
	discrete := func(name string, vendor, device uint32) host.Info {
		return host.Info{Name: name, Kind: "discrete GPU", VendorID: vendor, DeviceID: device}
	}
	software, integrated := host.Info{Name: "llvmpipe", Kind: "software adapter", CPU: true}, host.Info{Name: "Radeon Graphics", Kind: "integrated GPU", VendorID: 0x1002, DeviceID: 0x164e}
	for name, c := range map[string]struct {
		machine machine
		adapter host.Info
		want    adapterMemory
	}{
		"software adapter":          {linux, software, adapterMemory{8 * gib, "available to the software adapter now", true}},
		"software adapter on a Mac": {mac, software, adapterMemory{16 * gib, "two thirds of this Mac's memory", true}},
		"integrated GPU":            {linux, integrated, adapterMemory{8 * gib, "half of this machine's memory", true}},
		"Apple's":                   {mac, host.Info{Name: "Apple M3 Pro", Kind: "integrated GPU"}, adapterMemory{16 * gib, "two thirds of this Mac's memory", true}},
		"integrated, nothing told":  {bare, integrated, adapterMemory{}},
		"AMD":                       {linux, discrete("AMD Radeon RX 7900 XTX (RADV NAVI31)", 0x1002, 0x744c), adapterMemory{25753026560, "/sys/class/drm/card1/device/mem_info_vram_total", false}},
		"Intel, xe":                 {linux, discrete("Intel(R) Arc(tm) B580 Graphics (BMG G21)", 0x8086, 0xe20b), adapterMemory{0x2fa000000, "/sys/class/drm/card2/device/tile0/physical_vram_size_bytes", false}},
		"Intel, i915":               {linux, discrete("Intel(R) Arc(tm) A770 Graphics (DG2)", 0x8086, 0x56a0), adapterMemory{16 * gib, "/sys/class/drm/card3/lmem_total_bytes", false}},
		"NVIDIA":                    {withNVIDIA, discrete("NVIDIA GeForce RTX 4070", nvidia, 0x2786), adapterMemory{12282 << 20, "nvidia-smi", false}},
		"NVIDIA, two of them":       {withNVIDIA, discrete("NVIDIA GeForce RTX 4070 Ti SUPER/PCIe/SSE2", nvidia, 0x2705), adapterMemory{15000 << 20, "nvidia-smi", false}},
		"NVIDIA without nvidia-smi": {bare, discrete("NVIDIA GeForce RTX 3090", nvidia, 0x2204), adapterMemory{24 * gib, "published for this GPU", false}},
		"NVIDIA that says N/A":      {machine{"linux", files, says("NVIDIA GB10, [N/A]\n")}, discrete("NVIDIA GB10", nvidia, 0x2e12), adapterMemory{}},
		"nobody knows it":           {linux, discrete("a new GPU", 0x1002, 1), adapterMemory{}},
		"no numbers, as in OpenGL":  {linux, discrete("a new GPU", 0, 0), adapterMemory{}},
	} {
		if got := c.machine.memoryOf(c.adapter); got.bytes != c.want.bytes || got.bytes > 0 && got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if got := thisMachine().run("no-such-program-here"); got != "" {
		t.Errorf("a program that is not there said %q", got)
	}
}
