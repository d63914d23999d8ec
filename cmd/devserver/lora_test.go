//go:build browser

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// learnsByAdapters lets the present model learn by adapters, and takes these to the native program and back. It returns the
// adapters' checkpoint.
func (t *tab) learnsByAdapters(binary string) (adapters string) {
	t.Helper()
	js[bool](t, "location.hash = '#stage=lora&rank=4&alpha=6&batch_size=1&max_seq_len=64&max_steps=90&learning_rate=0.004&validation_share=0.002'; true")
	t.until("document.getElementById('plan').textContent.includes('in adapters')", 10*time.Second)
	if js[bool](t, "document.getElementById('c-rank').offsetParent === null || document.getElementById('c-preset').offsetParent !== null") {
		t.Error("adapters have a rank, and no preset")
	}
	planned := t.megabytes("plan")
	t.click("start")
	t.until("document.getElementById('f-step').textContent.includes('/ 90')", 30*time.Second)
	t.untilStep(3, 20*time.Second)
	t.click("pause")
	t.state("paused", 20*time.Second)
	if takes := t.megabytes("f-memory"); takes > planned || takes < planned/2 {
		t.Errorf("it takes %d MB of memory, and the plan said %d", takes, planned)
	}

	// what is merged here and natively are the same bytes
	at := t.step()
	adapters = t.download("checkpoint", "adapters-*.ckpt")
	model, base, merged := t.download("model", "model-*.ckpt"), t.download("base", "base-*.ckpt"), filepath.Join(t.TempDir(), "merged.ckpt")
	native(t.T, binary, "lora", "merge", "--adapters", adapters, "--base", base, "--out", merged)
	if here, there := content(t.T, model), content(t.T, merged); !bytes.Equal(here, there) {
		t.Errorf("the model that is merged here, of %d bytes, is not that which is merged natively, of %d", len(here), len(there))
	} else if bytes.Equal(here, content(t.T, base)) {
		t.Error("the adapters change nothing")
	}
	t.click("step")
	t.untilStep(at+1, 20*time.Second)
	next := t.losses()[at+1]

	// back again: they go on exactly, on the model that is there beneath those that have learnt more
	t.upload("load", adapters)
	t.until("document.getElementById('status').textContent.includes('adapters-tiny')", 20*time.Second)
	t.click("step")
	t.untilStep(at+1, 20*time.Second)
	if again := t.losses()[at+1]; again != next || next == 0 {
		t.Errorf("the loss of step %d is %v, and with loaded adapters %v", at+1, next, again)
	}
	return adapters
}

// returnsToKept goes on with the run that was saved before the present one, and deletes another.
func (t *tab) returnsToKept() {
	t.Helper()
	const rows = "document.querySelectorAll('#kept-runs li')"
	many := js[int](t, rows+".length")
	js[bool](t, rows+"[0].querySelector('button').click(); true")
	t.state("finished", 20*time.Second)
	if loss, held := t.text("f-loss"), t.text("f-validation"); loss == "–" || held == "–" {
		t.Errorf("the run that ended shows the loss %s and the validation %s", loss, held)
	}
	js[bool](t, "for (let i = 0; i < 2; i++) "+rows+"[1].querySelectorAll('button')[1].click(); true")
	t.until(rows+".length === "+strconv.Itoa(many-1), 10*time.Second)
}

// megabytes is the first size that an element tells.
func (t *tab) megabytes(id string) int {
	return js[int](t, "parseInt(document.getElementById('"+id+"').textContent.match(/([0-9]+) MB/)[1])")
}

func content(t *testing.T, file string) []byte {
	t.Helper()
	bytes, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
