//go:build browser && soak

package main

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"
)

// TestSoakCharts draws three runs of 5,000 steps, each frame anew, in a worker and in a frame of the page: at the median a
// frame takes at most 33 ms.
func TestSoakCharts(t *testing.T) {
	url := serveTree(t)
	for _, place := range []string{"worker", "frame"} {
		t.Run(place, func(t *testing.T) {
			tab := openTab(t, url+"?charts="+place)
			tab.alarm("No GPU") // the trainer's; the charts draw without
			js[bool](tab, `(async () => {
				const { Charts } = await import("./charts.js");
				const module = await WebAssembly.compileStreaming(fetch("./minimind.wasm"));
				await new Promise((up) => { globalThis.charts = new Charts(document.getElementById("canvas"), module, { up, colors() {}, lost() {}, png() {} }); });
				globalThis.channel = new MessageChannel();
				charts.port(channel.port1);
				return true;
			})()`)
			for run := range 3 {
				js[bool](tab, fmt.Sprintf(`channel.port2.postMessage(Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))); true`, base64.StdEncoding.EncodeToString(points(t, run))))
			}
			js[bool](tab, `(() => { let x = 0; const move = () => { charts.send({ do: "pointer", kind: "move", x: 60 + (x++ % 400), y: 120 }); requestAnimationFrame(move); }; move(); return true; })()`)
			tab.until("document.querySelector('#canvas > *').dataset.frame > 0", 30*time.Second)
			time.Sleep(2 * time.Second)
			frame := js[float64](tab, "Number(document.querySelector('#canvas > *').dataset.frame)")
			t.Logf("a frame of three runs of 5,000 steps takes %.1f ms at the median", frame)
			if frame > 33 {
				t.Error("that is more than 33 ms")
			}
			tab.picture("charts-" + place)
			if n := tab.curve(); n < 100 {
				t.Errorf("the charts have %d pixels of curves", n)
			}
		})
	}
}
