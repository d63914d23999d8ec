//go:build !js

package main

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// describeSchedule is a line with the learning rate's course, drawn and in numbers.
func describeSchedule(s train.Schedule) string {
	rates := make([]float64, s.Total)
	for i := range rates {
		rates[i] = s.Rate(int64(i))
	}
	text := fmt.Sprintf("%s %s learning rate %.3g", s.Kind, bars(append([]float64{0}, rates...), 40, 1)[0], s.Base)
	if s.Warmup > 0 {
		text += fmt.Sprintf(" from step %d", s.Warmup+1)
	}
	if s.Decay > 0 {
		text += fmt.Sprintf(", down from step %d", s.Total-s.Decay+1)
	}
	return text + fmt.Sprintf(", %.3g at the end", rates[s.Total-1])
}
