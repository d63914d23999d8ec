//go:build window && !js

// Command minimind-gpu-watch opens a window with the curves of runs and follows them while they are written; minimind-gpu
// watch starts it. It is a program of its own since it needs a display, and a graphics library to be built: what trains
// needs neither.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/hajimehoshi/ebiten/v2"
	"github.com/jezek/xgb"
	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"github.com/minimind-gpu/minimind-gpu/host/chart/screen"
)

type arguments struct {
	Runs []string  `arg:"" name:"run" help:"Folders of runs to compare, or of sweeps."`
	View runs.View `embed:""`
}

func main() {
	xgb.Logger.SetOutput(io.Discard) // it tells of its tries where the training's progress is
	var args arguments
	kong.Parse(&args, kong.Name("minimind-gpu-watch"), kong.Description("Follows runs in a window. In it, h shows the keys."))
	game, title, err := open(args)
	if err == nil {
		ebiten.SetWindowTitle(title)
		err = screen.Run(game)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "minimind-gpu-watch: %v\n", err)
		os.Exit(1)
	}
}

// open begins to follow the runs and makes what the window shows.
func open(args arguments) (game *screen.Game, title string, err error) {
	g, err := args.View.Group(args.Runs)
	if err != nil {
		return nil, "", err
	}
	keys := newKeys(g.Chart, args.View, runs.Differences(g.Runs))
	keys.show()
	g.Chart.FindFonts(findFont)
	if wishedLanguage() == chart.Chinese {
		go keys.speakChinese()
	}
	var named []*runs.Run
	for _, dir := range args.Runs {
		named = append(named, &runs.Run{Dir: dir})
	}
	go func() {
		for ; ; time.Sleep(500 * time.Millisecond) {
			more, err := g.Look()
			if more {
				table := runs.Differences(g.Runs)
				keys.later <- func() { keys.table = table }
			}
			if err != nil {
				keys.later <- func() { keys.failed = err }
				fmt.Fprintf(os.Stderr, "minimind-gpu-watch: %v\n", err)
			}
		}
	}()
	ebiten.SetWindowResizingMode(ebiten.WindowResizingModeEnabled)
	ebiten.SetWindowSize(1100, 720)
	ebiten.SetWindowSizeLimits(320, 320, -1, -1)
	return &screen.Game{Chart: g.Chart, Input: keys.update}, "minimind-gpu: " + strings.Join(runs.Names(named), ", "), nil
}
