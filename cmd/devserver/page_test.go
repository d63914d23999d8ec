//go:build browser

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const webgpu = "enable-unsafe-webgpu"

// small is a link to a model that even Chromium's software adapter trains fast.
const small = "#hidden_size=64&num_hidden_layers=1&batch_size=2&max_seq_len=32&max_steps=90&validation_share=0.0005"

// exported is a folder with the exported page. It is made once, if at all: compressing takes seconds.
var exported = sync.OnceValues(func() (string, error) {
	source, err := sourceTree()
	if err != nil {
		return "", err
	}
	if exportFolder, err = os.MkdirTemp("", "minimind-gpu-site-"); err != nil {
		return "", err
	}
	return exportFolder, source.export(exportFolder, 9)
})

var exportFolder string

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(exportFolder)
	os.Exit(code)
}

// site serves the exported page, at a path below a server's root.
func site(t *testing.T) string {
	return serveExport(t, serveRelease, nil)
}

// serveExport serves the exported page with scripts that come before some of the page's own (worker, page): they take away
// what a browser may not have, or let a test in. They may change between loads.
func serveExport(t *testing.T, serve func(fs.FS) http.Handler, before map[string]string) string {
	t.Helper()
	folder, err := exported()
	if err != nil {
		t.Fatal(err)
	}
	// The program is all that weighs something. It must be at most 3 MB by level 11, which takes most of a minute; level 9
	// leaves 1.15 times as much, as measured.
	programs, _ := filepath.Glob(filepath.Join(folder, "minimind.*.wasm.br"))
	if len(programs) != 1 {
		t.Fatalf("programs %q in the export", programs)
	}
	if info, err := os.Stat(programs[0]); err != nil || info.Size() > 1.15*3_000_000 {
		t.Errorf("the program has %d bytes (%v); that is more than 3 MB at level 11", info.Size(), err)
	}
	server := httptest.NewServer(http.StripPrefix("/some/path", changed(serve(os.DirFS(folder)), before)))
	t.Cleanup(server.Close)
	return server.URL + "/some/path/"
}

func changed(h http.Handler, before map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(path.Base(r.URL.Path), ".")
		script, ok := before[name]
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, "%s\n%s", script, answer.Body)
	})
}

