package host

import (
	"errors"
	"strings"
	"testing"
)

// A number names the adapter at that place of the list, even where it is a part of another one's name.
func TestPick(t *testing.T) {
	all := []Info{
		{Name: "llvmpipe (LLVM 15.0.6, 256 bits)", Kind: "software adapter", CPU: true},
		{Name: "GeForce RTX 4090", Kind: "discrete GPU", Backend: "vulkan"},
		{Name: "Radeon 780M", Kind: "integrated GPU"},
		{Name: "GeForce RTX 4090", Kind: "discrete GPU", Backend: "open-gl"},
	}
	for wish, want := range map[string]int{"": 1, "0": 0, "1": 1, "2": 2, "3": 3, "4090": 1, "radeon": 2, "cpu": 0, "gpu": 1, "LLVM 15": 0} {
		if got, err := pick(all, wish); err != nil || got != want {
			t.Errorf("%q picks %d, want %d (%v)", wish, got, want, err)
		}
	}
	if _, err := pick(all, "-1"); err == nil {
		t.Error("-1 picks something")
	}
	for _, wish := range []string{"", "gpu", "0"} {
		if _, err := pick(nil, wish); !errors.Is(err, ErrNoAdapter) || !strings.Contains(err.Error(), noAdapterHelp) {
			t.Errorf("of no adapter %q picks with the error %v", wish, err)
		}
	}
}
