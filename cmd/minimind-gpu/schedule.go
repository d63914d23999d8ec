//go:build !js

package main

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/train"
	"gonum.org/v1/plot/plotter"
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

// scheduleSketch is the course as a picture.
func scheduleSketch(s train.Schedule) sketch {
	drawing := sketch{title: "Learning rate, " + s.Kind, x: "step", y: "learning rate"}
	for step := range s.Total {
		drawing.points = append(drawing.points, plotter.XY{X: float64(step + 1), Y: s.Rate(step)})
	}
	return drawing
}
