//go:build !js

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
)

type watchCommand struct {
	Runs []string  `arg:"" name:"run" help:"Folders of runs to follow, or of sweeps; several runs are laid over one another, with a table of what differs."`
	View runs.View `embed:""`
}

// usualView is how curves are shown unless flags say it.
var usualView = runs.View{X: "step", Smoothing: 0.9, Theme: "light"}

// Run shows the runs in a window until it is closed.
func (c *watchCommand) Run(p *program) error {
	all, err := runs.OpenAll(c.Runs)
	if err != nil {
		return err
	}
	if _, err := c.View.Chart(all); err != nil {
		return err
	}
	window, err := p.openWindow(c.View, c.Runs...)
	if err != nil {
		return err
	}
	if err := window.Wait(); p.ctx.Err() != nil {
		return errInterrupted
	} else if err != nil {
		return fmt.Errorf("the window has failed: %w; without one: %s", err, plotInstead(c.Runs[0]))
	}
	return nil
}

// windowProgram shows curves in a window. It is a program of its own, since it needs a display and its libraries.
const windowProgram = "minimind-gpu-watch"

// openWindow starts it. Its errors name the way out.
func (p *program) openWindow(view runs.View, dirs ...string) (*exec.Cmd, error) {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" {
		return nil, fmt.Errorf("there is no display here (DISPLAY is not set) to open a window on; without one: %s", plotInstead(dirs[0]))
	}
	path, err := findBeside(windowProgram)
	if err != nil {
		return nil, fmt.Errorf("%s, which opens the window, is neither beside this program nor in PATH: `make watch` builds it; without it: %s", windowProgram, plotInstead(dirs[0]))
	}
	cmd := exec.CommandContext(p.ctx, path, append(view.Args(), dirs...)...)
	cmd.Stdout, cmd.Stderr = p.stderr, p.stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	return cmd, nil
}

// plotInstead is how to see a run's curves without a window.
func plotInstead(dir string) string { return fmt.Sprintf("minimind-gpu plot %s -o chart.png", dir) }

// findBeside finds a program in the folder of this one, or in PATH.
func findBeside(name string) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) { // found in the working folder
		return filepath.Abs(path)
	}
	return path, err
}

// watch opens a window on the run, if that was asked for; without one the run goes on all the same.
func (r *training) watch() {
	if !r.flags.Watch {
		return
	}
	if _, err := r.openWindow(usualView, r.folder.dir); err != nil {
		r.say("no window  %v", err)
	}
}
