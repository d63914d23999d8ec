package chart

import (
	"maps"
	"slices"
)

// Differences is a table of the settings in which runs differ: a row a setting, which begins with its name, and a column
// a run. A setting that a run does not have is empty there. It has no rows if there are no differences.
func Differences(settings []map[string]string) [][]string {
	names := map[string]bool{}
	for _, s := range settings {
		for name := range s {
			names[name] = true
		}
	}
	var table [][]string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row, differ := []string{name}, false
		for _, s := range settings {
			row = append(row, s[name])
			differ = differ || s[name] != settings[0][name]
		}
		if differ {
			table = append(table, row)
		}
	}
	return table
}
