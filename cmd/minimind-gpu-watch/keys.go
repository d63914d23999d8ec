//go:build window && !js

package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/inpututil"
	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/host/chart"
)

// keys are what keyboard and mouse have set.
type keys struct {
	chart    *chart.Chart
	language chart.Language
	view     runs.View
	table    [][]string // of what differs between the runs
	tabled   bool
	help     bool
	extra    map[string]bool // series that are shown besides loss and learning rate
	clicked  time.Time
	failed   error       // of following a run
	said     string      // in the last row, until the next key
	later    chan func() // what other goroutines want done between two frames
}

func newKeys(c *chart.Chart, v runs.View, table [][]string) *keys {
	return &keys{chart: c, language: chart.English, view: v, table: table, tabled: true, extra: map[string]bool{}, later: make(chan func(), 10)}
}

// say fills in one of the window's words.
func (k *keys) say(key string, values ...any) string {
	return fmt.Sprintf(words[k.language][key], values...)
}

// show gives the chart what has been set.
func (k *keys) show() {
	c := k.chart
	c.SetLanguage(k.language)
	k.view.Apply(c)
	if k.tabled {
		c.SetTable(k.table)
	} else {
		c.SetTable(nil)
	}
	switch {
	case k.help:
		c.SetNote(k.say("keys"))
	case k.said != "":
		c.SetNote(k.said)
	case k.failed != nil:
		c.SetNote(k.say("unfollow", k.failed))
	default:
		c.SetNote(k.say("view", k.view.Smoothing))
	}
}

// speakChinese lets the window speak Chinese, once the system has found a font for it.
func (k *keys) speakChinese() {
	if font := findFont('中'); font != nil {
		k.later <- func() {
			k.chart.AddFont(font)
			k.language = chart.Chinese
		}
	}
}

// update passes on what mouse and keyboard have done since the last sixtieth of a second.
func (k *keys) update() error {
	k.mouse()
	for len(k.later) > 0 {
		(<-k.later)()
		k.show()
	}
	pressed := inpututil.AppendJustPressedKeys(nil)
	for _, key := range pressed {
		if key == ebiten.KeyQ {
			return ebiten.Termination
		}
		k.said = ""
		k.press(key)
	}
	if len(pressed) > 0 {
		k.show()
	}
	return nil
}

func (k *keys) press(key ebiten.Key) {
	next := func(all []string, now string) string { return all[(slices.Index(all, now)+1)%len(all)] }
	switch key {
	case ebiten.KeyX:
		k.view.X = next([]string{"step", "tokens", "time"}, k.view.X)
	case ebiten.KeyT:
		k.view.Theme = next([]string{"light", "dark"}, k.view.Theme)
	case ebiten.KeyL:
		k.view.Log = !k.view.Log
	case ebiten.KeyD:
		k.tabled = !k.tabled
		if len(k.table) == 0 {
			k.said = k.say("same")
		}
	case ebiten.KeyH:
		k.help = !k.help
	case ebiten.KeyEscape:
		k.chart.Back()
	case ebiten.KeyBracketLeft, ebiten.KeyArrowDown:
		k.smooth(-1)
	case ebiten.KeyBracketRight, ebiten.KeyArrowUp:
		k.smooth(1)
	case ebiten.KeyP:
		k.said = k.save()
	}
	if i := int(key - ebiten.KeyDigit1); i >= 0 && i < 9 {
		k.toggle(i)
	}
}

// levels of smoothing.
var levels = []float64{0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995}

// smooth goes to the next level up or down.
func (k *keys) smooth(by int) {
	i, found := slices.BinarySearch(levels, k.view.Smoothing)
	if !found && by > 0 {
		i--
	}
	k.view.Smoothing = levels[min(max(i+by, 0), len(levels)-1)]
}

// toggle shows or hides the i-th series after loss and learning rate.
func (k *keys) toggle(i int) {
	names := k.chart.SeriesNames()[2:]
	if i >= len(names) {
		return
	}
	k.extra[names[i]] = !k.extra[names[i]]
	shown := []string{chart.Loss, chart.LearningRate}
	for _, name := range names {
		if k.extra[name] {
			shown = append(shown, name)
		}
	}
	k.chart.SetSeries(shown...)
}

// save writes the picture to a file and says so.
func (k *keys) save() string {
	name := "chart-" + time.Now().Format("20060102-150405") + ".png"
	picture, err := k.chart.PNG()
	if err == nil {
		err = os.WriteFile(name, picture, 0o666)
	}
	if err != nil {
		return k.say("unsaved", err)
	}
	return k.say("saved", name)
}

// mouse tells the chart where the mouse is and what it does.
func (k *keys) mouse() {
	ix, iy := ebiten.CursorPosition()
	ratio := ebiten.Monitor().DeviceScaleFactor()
	x, y := float64(ix)/ratio, float64(iy)/ratio
	width, height := ebiten.WindowSize()
	switch {
	case inpututil.IsMouseButtonJustPressed(ebiten.MouseButtonLeft):
		if time.Since(k.clicked) < 300*time.Millisecond {
			k.chart.Whole()
		}
		k.clicked = time.Now()
		k.chart.Press(x, y)
	case inpututil.IsMouseButtonJustReleased(ebiten.MouseButtonLeft):
		k.chart.Release(x, y)
	case x >= 0 && y >= 0 && x < float64(width) && y < float64(height) || ebiten.IsMouseButtonPressed(ebiten.MouseButtonLeft):
		k.chart.Hover(x, y)
	default:
		k.chart.Leave()
	}
}
