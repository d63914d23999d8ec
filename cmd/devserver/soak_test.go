//go:build browser && soak

package main

import (
	"os"
	"testing"
	"time"
)

// TestSoak trains for ten minutes, or as long as MINIMIND_SOAK_PAGE says: the memory stays as it is, the main thread is never
// late for long, and the console stays empty.
func TestSoak(t *testing.T) {
	lasts := 10 * time.Minute
	if text := os.Getenv("MINIMIND_SOAK_PAGE"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	tab := openTab(t, site(t)+"#hidden_size=16&num_hidden_layers=1&batch_size=1&max_seq_len=16&max_steps=1000000&validation_share=0.0002", webgpu)
	tab.state("idle", time.Minute)
	clicked := time.Now()
	tab.click("start")
	tab.untilStep(1, time.Minute)
	if first := time.Since(clicked); first > 2*time.Second {
		t.Errorf("the first step was shown %v after the click, which is more than 2 s", first)
	}
	js[bool](tab, lateness)
	tab.untilStep(50, time.Minute)
	heap := func() float64 {
		return js[float64](tab, "parseFloat(document.getElementById('f-memory').title.match(/[0-9.]+/)[0])")
	}
	most := func() (heaps float64) {
		for range 20 {
			heaps = max(heaps, heap())
			time.Sleep(time.Second)
		}
		return heaps
	}
	first, memory, begin := most(), tab.text("f-memory"), tab.step()
	for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(time.Second) {
		tab.state("running", time.Second)
	}
	last, steps := most(), tab.step()-begin
	t.Logf("%d steps; the program's heap was at most %.1f MB, and at the end %.1f MB; GPU memory %s", steps, first, last, tab.text("f-memory"))
	// The points of the curves stay: 64 bytes a step, and twice that while their list grows.
	if room := float64(steps) * 3 * 64 / (1 << 20); last > 1.1*first+room {
		t.Errorf("the heap grew from %.1f to %.1f MB", first, last)
	}
	if now := tab.text("f-memory"); now != memory {
		t.Errorf("GPU memory went from %s to %s", memory, now)
	}
	if late := js[float64](tab, "late.sort((a, b) => a - b)[Math.floor(late.length * 0.95)]"); late > 50 {
		t.Errorf("the main thread is late by %.1f ms at the 95th percentile", late)
	}
	tab.quiet()
}
