//go:build !js

package main

import (
	"image/color"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// px is a length in points of a screen, of which an inch has 96.
func px(n float64) vg.Length { return vg.Length(n) * vg.Inch / 96 }

// plotText is how text is written.
func plotText(size float64, c color.Color) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, px(size)), Handler: plot.DefaultTextHandler, YAlign: text.YBottom}
}

// plotPanel is one series of all runs, with its axes.
type plotPanel struct {
	*plot.Plot
	title       string
	titleStyle  draw.TextStyle
	axisName    string // what the horizontal axis counts; empty: not said
	axisStyle   draw.TextStyle
	height      float64   // in points of a screen
	left, extra vg.Length // what the axis' labels take, and what is left free so that panels stand under one another
}

const plotTitle = 36 // height of the row with a panel's title

// newPlotPanel makes the panel of a series for a width and a height. axisName may be empty.
func newPlotPanel(curves *chart.Chart, theme chart.Theme, series, axisName string, width, height float64) *plotPanel {
	p := &plotPanel{Plot: plot.New(), title: curves.Label(series), titleStyle: plotText(13, theme.Ink.RGBA()),
		axisName: axisName, axisStyle: plotText(12, theme.Muted.RGBA()), height: height}
	p.axisStyle.XAlign = text.XRight
	axes := curves.Axes(series, width, height-plotTitle)
	p.BackgroundColor = theme.Background.RGBA()
	if axes.Log {
		p.Y.Scale = plot.LogScale{}
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plotTicks(axes.XTicks), plotTicks(axes.YTicks)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle = draw.LineStyle{Color: theme.Axis.RGBA(), Width: px(1)}
		a.Tick.LineStyle, a.Tick.Length = a.LineStyle, px(4)
		align := a.Tick.Label
		a.Tick.Label = plotText(12, theme.Muted.RGBA())
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = align.XAlign, align.YAlign
	}
	p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width = 0, 0
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal = draw.LineStyle{Color: theme.Grid.RGBA(), Width: px(1)}
	p.Add(grid)
	data := curves.Curves(series, int(width))
	smooth := func(c chart.Curves) bool { return len(c.X) > 0 && &c.Raw[0] != &c.Smooth[0] }
	for _, c := range data {
		if smooth(c) {
			p.line(c.X, c.Raw, 1, c.Faint)
		}
	}
	for _, c := range data {
		p.line(c.X, c.Smooth, 1.75, c.Color)
	}
	for _, c := range data {
		p.line(c.XValidation, c.Validation, 1.25, c.Dark)
		if float64(9*len(c.Validation)) < width { // or there is no room for them
			p.dots(c.XValidation, c.Validation, 4, theme.Panel)
			p.dots(c.XValidation, c.Validation, 2.75, c.Dark)
		}
	}
	for _, c := range data {
		p.marks(c, axes.Y, theme)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = axes.X[0], axes.X[1], axes.Y[0], axes.Y[1] // after Add, which widens them
	p.left = p.DataCanvas(draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{X: px(width), Y: px(height)}}}).Min.X
	return p
}

// alignPanels lets the axes stand under one another.
func alignPanels(panels []*plotPanel) {
	var most vg.Length
	for _, p := range panels {
		most = max(most, p.left)
	}
	for _, p := range panels {
		p.extra = most - p.left
	}
}

// draw draws the panel with its title.
func (p *plotPanel) draw(area draw.Canvas) {
	area.FillText(p.titleStyle, vg.Point{X: area.Min.X, Y: area.Max.Y - px(26)}, p.title)
	bottom := vg.Length(0)
	if p.axisName != "" {
		bottom = px(18)
		area.FillText(p.axisStyle, vg.Point{X: area.Max.X - px(6), Y: area.Min.Y}, p.axisName)
	}
	p.Draw(draw.Crop(area, p.extra, -px(6), bottom, -px(plotTitle)))
}

// points are places in a panel; gonum wants none that its scale does not have.
func (p *plotPanel) points(xs, ys []float64) plotter.XYs {
	var all plotter.XYs
	for i, x := range xs {
		if y := ys[i]; y > 0 || p.Y.Scale == (plot.LinearScale{}) {
			all = append(all, plotter.XY{X: x, Y: y})
		}
	}
	return all
}

