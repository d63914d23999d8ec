package train

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// The system says the same of a run's memory as the ledger: on a software adapter, buffers are the process's own.
func TestTheSystemCountsLikeTheLedger(t *testing.T) {
	dev := hosttest.Device(t)
	if !dev.Info.CPU {
		return // there is nothing of a GPU's memory to be seen here
	}
	c, m := testConfig(), smaller(t, "minimind2-small")
	measure := func(rows int) (resident, counted int64) {
		t.Helper()
		c.BatchSize = rows
		before := residentBytes(t)
		_, was, _ := dev.Ledger()
		r, err := Rehearse(dev, m, nil, c, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Release)
		if err := dev.Wait(); err != nil {
			t.Fatal(err)
		}
		_, is, _ := dev.Ledger()
		return residentBytes(t) - before, is - was
	}
	measure(1) // compiles the kernels; it stays, since memory that it gave back would be taken first
	resident, counted := measure(2700)
	if off := float64(resident)/float64(counted) - 1; counted < 250<<20 || math.Abs(off) > 0.05 {
		t.Errorf("the system counts %d bytes and the ledger %d: %.1f %% off", resident, counted, 100*off)
	}
}

// residentBytes is the memory that this process really has.
func residentBytes(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
