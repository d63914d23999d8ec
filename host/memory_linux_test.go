package host_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// The memory of a GPU ends by itself; that of a software adapter is the machine's, so the test takes it away.
func TestOutOfMemory(t *testing.T) {
	d := hosttest.Open(t)
	if d.Info.CPU {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil {
			t.Fatal(err)
		}
		less := limit
		less.Cur = uint64(memory(t, 0) + 512<<20)
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &less); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setrlimit(syscall.RLIMIT_AS, &limit)
	}
	const block = 64 << 20
	n := 0
	for ; d.Err() == nil && n < 1<<16; n++ {
		d.Allocate("activations", "block", block)
	}
	err := d.Wait()
	if err == nil {
		t.Fatalf("%d blocks of 64 MiB and no error", n)
	}
	for _, part := range []string{"no memory for block (64.0 MiB of activations), after ", " in use"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	t.Log(err)
}

// What is written waits in the machine's memory for the next submission, and a checkpoint is written without any.
func TestWritesDoNotPileUp(t *testing.T) {
	d := hosttest.Open(t)
	data := make([]byte, 16<<20)
	b := d.Allocate("test", "x", int64(len(data)))
	d.Write(b, 0, data)
	before := memory(t, 1)
	for range 24 {
		d.Write(b, 0, data)
	}
	if err := d.Wait(); err != nil {
		t.Fatal(err)
	}
	if more := memory(t, 1) - before; more > 192<<20 {
		t.Errorf("after 384 MiB of writes the process is %d MiB larger", more>>20)
	}
}

// memory is a number of pages of this process, in bytes: 0 is its address space, 1 what of it is in memory.
func memory(t *testing.T, field int) int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, c := range strings.Fields(string(text))[field] {
		pages = 10*pages + int(c-'0')
	}
	return pages * os.Getpagesize()
}