// line adds a line, in pieces: the time to draw one into a PNG grows with the square of its length.
func (p *plotPanel) line(xs, ys []float64, width float64, c chart.Color) {
	const piece = 64
	style := draw.LineStyle{Color: c.RGBA(), Width: px(width)}
	for all := p.points(xs, ys); len(all) > 1; all = all[min(piece, len(all)-1):] {
		p.Add(&plotter.Line{XYs: all[:min(piece+1, len(all))], LineStyle: style})
	}
}

func (p *plotPanel) dots(xs, ys []float64, radius float64, c chart.Color) {
	scatter := &plotter.Scatter{XYs: p.points(xs, ys), GlyphStyle: draw.GlyphStyle{Color: c.RGBA(), Radius: px(radius), Shape: draw.CircleGlyph{}}}
	p.Add(plotterFunc(scatter.Plot))
}

// marks adds what befell a run: dashed upright lines, with their labels beside them.
func (p *plotPanel) marks(c chart.Curves, y [2]float64, theme chart.Theme) {
	for i, m := range c.Marks {
		line := &plotter.Line{XYs: plotter.XYs{{X: m.X, Y: y[0]}, {X: m.X, Y: y[1]}},
			LineStyle: draw.LineStyle{Color: c.Color.RGBA(), Width: px(1), Dashes: []vg.Length{px(3), px(3)}}}
		p.Add(plotterFunc(line.Plot), plotterFunc(func(to draw.Canvas, pl *plot.Plot) {
			x, _ := pl.Transforms(&to)
			to.FillText(plotText(12, theme.Ink.RGBA()), vg.Point{X: x(m.X) + px(4), Y: to.Max.Y - px(14*float64(1+i%3))}, m.Label)
		}))
	}
}

// plotterFunc is a plotter that asks for no room beyond the axes, so that all panels are equally wide.
type plotterFunc func(draw.Canvas, *plot.Plot)

// Plot draws.
func (f plotterFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// plotTicks are an axis' ticks.
type plotTicks []chart.Tick

// Ticks lists them.
func (t plotTicks) Ticks(low, high float64) []plot.Tick {
	var all []plot.Tick
	for _, tick := range t {
		all = append(all, plot.Tick{Value: tick.Value, Label: tick.Label})
	}
	return all
}

// plotLegend draws the legend in the first rows and returns where it ends.
func plotLegend(canvas draw.Canvas, curves *chart.Chart, theme chart.Theme) vg.Length {
	style := plotText(12, theme.Ink.RGBA())
	at := vg.Point{X: canvas.Min.X, Y: canvas.Max.Y - px(12)}
	entry := func(text string, width float64, c chart.Color, dot bool) {
		if end := at.X + px(24) + style.Width(text); at.X > canvas.Min.X && end > canvas.Max.X {
			at = vg.Point{X: canvas.Min.X, Y: at.Y - px(18)}
		}
		middle := at.Y + px(4)
		canvas.StrokeLine2(draw.LineStyle{Color: c.RGBA(), Width: px(width)}, at.X, middle, at.X+px(18), middle)
		for i, radius := range []float64{4, 2.75} {
			if dot {
				color := []chart.Color{theme.Background, c}[i]
				canvas.DrawGlyph(draw.GlyphStyle{Color: color.RGBA(), Radius: px(radius), Shape: draw.CircleGlyph{}}, vg.Point{X: at.X + px(9), Y: middle})
			}
		}
		canvas.FillText(style, vg.Point{X: at.X + px(24), Y: at.Y}, text)
		at.X += px(24+18) + style.Width(text)
	}
	all := curves.Curves(chart.Loss, 1)
	key, validated := theme.Muted, false
	for _, c := range all {
		if len(all) > 1 {
			entry(c.Name, 4, c.Color, false)
		}
		validated = validated || len(c.Validation) > 0
	}
	if len(all) == 1 {
		key = all[0].Color
	}
	entry(curves.Label("train"), 1.75, key, false)
	if validated {
		entry(curves.Label("validation"), 1.25, key.Mix(theme.Ink, 0.35), true)
	}
	return at.Y - px(12)
}
