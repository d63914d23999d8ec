//go:build browser

package main

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// tab is a browser with one tab, in which the page is open.
type tab struct {
	*testing.T
	ctx context.Context
	url string
	log *output
}

// output is what the browser prints: with the console's lines of the page and of its workers.
type output struct {
	sync.Mutex
	bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	return o.Buffer.Write(p)
}

// console returns the lines of the console.
func (o *output) console() (lines []string) {
	o.Lock()
	defer o.Unlock()
	for line := range strings.Lines(o.String()) {
		if strings.Contains(line, ":CONSOLE") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// openTab starts Chromium, without a GPU, with more flags, and opens the address.
func openTab(t *testing.T, url string, flags ...string) *tab {
	t.Helper()
	path, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	tab := &tab{T: t, url: url, log: &output{}}
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1360, 1000), chromedp.CombinedOutput(tab.log))
	for _, f := range append(flags, "enable-unsafe-swiftshader", "disable-quic", "disable-background-networking",
		"disable-component-update", "disable-sync", "hide-scrollbars", "enable-logging=stderr") {
		name, value, both := strings.Cut(f, "=")
		if both {
			o = append(o, chromedp.Flag(name, value))
		} else {
			o = append(o, chromedp.Flag(name, true))
		}
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), o...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	tab.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // starts the browser, which lives as long as this context
		t.Fatal(err)
	}
	tab.do(chromedp.Navigate(url))
	return tab
}

// chromium finds the browser.
func chromium() (string, error) {
	for _, path := range []string{os.Getenv("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"} {
		if _, err := os.Stat(path); path != "" && err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium here: .ci/setup browser installs it, or CHROMIUM says where it is")
}

func (t *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(t.log.console(), "\n"))
	}
}

// js evaluates an expression, a promise's value when it is one.
func js[T any](t *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v\n%s", expression, err, strings.Join(t.log.console(), "\n"))
	}
	return v
}

// until waits until the expression is true.
func (t *tab) until(expression string, limit time.Duration) {
	t.Helper()
	for end := time.Now().Add(limit); !js[bool](t, "Boolean("+expression+")"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.picture("failed")
			t.Fatalf("not within %v: %s\nstatus: %s %s\n%s", limit, expression, js[string](t, "status.textContent ?? document.getElementById('status').textContent"),
				js[string](t, "document.getElementById('alert').textContent"), strings.Join(t.log.console(), "\n"))
		}
	}
}

func (t *tab) click(id string) { t.Helper(); t.do(chromedp.Click(chromedp.ID(id))) }

// speaks asks the model until it writes something: one that has hardly learnt may find that the text ends at once.
func (t *tab) speaks() {
	t.Helper()
	for range 10 {
		t.click("speak")
		t.until("!document.getElementById('speak').hidden", 30*time.Second)
		if js[bool](t, "document.getElementById('answer').textContent.length > document.getElementById('prompt').value.length + 4") {
			return
		}
	}
	t.Fatalf("it has nothing to say: %q", t.text("answer"))
}

// picture saves a screenshot where a person can look at it.
func (t *tab) picture(name string) {
	t.Helper()
	png, err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot())
	t.keep(name, png, err)
}

// keep saves a picture where a person can look at it.
func (t *tab) keep(name string, png []byte, err error) {
	t.Helper()
	folder := filepath.Join("..", "..", "dist", "screenshots")
	if err == nil {
		err = os.MkdirAll(folder, 0o777)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// resize makes the window so large, and leaves the charts the time to follow.
func (t *tab) resize(width, height int64) {
	t.Helper()
	t.do(chromedp.EmulateViewport(width, height))
	time.Sleep(300 * time.Millisecond)
}

// serveTree serves the page, built from the source tree.
func serveTree(t *testing.T) string {
	t.Helper()
	source, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := source.serve()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/"
}
