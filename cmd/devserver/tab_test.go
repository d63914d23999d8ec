//go:build browser

package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// run runs a part of a test that goes on in the same tab.
func (t *tab) run(name string, part func(*tab)) {
	t.Helper()
	t.Run(name, func(sub *testing.T) {
		sub.Helper()
		same := *t
		same.T = sub
		part(&same)
	})
}

func (t *tab) text(id string) string {
	return js[string](t, "document.getElementById('"+id+"').textContent")
}

func (t *tab) state(name string, limit time.Duration) {
	t.Helper()
	t.until("document.body.dataset.state === '"+name+"'", limit)
}

// step is the step that the page shows.
func (t *tab) step() int {
	return js[int](t, "parseInt(document.getElementById('f-step').textContent.replaceAll(',', '')) || 0")
}

func (t *tab) untilStep(step int, limit time.Duration) {
	t.Helper()
	t.until(fmt.Sprintf("(parseInt(document.getElementById('f-step').textContent) || 0) >= %d", step), limit)
}

// download clicks a button and returns the file that it offers.
func (t *tab) download(button, pattern string) string {
	t.Helper()
	folder := t.TempDir()
	if _, err := chromedp.CallBrowser(t.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder}); err != nil {
		t.Fatal(err)
	}
	t.click(button)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if files, _ := filepath.Glob(filepath.Join(folder, pattern)); len(files) == 1 {
			return files[0]
		}
	}
	t.Fatalf("%s brought no file %s", button, pattern)
	return ""
}

// losses are those of the metrics that the page offers, by step.
func (t *tab) losses() map[int]float64 {
	t.Helper()
	f, err := os.Open(t.download("metrics", "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	losses := map[int]float64{}
	for _, row := range rows[1:] {
		step, _ := strconv.Atoi(row[1])
		losses[step], err = strconv.ParseFloat(row[4], 64)
		if err != nil {
			t.Fatal(err)
		}
	}
	return losses
}

// curve is how many pixels of the charts on the screen have the colour of the first run.
func (t *tab) curve() int {
	t.Helper()
	shot, err := chromedp.Run(t.ctx, chromedp.Screenshot(chromedp.ID("canvas")))
	if err != nil {
		t.Fatal(err)
	}
	return blue(t.T, shot)
}

// blue is how many pixels of a picture have the colour of the first run.
func blue(t *testing.T, picture []byte) int {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			if int(c.B)-int(c.R) > 60 && int(c.B) > 110 { // blue, and neither paper nor ink
				n++
			}
		}
	}
	return n
}

// upload gives a file to one of the page's inputs.
func (t *tab) upload(id, file string) {
	t.Helper()
	t.do(chromedp.SetUploadFiles(chromedp.ID(id), []string{file}))
}

// alarm waits for an error that says all of this.
func (t *tab) alarm(says ...string) {
	t.Helper()
	t.until("!document.getElementById('alert').hidden", 20*time.Second)
	for _, s := range says {
		if text := t.text("alert"); !strings.Contains(text, s) {
			t.Errorf("the page says %q, not %q", text, s)
		}
	}
}

// quiet fails if there is anything in the console but what the browser itself says about the test's own doings.
func (t *tab) quiet(allowed ...string) {
	t.Helper()
	allowed = append(allowed, "GL Driver Message") // reading the charts' pixels is slow
	for _, line := range t.log.console() {
		if !slices.ContainsFunc(allowed, func(a string) bool { return strings.Contains(line, a) }) {
			t.Errorf("in the console: %s", line)
		}
	}
}

// lateness measures how late the main thread does what is due every 10 ms.
const lateness = `globalThis.late = []; (() => { let due = performance.now() + 10; const tick = () => {
	const now = performance.now(); late.push(Math.max(0, now - due)); due = now + 10; setTimeout(tick, 10); }; setTimeout(tick, 10); })(); true`

// killGPU ends the browser's GPU process, as a driver's crash would.
func (t *tab) killGPU() {
	t.Helper()
	info, err := chromedp.CallBrowser(t.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range info.ProcessInfo {
		if strings.EqualFold(p.Type, "GPU") {
			process, err := os.FindProcess(int(p.ID))
			if err != nil {
				t.Fatal(err)
			}
			process.Kill()
			return
		}
	}
	t.Fatal("no GPU process")
}

// points is a message with a run of 5,000 steps.
func points(t *testing.T, run int) []byte {
	m := message.Points{Run: strconv.Itoa(run), Name: "run " + strconv.Itoa(run)}
	for i := range 5000 {
		x := float64(i)
		m.Points = append(m.Points, message.Point{Step: int64(i + 1), Tokens: int64(i+1) * 1024, Seconds: x / 20, LearningRate: 2e-3 * math.Exp(-x/3000),
			Loss: 1 + 5*math.Exp(-x/(900+300*float64(run))) + 0.2*math.Sin(x*x), GradNorm: 1, TokensPerSecond: 20480})
	}
	text, err := m.MarshalMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
