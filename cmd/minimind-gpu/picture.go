//go:build !js

package main

import (
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// sketch is a picture of one curve.
type sketch struct {
	title, x, y  string
	logarithmicX bool
	points       plotter.XYs
	marks        []sketchMark
}

// sketchMark is a vertical line with a name.
type sketchMark struct {
	at   float64
	name string
}

// checkPicture says what is wrong with the name of a picture's file.
func checkPicture(flag, name string) error {
	if format := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), ".")); !slices.Contains(pictureFormats, format) {
		return fmt.Errorf("%s is %s: its name must end in .png, .svg, .pdf or .jpg, which says the kind of picture", flag, name)
	}
	return nil
}

// powersOfTen labels a logarithmic axis.
var powersOfTen = plot.TickerFunc(func(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{}.Ticks(low, high)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = fmt.Sprintf("%.0e", t.Value)
		}
	}
	return ticks
})

// save draws the sketch into a file.
func (s sketch) save(p *program, name string) error {
	picture := plot.New()
	picture.Title.Text, picture.X.Label.Text, picture.Y.Label.Text = s.title, s.x, s.y
	if s.logarithmicX {
		picture.X.Scale, picture.X.Tick.Marker = plot.LogScale{}, powersOfTen
	}
	line, err := plotter.NewLine(s.points)
	if err != nil {
		return err
	}
	line.Color, line.Width = color.RGBA{R: 37, G: 99, B: 235, A: 255}, vg.Points(1.5)
	picture.Add(plotter.NewGrid(), line)
	picture.Legend.Top, picture.Legend.Padding = true, vg.Points(3)
	_, _, low, high := plotter.XYRange(s.points)
	for i, m := range s.marks {
		mark, err := plotter.NewLine(plotter.XYs{{X: m.at, Y: low}, {X: m.at, Y: high}})
		if err != nil {
			return err
		}
		mark.Color = []color.Color{color.RGBA{R: 22, G: 163, B: 74, A: 255}, color.RGBA{R: 202, G: 138, B: 4, A: 255}, color.RGBA{R: 220, G: 38, B: 38, A: 255}}[i%3]
		mark.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		picture.Add(mark)
		picture.Legend.Add(m.name, mark)
	}
	w, err := picture.WriterTo(vg.Points(560), vg.Points(320), strings.TrimPrefix(filepath.Ext(name), "."))
	if err != nil {
		return err
	}
	return p.saveAtomically(name, func(f io.Writer) error { _, err := w.WriteTo(f); return err })
}
