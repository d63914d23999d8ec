package host

import (
	"fmt"
	"strconv"
	"strings"
)

// pick returns the index of the adapter that the wish names; see Options.
func pick(all []Info, wish string) (int, error) {
	if n, err := strconv.Atoi(wish); err == nil && n >= 0 && n < len(all) {
		return n, nil // even if the number is also a part of another one's name
	}
	rank := map[string]int{"discrete GPU": 0, "integrated GPU": 1, "GPU of unknown kind": 2, "software adapter": 3}
	best := -1
	for i, a := range all {
		fits := wish == "" || strings.Contains(strings.ToLower(a.Name), strings.ToLower(wish)) ||
			wish == "cpu" && a.CPU || wish == "gpu" && !a.CPU
		better := best < 0 || rank[a.Kind] < rank[all[best].Kind] ||
			rank[a.Kind] == rank[all[best].Kind] && strings.HasPrefix(all[best].Backend, "open-gl")
		if fits && better {
			best = i
		}
	}
	if best >= 0 {
		return best, nil
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("%w: %s", ErrNoAdapter, noAdapterHelp)
	}
	var names []string
	for i, a := range all {
		names = append(names, fmt.Sprintf("%d: %s", i, a))
	}
	return 0, fmt.Errorf("%w that matches %q; there are %s", ErrNoAdapter, wish, strings.Join(names, "; "))
}
