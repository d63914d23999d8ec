//go:build js

// Command wasm is the browser's program. The page starts it twice, each time in a worker of its own: as "trainer" it
// trains and speaks on the visitor's GPU, as "charts" it draws. static/worker.js starts it; static/page.js is what the
// visitor sees.
package main

import "os"

func main() {
	switch role := os.Args[1]; role {
	case "trainer":
		newTrainer().serve()
	case "charts":
		drawCharts()
	default:
		panic("there is no role " + role)
	}
}
