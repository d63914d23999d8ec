//go:build !js

package main

import (
	"image/color"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"github.com/minimind-gpu/minimind-gpu/nn/evaluate"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// pictureFormat is what the name of a picture ends in, without the dot.
func pictureFormat(name string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
}

// drawLengths draws the perplexity over the length of the rows; lengths are on a logarithmic scale, and so are
// perplexities that are far apart.
func drawLengths(w io.Writer, lengths []evaluate.Length, format string) error {
	ink := chart.Light.Ink.RGBA()
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = "Perplexity by length", "tokens of a row", "perplexity"
	p.Title.TextStyle = plotText(14, ink)
	p.Title.TextStyle.XAlign, p.Title.TextStyle.YAlign, p.Title.Padding = draw.XCenter, draw.YTop, px(8)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		for _, style := range []*draw.TextStyle{&a.Label.TextStyle, &a.Tick.Label} {
			style.Font, style.Color = plotText(12, ink).Font, ink
		}
	}
	p.Legend.TextStyle.Font, p.Legend.Top, p.Legend.Left, p.Legend.Padding = plotText(12, ink).Font, true, true, px(4)
	p.X.Scale = plot.LogScale{}
	var ticks plot.ConstantTicks
	series := make([]plotter.XYs, 2)
	for _, l := range lengths {
		x := float64(l.Tokens)
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.Itoa(l.Tokens)})
		series[0] = append(series[0], plotter.XY{X: x, Y: l.Plain.Perplexity})
		series[1] = append(series[1], plotter.XY{X: x, Y: l.YaRN.Perplexity})
	}
	p.X.Tick.Marker = ticks
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = nil, chart.Light.Grid.RGBA()
	p.Add(grid)
	for i, name := range []string{"as trained", "with YaRN"} {
		line, points, err := plotter.NewLinePoints(series[i])
		if err != nil {
			return err
		}
		line.Width, points.Shape, points.Radius = px(1.75), draw.CircleGlyph{}, px(3)
		line.Color = []color.Color{color.RGBA{R: 0x2a, G: 0x78, B: 0xd6, A: 0xff}, color.RGBA{R: 0xd6, G: 0x55, B: 0x2a, A: 0xff}}[i]
		points.Color = line.Color
		p.Add(line, points)
		p.Legend.Add(name, line, points)
	}
	if p.Y.Max > 30*p.Y.Min {
		p.Y.Scale = plot.LogScale{}
		p.Y.Max *= 3 // room for the legend
	} else {
		p.Y.Min, p.Y.Max = 0, 1.25*p.Y.Max
	}
	p.Y.Tick.Marker = plotTicks(chart.Ticks(p.Y.Min, p.Y.Max, p.Y.Scale == (plot.LogScale{}), 6))
	picture, err := p.WriterTo(px(720), px(440), format)
	if err != nil {
		return err
	}
	_, err = picture.WriteTo(w)
	return err
}
