//go:build !js

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minimind-gpu/minimind-gpu/host"
)

// TestKernelsAreKept lets a run find its adapter's file missing, broken and whole.
func TestKernelsAreKept(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	device, err := host.Open(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	adapter := device.Info
	device.Close()
	run := func() (kept map[string]string, checkpoint string) {
		out := filepath.Join(t.TempDir(), "run")
		minimind(t, smallRun(out, "--max-steps", "1", "--data", littleText(t))...).want(t, 0)
		info := minimind(t, "info", out)
		return tunedKernels(adapter), info.stdout
	}
	chosen, _ := run()
	if len(chosen) == 0 {
		t.Fatal("no kernels were kept")
	}
	files, err := filepath.Glob(filepath.Join(cacheFolder(), "kernels-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, error %v", files, err)
	}
	for _, broken := range []string{"", "{", "null", `{"matmul_forward": "gpu BM=x"}`} {
		if err := os.WriteFile(files[0], []byte(broken), 0o666); err != nil {
			t.Fatal(err)
		}
		if kept := tunedKernels(adapter); kept != nil {
			t.Errorf("of %q: kernels %v", broken, kept)
		}
	}
	if again, _ := run(); !cmp.Equal(again, chosen) {
		t.Errorf("after a broken file: kernels %v, want %v", again, chosen)
	}
	// A choice that nothing would tune is used as it is.
	for name := range chosen {
		chosen[name] = "gpu BK=16 BM=32 BN=32 TM=4 TN=4"
	}
	(&program{create: createFile, stderr: os.Stderr}).keepKernels(adapter, chosen)
	again, said := run()
	if !cmp.Equal(again, chosen) || !strings.Contains(said, "gpu BK=16 BM=32 BN=32 TM=4 TN=4") {
		t.Errorf("kernels %v, want %v; the checkpoint says\n%s", again, chosen, said)
	}
}
