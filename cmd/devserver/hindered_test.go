//go:build browser

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestHinderedBrowsers opens the page, as any static host would serve it, where something is missing that it likes to have.
func TestHinderedBrowsers(t *testing.T) {
	t.Parallel()
	before := map[string]string{"page": "", "worker": ""}
	tab := openTab(t, serveExport(t, http.FileServerFS, before)+least+"6", webgpu)
	load := func(page, worker string) {
		before["page"], before["worker"] = page, worker
		tab.do(chromedp.Navigate("about:blank"), chromedp.Navigate(tab.url))
	}
	framed := func() {
		t.Helper()
		tab.until("document.querySelector('#canvas > iframe')?.contentDocument.querySelector('canvas')", 20*time.Second)
	}

	// no canvas for workers, nor storage: a frame draws, and nothing is kept
	const none = "delete globalThis.OffscreenCanvas; delete globalThis.HTMLCanvasElement?.prototype.transferControlToOffscreen; delete StorageManager.prototype.getDirectory;"
	load(none, none)
	tab.until("!document.getElementById('notice').hidden", 20*time.Second)
	if says := tab.text("notice"); !strings.Contains(says, "download the checkpoint") {
		t.Errorf("without storage the page says %q", says)
	}
	tab.state("idle", 60*time.Second)
	tab.finishes(6)
	framed()
	tab.until("document.querySelector('#canvas > iframe').contentDocument.querySelector('canvas').width > 300", 10*time.Second)
	if n := tab.curve(); n < 100 {
		t.Errorf("in a frame the charts have %d pixels of curves", n)
	}
	tab.picture("frame")
	tab.quiet()

	// workers that have a canvas on which nothing can be drawn, and no GPU
	load("", "if (!globalThis.document) { OffscreenCanvas.prototype.getContext = () => null; delete WorkerNavigator.prototype.gpu; }")
	tab.alarm("No GPU can be used here", "this browser offers no WebGPU here")
	framed()

	// no curves at all
	load("HTMLCanvasElement.prototype.getContext = () => null;", "delete globalThis.WorkerNavigator?.prototype.gpu;")
	tab.until("document.getElementById('canvas').textContent.includes('WebGL 2')", 20*time.Second)
	tab.alarm("No GPU can be used here")
}
