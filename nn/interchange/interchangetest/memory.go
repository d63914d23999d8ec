package interchangetest

import (
	"runtime"
	"testing"
)

// Bounded runs read, which is given a hostile file of size bytes, and fails if it allocates much more than the file.
func Bounded(t testing.TB, size int, read func() error) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := read()
	runtime.ReadMemStats(&after)
	if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(256<<10+4*size); used > limit {
		t.Errorf("a file of %d bytes makes its reader allocate %d (%v)", size, used, err)
	}
	return err
}
