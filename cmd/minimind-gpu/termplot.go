//go:build !js

package main

import (
	"math"
	"strings"
)

// bars draws values as columns for a terminal, in so many rows and at most so many columns, from the lowest value (an
// empty column's top) to the highest. Of several values in a column the last is drawn. Values that are not finite leave
// a gap.
func bars(values []float64, columns, rows int) []string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	columns = min(columns, len(values))
	lines := make([]strings.Builder, rows)
	blocks := []rune(" ▁▂▃▄▅▆▇█")
	for c := range columns {
		v := values[(c+1)*len(values)/columns-1]
		eighths := -1
		if high > low {
			eighths = int(math.Round((v - low) / (high - low) * float64(8*rows-1)))
		} else if v == low {
			eighths = 4 * rows
		}
		for r := range rows {
			level := eighths + 1 - 8*(rows-1-r)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				level = 0
			}
			lines[r].WriteRune(blocks[min(max(level, 0), 8)])
		}
	}
	drawn := make([]string, rows)
	for r := range lines {
		drawn[r] = lines[r].String()
	}
	return drawn
}