// native runs the native program.
func native(t *testing.T, binary string, args ...string) {
	t.Helper()
	if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("minimind-gpu %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// nativeLosses are those of a native run's metrics, by step.
func nativeLosses(t *testing.T, run string) map[int]float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(run, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	losses := map[int]float64{}
	for line := range bytes.Lines(text) {
		var m struct {
			Step int
			Loss float64
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		losses[m.Step] = m.Loss
	}
	return losses
}

func sameLoss(t *testing.T, what string, got, want float64) {
	t.Helper()
	if want == 0 || math.Abs(got-want) > 1e-4*want {
		t.Errorf("%s: loss %v, want %v", what, got, want)
	}
}

// TestPage does what a visitor does, from the first click to a lost GPU.
func TestPage(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "minimind-gpu")
	if out, err := exec.Command("go", "build", "-o", binary, "../minimind-gpu").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tab := openTab(t, site(t)+small, webgpu)
	if js[int](tab, "document.querySelectorAll('#settings .control').length") < 15 {
		t.Error("the controls wait for the program")
	}
	tab.state("idle", 60*time.Second)
	tab.until("document.getElementById('plan').textContent.includes('MB')", 10*time.Second)
	tab.picture("ready")

	// training
	tab.click("start")
	tab.untilStep(6, 20*time.Second)
	before := tab.curve()
	tab.untilStep(30, 60*time.Second)
	after := tab.curve()
	if before < 100 || after < 100 || before == after {
		t.Errorf("the charts have %d pixels of curves, and later %d", before, after)
	}
	tab.until("document.querySelectorAll('.sample').length >= 2", 20*time.Second)

	// pausing, one step, talking
	tab.click("pause")
	tab.state("paused", 20*time.Second)
	at := tab.step()
	tab.click("step")
	tab.untilStep(at+1, 20*time.Second)
	tab.state("paused", 10*time.Second)
	losses := tab.losses()
	if first, last := (losses[1]+losses[2])/2, (losses[at]+losses[at+1])/2; !(last < first-0.3) {
		t.Errorf("the loss went from %v to %v", first, last)
	}
	tab.speaks()
	tab.resize(1360, 2150)
	tab.picture("training")
	tab.click("theme")
	tab.resize(1360, 1000)
	tab.picture("dark")
	tab.resize(360, 780)
	tab.picture("phone")
	if width := js[int](tab, "document.documentElement.scrollWidth"); width > 360 {
		t.Errorf("on a phone of 360 pixels the page is %d wide", width)
	}
	tab.resize(1360, 1000)
	tab.click("theme")

	// to the native program and back
	checkpoint := tab.download("checkpoint", "*.ckpt")
	run := filepath.Join(t.TempDir(), "run")
	native(t, binary, "generate", "--checkpoint", checkpoint, "--prompt", "Lily", "--max-new-tokens", "4")
	native(t, binary, "pretrain", "--resume", checkpoint, "--out", run)
	natively := nativeLosses(t, run)
	tab.click("step")
	tab.untilStep(at+2, 20*time.Second)
	sameLoss(t, "the native program goes on", natively[at+2], tab.losses()[at+2])

	// the same by way of safetensors: the model alone
	weights, exported := tab.download("weights", "*.safetensors"), filepath.Join(t.TempDir(), "exported.safetensors")
	native(t, binary, "import", weights, "--out", filepath.Join(t.TempDir(), "imported.ckpt"))
	native(t, binary, "export", "--checkpoint", filepath.Join(run, "checkpoints", "step-00000081.ckpt"), "--format", "safetensors", "--out", exported)
	tab.upload("load", exported)
	tab.until("document.getElementById('status').textContent.includes('exported.safetensors')", 20*time.Second)
	tab.click("step")
	tab.untilStep(1, 20*time.Second)
	tab.state("paused", 20*time.Second)
	if loss := tab.losses()[1]; !(loss < losses[1]-0.3) {
		t.Errorf("with imported weights the first loss is %v, with fresh ones %v", loss, losses[1])
	}

	tab.upload("load", filepath.Join(run, "checkpoints", "step-00000081.ckpt"))
	tab.until("document.getElementById('status').textContent.includes('81')", 20*time.Second)
	tab.click("step")
	tab.untilStep(82, 20*time.Second)
	sameLoss(t, "the page goes on", tab.losses()[82], natively[82])

	// the tab is closed and opened again
	tab.do(chromedp.Navigate("about:blank"), chromedp.Navigate(tab.url))
	tab.state("idle", 60*time.Second)
	if says := tab.text("start"); !strings.Contains(says, "82") {
		t.Errorf("the button says %q, not that it goes on from step 82", says)
	}
	tab.click("start")
	tab.state("finished", 60*time.Second)
	sameLoss(t, "the page goes on after it was opened again", tab.losses()[89], natively[89])

	// the model learns to answer
	js[bool](tab, "location.hash = '#stage=sft&batch_size=1&max_seq_len=64&max_steps=3&learning_rate=0.001'; true")
	tab.until("document.getElementById('c-stage').value === 'sft'", 5*time.Second)
	tab.click("start")
	tab.until("document.getElementById('f-step').textContent.includes('/ 3')", 30*time.Second)
	tab.state("finished", 30*time.Second)
	tab.speaks()
	adapters := tab.learnsByAdapters(binary)
	if runs := tab.text("runs"); !strings.Contains(runs, "0.004") || !strings.Contains(runs, "0.002") {
		t.Errorf("the table of what differs says %q", runs)
	}

	// the GPU is lost
	saved := tab.step()
	tab.quiet()
	tab.click("resume")
	tab.untilStep(saved+2, 20*time.Second)
	tab.killGPU()
	tab.until("document.getElementById('notice').textContent.includes('is back')", 30*time.Second)
	tab.picture("recovered")
	tab.untilStep(saved+4, 60*time.Second)
	if n := tab.curve(); n < 100 {
		t.Errorf("after the GPU was lost the charts have %d pixels of curves", n)
	}
	tab.click("stop")
	tab.state("stopped", 20*time.Second)

	// another model learns a text that was pasted
	js[bool](tab, "location.hash = '"+small+"&source=paste'; document.getElementById('pasted').value = 'one two three\\n\\n'.repeat(99); true")
	tab.until("document.getElementById('c-source').value === 'paste'", 5*time.Second)
	js[bool](tab, "document.getElementById('c-max_steps').value = 2; true")
	tab.click("start")
	tab.until("document.getElementById('f-step').textContent.includes('/ 2')", 30*time.Second)
	tab.state("finished", 30*time.Second)
	pasted := tab.download("checkpoint", "*.ckpt")

	// a few runs from one form
	js[bool](tab, "location.hash = '"+small+"&max_steps=2'; document.getElementById('comparison').open = true; document.getElementById('compare-values').value = '0.001, 7'; true")
	tab.until("document.getElementById('c-max_steps').value === '2'", 5*time.Second)
	tab.click("compare")
	tab.alarm("7 cannot be: Learning rate")
	js[bool](tab, "document.getElementById('compare-values').value = '0.001, 0.003'; true")
	tab.click("compare")
	tab.until("document.getElementById('c-learning_rate').value === '0.003'", 30*time.Second)
	tab.state("finished", 30*time.Second)
	if runs := tab.text("runs"); !strings.Contains(runs, "0.001") || !strings.Contains(runs, "0.003") {
		t.Errorf("the table of what differs says %q", runs)
	}

	tab.returnsToKept()
	tab.upload("load", pasted) // whose text is not there any more
	tab.until("document.getElementById('status').textContent.includes('its weights alone')", 20*time.Second)

	// what cannot be
	broken := filepath.Join(t.TempDir(), "broken.ckpt")
	if err := os.WriteFile(broken, []byte("not a checkpoint"), 0o666); err != nil {
		t.Fatal(err)
	}
	tab.upload("load", broken)
	tab.alarm("This file cannot be used", "broken.ckpt", "not a minimind-gpu checkpoint")
	js[bool](tab, "document.getElementById('alert').hidden = true; true")
	tab.upload("load", adapters)
	tab.alarm("adapters-tiny", "load the one that they were trained on first", "trained on other weights")
	tab.refuses("#hidden_size=30", "These settings cannot be", "Width")
	tab.refuses("#hidden_size=36", "These settings cannot be", "head_dim is 9")
	tab.refuses("#batch_size=60000&max_seq_len=1024&max_steps=5", "does not fit", "batch_size")
	tab.refuses("#source=file", "This file cannot be used", "no file was chosen")
	tab.picture("refused")

	tab.quiet("CONTEXT_LOST_WEBGL", "A valid external Instance reference no longer exists.\", source: "+tab.url[:20])
}

// refuses starts a run that cannot be.
func (t *tab) refuses(link string, says ...string) {
	t.Helper()
	js[bool](t, "location.hash = '"+link+"'; document.getElementById('alert').hidden = true; true")
	t.until("!document.getElementById('start').disabled", 10*time.Second)
	time.Sleep(100 * time.Millisecond)
	t.click("start")
	t.alarm(says...)
}
