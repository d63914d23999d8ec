//go:build browser

package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

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

// curve is how many pixels of the charts have the colour of the first run.
func (t *tab) curve() int {
	t.Helper()
	shot, err := chromedp.Run(t.ctx, chromedp.Screenshot(chromedp.ID("canvas")))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
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
