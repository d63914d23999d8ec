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
	Runs []string  `arg:"" name:"run" help:"Folders of runs to compare."`
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
	all, err := runs.OpenAll(args.Runs)
	if err != nil {
		return nil, "", err
	}
	c, err := args.View.Chart(all)
	if err != nil {
		return nil, "", err
	}
	keys := newKeys(c, args.View, runs.Differences(all))
	keys.show()
	c.FindFonts(findFont)
	if wishedLanguage() == chart.Chinese {
		go keys.speakChinese()
	}
	title = "minimind-gpu: " + strings.Join(runs.Names(all), ", ")
	go func() {
		for ; ; time.Sleep(500 * time.Millisecond) {
			for i, r := range all {
				if r == nil {
					continue
				}
				if err := r.Follow(c, runs.ID(i)); err != nil {
					all[i] = nil // its curve stays as it is
					keys.later <- func() { keys.failed = err }
					fmt.Fprintf(os.Stderr, "minimind-gpu-watch: %v\n", err)
				}
			}
		}
	}()
	ebiten.SetWindowResizingMode(ebiten.WindowResizingModeEnabled)
	ebiten.SetWindowSize(1100, 720)
	ebiten.SetWindowSizeLimits(320, 320, -1, -1)
	return &screen.Game{Chart: c, Input: keys.update}, title, nil
}
