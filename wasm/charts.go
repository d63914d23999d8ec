//go:build js

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"syscall/js"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"github.com/minimind-gpu/minimind-gpu/host/chart/screen"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// charts draws the curves of the runs that the trainer tells of, as the page wishes.
type charts struct {
	chart  *chart.Chart
	theme  chart.Theme
	colors string    // that the page knows, by run
	frames []float64 // milliseconds from one drawn frame to the next
	drawn  time.Time // the last one
}

func drawCharts() {
	c := &charts{chart: chart.New(), theme: chart.Light}
	js.Global().Call("addEventListener", "message", js.FuncOf(func(_ js.Value, args []js.Value) any {
		c.do(args[0].Get("data"))
		return nil
	}))
	post("up", nil)
	if err := screen.Run(&screen.Game{Chart: c.chart, Drawn: c.frame}); err != nil {
		panic(err)
	}
}

// do does what the page asks for.
func (c *charts) do(d js.Value) {
	switch d.Get("do").String() {
	case "port":
		port := d.Get("port")
		port.Set("onmessage", js.FuncOf(func(_ js.Value, args []js.Value) any {
			c.receive(args[0].Get("data"))
			return nil
		}))
	case "view":
		if err := c.view(d.Get("view").String()); err != nil {
			panic(err) // the page's code is wrong
		}
	case "pointer":
		c.pointer(d.Get("kind").String(), d.Get("x").Float(), d.Get("y").Float())
	case "back":
		c.chart.Back()
	case "remove":
		c.chart.Remove(d.Get("run").String())
		c.tellColors()
	case "png":
		c.picture()
	}
}

// receive takes a message of the trainer.
func (c *charts) receive(data js.Value) {
	array := js.Global().Get("Uint8Array").New(data) // where the charts are in a frame, data is an array of the page's
	bytes := make([]byte, array.Length())
	js.CopyBytesToGo(bytes, array)
	var m message.Points
	if _, err := m.UnmarshalMsg(bytes); err != nil {
		panic(err)
	}
	known := slices.Contains(c.chart.Runs(), m.Run)
	points := make([]chart.Point, len(m.Points))
	for i, p := range m.Points {
		points[i] = chart.Point{Step: p.Step, Tokens: p.Tokens, Seconds: p.Seconds, Loss: p.Loss, Validation: p.Validation,
			LearningRate: p.LearningRate, GradNorm: p.GradNorm, TokensPerSecond: p.TokensPerSecond}
	}
	c.chart.Append(m.Run, points...)
	if !known {
		c.chart.SetName(m.Run, m.Name)
		c.tellColors()
	}
}

// rgb is a colour as the page writes it, 0 to 255.
type rgb [3]int

func (c rgb) color() chart.Color {
	return chart.Color{float32(c[0]) / 255, float32(c[1]) / 255, float32(c[2]) / 255}
}

// view shows the chart as the page's controls and colours say.
func (c *charts) view(text string) error {
	var v struct {
		Theme struct {
			Dark                               bool
			Background, Ink, Muted, Grid, Axis rgb
		}
		Language  chart.Language
		Font      string
		Series    []string
		Smoothing float64
		Log       bool
		X         chart.X
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return err
	}
	c.theme = chart.Light
	if v.Theme.Dark {
		c.theme = chart.Dark
	}
	c.theme.Background, c.theme.Panel = v.Theme.Background.color(), v.Theme.Background.color()
	c.theme.Ink, c.theme.Muted, c.theme.Grid, c.theme.Axis = v.Theme.Ink.color(), v.Theme.Muted.color(), v.Theme.Grid.color(), v.Theme.Axis.color()
	c.chart.SetTheme(c.theme)
	c.chart.SetLanguage(v.Language)
	c.chart.SetFont(v.Font)
	c.chart.SetSeries(v.Series...)
	c.chart.SetSmoothing(v.Smoothing)
	c.chart.SetLog(v.Log)
	c.chart.SetX(v.X)
	c.tellColors()
	return nil
}

func (c *charts) pointer(kind string, x, y float64) {
	switch kind {
	case "move":
		c.chart.Hover(x, y)
	case "leave":
		c.chart.Leave()
	case "down":
		c.chart.Press(x, y)
	case "up":
		c.chart.Release(x, y)
	case "back":
		c.chart.Back()
	}
}

// tellColors tells the page which colours the runs have.
func (c *charts) tellColors() {
	colors := map[string]string{}
	for i, run := range c.chart.Runs() {
		rgb := c.theme.Runs[i%len(c.theme.Runs)]
		colors[run] = fmt.Sprintf("rgb(%.0f %.0f %.0f)", 255*rgb[0], 255*rgb[1], 255*rgb[2])
	}
	text, err := json.Marshal(colors)
	if err != nil {
		panic(err) // strings
	}
	if string(text) != c.colors {
		c.colors = string(text)
		post("colors", map[string]any{"colors": c.colors})
	}
}

// picture gives the page the chart as a file.
func (c *charts) picture() {
	png, err := c.chart.PNG()
	if err != nil {
		panic(err) // memory takes everything
	}
	b := newBlob()
	b.Write(png)
	post("png", map[string]any{"blob": b.value("image/png")})
}

// framesTold is of how many frames the page is told the median.
const framesTold = 30

// frame counts a frame that was drawn, and tells the page how long they take from one to the next.
func (c *charts) frame(time.Duration) {
	now := time.Now()
	if gap := now.Sub(c.drawn); gap < time.Second { // else nothing was to be drawn
		c.frames = append(c.frames, float64(gap.Microseconds())/1000)
	}
	c.drawn = now
	if len(c.frames) == framesTold {
		slices.Sort(c.frames)
		post("frames", map[string]any{"median": c.frames[framesTold/2]})
		c.frames = c.frames[:0]
	}
}
