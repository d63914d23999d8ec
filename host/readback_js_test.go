package host_test

import (
	"errors"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// A device may be lost before a copy's mapping, or after it and before anyone reads it: then JavaScript throws, or hands
// out an array without bytes.
func TestCopiesOfALostDevice(t *testing.T) {
	for name, arrived := range map[string]bool{"on its way": false, "arrived": true} {
		t.Run(name, func(t *testing.T) {
			d := hosttest.Open(t)
			x := upload(d, 1)
			r := d.Record(affine(x, 1, 1, 1))
			ring := d.NewReadback(x, 2)
			d.Replay(ring, r)
			if arrived {
				host.Await(ring.Ready())
			}
			d.Destroy()
			if ring.Next(make([]byte, 4), true) {
				t.Error("Next read what was gone")
			}
			if err := d.Err(); !errors.Is(err, host.ErrLost) {
				t.Errorf("Err: %v", err)
			}
		})
	}
}
