//go:build window && !js

package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"github.com/minimind-gpu/minimind-gpu/host/chart/screen"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// photograph lets the test's own binary be the program: it follows the runs that are named, and a camera looks on.
const photograph = "MINIMIND_TEST_PHOTOGRAPH"

func TestMain(m *testing.M) {
	if os.Getenv(photograph) == "" {
		os.Exit(m.Run())
	}
	view := runs.View{X: "step", Smoothing: 0.9, Theme: "light"}
	game, title, err := open(arguments{os.Args[1:], view})
	if err == nil {
		ebiten.SetWindowTitle(title)
		err = screen.Run(&camera{game, os.Getenv(photograph)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// camera takes a picture of the window into FILE whenever FILE.take is there, and removes that; FILE.drawn is what the
// window should show. It waits for the language that is wished.
type camera struct {
	*screen.Game
	file string
}

func (c *camera) Draw(s *ebiten.Image) {
	picture := c.Chart.Picture()
	c.Game.Draw(s)
	if (c.Chart.Label("step") == "步数") != (wishedLanguage() == chart.Chinese) {
		return
	}
	if _, err := os.Stat(c.file + ".take"); err != nil || c.Chart.Picture() != picture { // it has changed meanwhile
		return
	}
	img := image.NewRGBA(s.Bounds())
	s.ReadPixels(img.Pix)
	savePNG(c.file, img)
	savePNG(c.file+".drawn", picture.Image())
	os.Remove(c.file + ".take")
}

func savePNG(name string, img image.Image) {
	f, err := os.Create(name)
	if err == nil {
		err = png.Encode(f, img)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		panic(err)
	}
}

// window is a window of the program.
type window struct {
	t      *testing.T
	file   string
	stderr *strings.Builder
	input  *xgb.Conn
}

// openWindow lets the program follow the runs until the test ends.
func openWindow(t *testing.T, dirs ...string) *window {
	w := &window{t: t, file: filepath.Join(t.TempDir(), "window.png"), stderr: &strings.Builder{}}
	cmd := exec.Command(os.Args[0], dirs...)
	cmd.Env = append(os.Environ(), photograph+"="+w.file)
	cmd.Stderr = w.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	xgb.Logger.SetOutput(io.Discard)
	var err error
	if w.input, err = xgb.NewConn(); err == nil {
		err = xtest.Init(w.input)
	}
	if err != nil {
		t.Fatalf("no display: run this under xvfb-run: %v", err)
	}
	t.Cleanup(w.input.Close)
	return w
}

// photo is what the window shows.
func (w *window) photo() *image.RGBA {
	w.t.Helper()
	if err := os.WriteFile(w.file+".take", nil, 0o666); err != nil {
		w.t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(w.file + ".take"); err != nil {
			break
		}
		if time.Since(begun) > 30*time.Second {
			w.t.Fatalf("no window; it said: %s", w.stderr)
		}
	}
	shown, drawn := readPNG(w.t, w.file), readPNG(w.t, w.file+".drawn")
	if d := difference(w.t, shown, drawn); d > 1 {
		w.t.Errorf("the window differs from the picture by %.2f of 255 on average", d)
	}
	if dir := os.Getenv("MINIMIND_KEEP_PICTURES"); dir != "" {
		savePNG(filepath.Join(dir, fmt.Sprintf("%s-%d.png", w.t.Name(), time.Now().UnixMilli())), shown)
	}
	return shown
}

// changed waits until the window shows something else than before.
func (w *window) changed(before *image.RGBA, why string) *image.RGBA {
	w.t.Helper()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
		if now := w.photo(); difference(w.t, before, now) > 0.1 {
			return now
		}
	}
	w.t.Fatalf("%s: nothing changed", why)
	return nil
}

func (w *window) key(code byte) {
	xtest.FakeInput(w.input, xproto.KeyPress, code, 0, 0, 0, 0, 0)
	xtest.FakeInput(w.input, xproto.KeyRelease, code, 0, 0, 0, 0, 0)
}

func (w *window) move(x, y int16) {
	xtest.FakeInput(w.input, xproto.MotionNotify, 0, 0, xproto.Setup(w.input).DefaultScreen(w.input).Root, x, y, 0)
	time.Sleep(100 * time.Millisecond)
}

func (w *window) button(event byte) {
	xtest.FakeInput(w.input, event, 1, 0, 0, 0, 0, 0)
	time.Sleep(100 * time.Millisecond)
}

func readPNG(t *testing.T, name string) *image.RGBA {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Src)
	return out
}

// difference is the mean difference of two pictures' values, of 255.
func difference(t *testing.T, a, b *image.RGBA) float64 {
	t.Helper()
	if a.Rect != b.Rect {
		t.Fatalf("pictures of %v and %v", a.Rect, b.Rect)
	}
	sum := 0.0
	for i := range a.Pix {
		sum += math.Abs(float64(a.Pix[i]) - float64(b.Pix[i]))
	}
	return sum / float64(len(a.Pix))
}

// record appends steps to a run's metrics.
func record(t *testing.T, dir string, from, to int, rate float64) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, runs.MetricsFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for step := from; step <= to; step++ {
		r := metrics.Record{Step: int64(step), Tokens: int64(step) * 1024, Seconds: float64(step) / 4, Loss: 1.5 + 5*math.Exp(-float64(step)*rate) + 0.2*math.Sin(float64(step*step)),
			LearningRate: rate * math.Cos(float64(step)/200), GradNorm: 1, TokensPerSecond: 4096}
		if step%20 == 0 {
			r.ValidationLoss = r.Loss
		}
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(append(line, '\n'))
	}
}

func TestWindow(t *testing.T) {
	t.Setenv("LC_ALL", "zh_CN.UTF-8")
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	a, sweep := filepath.Join(t.TempDir(), "slow"), filepath.Join(t.TempDir(), "sweep")
	b := filepath.Join(sweep, "快的")
	write(a, runs.ConfigFile, "learning_rate: 0.01\nseed: 1\n")
	write(sweep, runs.SweepFile, "")
	w := openWindow(t, a, sweep)
	now := w.photo() // waiting for the first step
	record(t, a, 1, 100, 0.01)
	now = w.changed(now, "a run begins")
	write(b, runs.ConfigFile, "learning_rate: 0.02\nseed: 1\n")
	record(t, b, 1, 150, 0.02)
	now = w.changed(now, "another run of the sweep begins")
	const keyL, keyEscape = 46, 9
	w.key(keyL)
	now = w.changed(now, "logarithmic axes")
	w.move(300, 150)
	now = w.changed(now, "the mouse points at the curves")
	w.button(xproto.ButtonPress)
	w.move(600, 300)
	w.button(xproto.ButtonRelease)
	now = w.changed(now, "a box is zoomed into")
	w.key(keyEscape)
	now = w.changed(now, "back")
	if err := os.Truncate(filepath.Join(a, runs.MetricsFile), 0); err != nil {
		t.Fatal(err)
	}
	record(t, a, 1, 50, 0.01)
	now = w.changed(now, "a run is resumed from an earlier step")
	record(t, b, 100, 100, 0.02)
	w.changed(now, "a damaged file is named in the window")
}
