//go:build browser

package main

import (
	"testing"
	"time"
	"strings"
)

func TestLook(t *testing.T) {
	tab := openTab(t, serveTree(t)+"#batch_size=2&max_seq_len=32&max_steps=40", "enable-unsafe-webgpu")
	start := time.Now()
	tab.picture("loading")
	tab.until("document.body.dataset.state === 'idle'", 60*time.Second)
	t.Log("ready after", time.Since(start))
	tab.picture("ready")
	tab.click("start")
	start = time.Now()
	tab.until("document.getElementById('f-step').textContent.startsWith('1')", 60*time.Second)
	t.Log("first step after", time.Since(start))
	time.Sleep(8*time.Second)
	tab.picture("training")
	t.Log(js[string](tab, "document.getElementById('status').textContent"))
	t.Log(strings.Join(tab.log.console(), "\n"))
}
