//go:build !js

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	_ "gonum.org/v1/plot/vg/vgpdf"
	_ "gonum.org/v1/plot/vg/vgsvg"
)

type plotCommand struct {
	Runs   []string  `arg:"" name:"run" help:"Folders of runs, or of sweeps; several runs are laid over one another."`
	Out    string    `short:"o" default:"chart.png" placeholder:"FILE" help:"Picture to write: .png, .svg, .pdf or .jpg."`
	Series []string  `default:"loss,learning_rate" placeholder:"NAME,..." help:"Curves: loss, learning_rate, grad_norm, tokens_per_second, or any other number in metrics.jsonl."`
	Width  int       `default:"960" help:"Width of the picture, in points of a screen; a PNG has twice as many pixels."`
	Height int       `default:"600" help:"Height of the picture."`
	View   runs.View `embed:""`
}

// pictureFormats are the endings of files that plot writes.
var pictureFormats = []string{"png", "svg", "pdf", "jpg"}

// Run draws the picture.
func (c *plotCommand) Run(p *program) error {
	format := pictureFormat(c.Out)
	if !slices.Contains(pictureFormats, format) {
		return fmt.Errorf("--out is %s: its name must end in .png, .svg, .pdf or .jpg, which says the kind of picture", c.Out)
	}
	if min(c.Width, c.Height) < 200 || max(c.Width, c.Height) > 10000 {
		return fmt.Errorf("--width %d and --height %d: each must be from 200 to 10000", c.Width, c.Height)
	}
	all, err := runs.OpenAll(c.Runs)
	if err != nil {
		return err
	}
	curves, err := c.View.Chart(all)
	if err != nil {
		return err
	}
	if curves.Empty() {
		return fmt.Errorf("%s: there is nothing to draw yet: no step has been recorded", strings.Join(c.Runs, ", "))
	}
	for _, name := range c.Series {
		if known := curves.SeriesNames(); !slices.Contains(known, name) {
			return fmt.Errorf("--series: there is no %q in these runs; there are %s", name, strings.Join(known, ", "))
		}
	}
	picture, err := c.draw(curves, format)
	if err != nil {
		return err
	}
	err = p.saveAtomically(c.Out, func(w io.Writer) error { _, err := picture.WriteTo(w); return err })
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, c.Out)
	return nil
}

// draw draws all of the picture: the legend, then a panel a series, the first one larger.
func (c *plotCommand) draw(curves *chart.Chart, format string) (vg.CanvasWriterTo, error) {
	const margin, share = 16, 1.7 // the first panel's height against another's
	width, height := px(float64(c.Width)), px(float64(c.Height))
	var picture vg.CanvasWriterTo
	var err error
	switch format {
	case "png":
		picture = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(192))}
	default:
		picture, err = draw.NewFormattedCanvas(width, height, format)
	}
	if err != nil {
		return nil, err
	}
	theme := chart.Light
	if c.View.Theme == "dark" {
		theme = chart.Dark
	}
	canvas := draw.New(picture)
	canvas.SetColor(theme.Background.RGBA())
	canvas.Fill(canvas.Rectangle.Path())
	canvas = draw.Crop(canvas, px(margin), -px(margin), px(margin), -px(margin))
	canvas.Max.Y = plotLegend(canvas, curves, theme)
	panels := make([]*plotPanel, len(c.Series))
	row := float64((canvas.Max.Y-canvas.Min.Y)/px(1)) / (share + float64(len(c.Series)-1))
	for i, name := range c.Series {
		high, axisName := row, ""
		if i == 0 {
			high = share * row
		}
		if i == len(panels)-1 {
			axisName = curves.Label(c.View.X)
		}
		panels[i] = newPlotPanel(curves, theme, name, axisName, float64(c.Width)-2*margin, high)
	}
	alignPanels(panels)
	for _, p := range panels {
		area := canvas
		area.Min.Y = area.Max.Y - px(p.height)
		p.draw(area)
		canvas.Max.Y = area.Min.Y
	}
	return picture, nil
}
