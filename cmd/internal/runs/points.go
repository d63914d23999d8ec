package runs

import (
	"strings"

	"math"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// Point is a record as charts take it.
func Point(r metrics.Record) chart.Point {
	if r.TokensPerSecond == 0 {
		r.TokensPerSecond = math.NaN() // not known yet
	}
	return chart.Point{Step: r.Step, Tokens: r.Tokens, Seconds: r.Seconds, Loss: r.Loss, Validation: r.ValidationLoss,
		LearningRate: r.LearningRate, GradNorm: r.GradNorm, TokensPerSecond: r.TokensPerSecond, Values: r.Values}
}

// Follow adds to the chart's run what was recorded since the last call.
func (r *Run) Follow(c *chart.Chart, id string) error {
	records, again, err := r.Next()
	if again {
		c.Clear(id)
	}
	var points []chart.Point
	for _, record := range records {
		points = append(points, Point(record))
	}
	if len(points) > 0 {
		c.Append(id, points...)
	}
	for _, record := range records {
		if record.Mark != "" {
			label, _, _ := strings.Cut(record.Mark, ":") // the place of a batch, behind it, is for the file
			c.Mark(id, record.Step, label)
		}
	}
	return err
}
