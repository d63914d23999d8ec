//go:build js

package main

import (
	"errors"
	"runtime"
	"slices"
	"syscall/js"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// trainer does what the page asks for, one thing after the other, and trains in between.
type trainer struct {
	requests chan request
	next     []request         // taken from requests, still to be done
	store    *store            // nil: nothing outlives the tab
	kept     []keptRun         // in the store, newest first
	device   *host.Device      // nil while there is none
	kernels  map[string]string // that suit the adapter
	flops    float64           // FLOP/s that it has shown
	corpus   *text             // the embedded one
	chosen   chosenTokenizer   // the visitor's own, if there is one
	run      *run              // nil before the first
	running  bool
	rest     string         // the state between stretches: paused or stopped
	runs     []*message.Run // of this sitting, for the charts
	charts   js.Value       // MessagePort to them
	losses   []time.Time    // when the GPU was lost
}

// request is what the page asks for: a plain object with a field "do".
type request struct {
	do   string
	data js.Value
}

// text is a field of the request, empty if it has none.
func (r request) text(field string) string {
	if v := r.data.Get(field); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

func newTrainer() *trainer {
	t := &trainer{requests: make(chan request, 1000), rest: "paused"}
	receive := js.FuncOf(func(_ js.Value, args []js.Value) any {
		d := args[0].Get("data")
		t.requests <- request{d.Get("do").String(), d}
		return nil
	})
	js.Global().Call("addEventListener", "message", receive)
	return t
}

// serve never ends.
func (t *trainer) serve() {
	post("up", nil)
	if err := t.open(); err != nil {
		t.fail(err)
	}
	for {
		switch {
		case len(t.next) > 0:
			r := t.next[0]
			t.next = t.next[1:]
			t.do(r)
		case t.running && len(t.requests) == 0:
			t.train()
		default:
			t.do(<-t.requests)
		}
	}
}

// open gets everything ready for the first click.
func (t *trainer) open() (err error) {
	if t.store, err = openStore(); err != nil {
		what := "no storage"
		if errors.Is(err, errOtherTab) {
			what = "other tab"
		}
		post("notice", map[string]any{"what": what, "detail": detail(err)})
	}
	if t.device, err = host.Open(host.Options{}); err != nil {
		return err
	}
	info := t.device.Info
	post("adapter", map[string]any{"name": info.Name, "kind": info.Kind, "cpu": info.CPU})
	tok := corpus.Tokenizer()
	if t.corpus, err = embedded(pretrain, tok, progress("corpus")); err != nil {
		return err
	}
	t.findKept()
	if err := t.warmUp(); err != nil {
		return err
	}
	t.ready()
	return t.device.Err()
}

// ready tells the page that a run can begin, and which one can go on.
func (t *trainer) ready() {
	event := map[string]any{"saved": nil}
	if len(t.kept) > 0 {
		event["saved"] = map[string]any{"run": t.kept[0].run.ID, "step": t.kept[0].run.Step}
	}
	post("ready", event)
}

// do does what a request asks for, while no step is on its way.
func (t *trainer) do(r request) {
	var err error
	if t.device == nil && r.do != "charts" { // it was lost, and did not come back then
		if t.device, err = host.Open(host.Options{}); err != nil {
			t.fail(err)
			return
		}
	}
	switch r.do {
	case "plan":
		err = t.plan(r)
	case "charts":
		t.connect(r.data.Get("port"))
	case "start":
		err = t.start(r)
	case "continue":
		err = t.goOn(r)
	case "pause":
		t.pause("paused")
	case "stop":
		t.pause("stopped")
	case "resume":
		if t.alive() && !t.run.ended {
			t.running, t.rest = true, "paused"
			t.state("running")
		}
	case "step":
		err = t.single()
	case "speak":
		err = t.speak(r)
	case "forget":
		t.forget(r.text("run"))
	case "save":
		t.save()
	case "erase":
		t.erase(r.text("run"))
	case "checkpoint", "model", "weights", "base":
		err = t.download(r.do)
	case "metrics":
		err = t.downloadMetrics()
	case "load":
		err = t.load(r)
	}
	if err != nil {
		t.fail(err)
	}
}

// interrupts says that a request has to wait for the end of the step. Others are done at once.
func (r request) interrupts() bool {
	return !slices.Contains([]string{"charts", "speak", "hush", "metrics", "forget", "erase", "plan"}, r.do)
}

// connect takes the port to the charts, and tells them of all runs.
func (t *trainer) connect(port js.Value) {
	t.charts = port
	for _, r := range t.runs {
		t.draw(r, r.Points)
	}
}

// draw sends points to the charts.
func (t *trainer) draw(r *message.Run, points []message.Point) {
	if t.charts.IsUndefined() {
		return
	}
	bytes, err := (&message.Points{Run: r.ID, Name: r.Name, Points: points}).MarshalMsg(nil)
	if err != nil {
		panic(err) // it is smaller than a message may be
	}
	array := js.Global().Get("Uint8Array").New(len(bytes))
	js.CopyBytesToJS(array, bytes)
	t.charts.Call("postMessage", array, []any{array.Get("buffer")})
}

// forget leaves a run out of the charts. The present one stays.
func (t *trainer) forget(id string) {
	for i, r := range t.runs {
		if r.ID == id && (t.run == nil || t.run.record != r) {
			t.runs = append(t.runs[:i:i], t.runs[i+1:]...)
			return
		}
	}
}

// post sends an event to the page.
func post(kind string, data map[string]any) {
	event := map[string]any{"event": kind}
	for name, value := range data {
		event[name] = value
	}
	js.Global().Call("postMessage", event)
}

// progress tells the page how far something has come, a few times a second.
func progress(what string) func(share float64) {
	var last time.Time
	return func(share float64) {
		if time.Since(last) > 100*time.Millisecond {
			last = time.Now()
			post("progress", map[string]any{"what": what, "share": min(share, 1)})
		}
	}
}

// heap is the size of Go's heap in bytes.
func heap() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
