//go:build browser

package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// least is a link to the smallest model, on hardly any validation, to which the number of steps is added.
const least = "#hidden_size=16&num_hidden_layers=1&batch_size=1&max_seq_len=16&validation_share=0.0002&max_steps="

// deviceHook lets a test reach the trainer's GPUDevice. It is destroyed on demand, or each as soon as it is there; and it
// asks for larger buffers than the adapter has memory for, which allows 1 GiB and then has a little less.
const deviceHook = `{
	const { requestDevice } = GPUAdapter.prototype, { createBuffer } = GPUDevice.prototype;
	let device, does = "";
	GPUAdapter.prototype.requestDevice = async function (options) {
		device = await requestDevice.call(this, options);
		if (does === "destroy all") device.destroy();
		return device;
	};
	GPUDevice.prototype.createBuffer = function (d) { return createBuffer.call(this, does === "enlarge" && d.size > 1 << 20 ? { ...d, size: this.limits.maxBufferSize } : d); };
	new BroadcastChannel("test").onmessage = ({ data }) => { does = data; if (does.startsWith("destroy")) device?.destroy(); };
}`

// hook tells deviceHook what to do.
func (t *tab) hook(does string) {
	t.Helper()
	js[bool](t, "new BroadcastChannel('test').postMessage('"+does+"'); true")
}

// TestVisit does what visitors do with texts, files, curves, and more than their GPU can do.
func TestVisit(t *testing.T) {
	t.Parallel()
	tab := openTab(t, serveExport(t, serveRelease, map[string]string{"worker": deviceHook})+least+"8&validation_share=0.2", webgpu)
	tab.state("idle", 60*time.Second)
	tab.run("another tab", anotherTab)
	tab.run("language", speaksChinese)
	tab.run("dropped texts", droppedTexts)
	tab.run("curves", curves)
	tab.run("files", offeredFiles)
	tab.run("tokenizer", ownTokenizer)
	tab.run("no memory", noMemory)
	tab.run("lost device", lostDevice)
	tab.quiet()
}

// anotherTab finds the storage taken.
func anotherTab(t *tab) {
	ctx, cancel := chromedp.NewContext(t.ctx)
	defer cancel()
	other := &tab{T: t.T, ctx: ctx, url: t.url, log: t.log}
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as this context
		t.Fatal(err)
	}
	other.do(chromedp.Navigate(t.url))
	other.until("!document.getElementById('notice').hidden", 30*time.Second)
	if says := other.text("notice"); !strings.Contains(says, "Another tab") || !strings.Contains(says, "close it") {
		t.Errorf("a second tab says %q", says)
	}
}

// drop lets go of a file over the page.
func (t *tab) drop(name, content string) {
	t.Helper()
	if !js[bool](t, fmt.Sprintf(`(() => {
		const dataTransfer = new DataTransfer(), event = (kind) => new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
		dataTransfer.items.add(new File([%q], %q));
		return !document.body.dispatchEvent(event("dragover")) && !document.body.dispatchEvent(event("drop")) && !document.body.classList.contains("dropping");
	})()`, content, name)) {
		t.Errorf("%s is not taken", name)
	}
}

// finishes starts a run of so many steps and waits for its end.
func (t *tab) finishes(steps int) {
	t.Helper()
	t.click("start")
	t.until(fmt.Sprintf("document.getElementById('f-step').textContent.includes('/ %d')", steps), 30*time.Second)
	t.state("finished", 30*time.Second)
}

func droppedTexts(t *tab) {
	t.drop("broken.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n{\"text\": three}\n")
	t.click("start")
	t.alarm("This file cannot be used", "broken.jsonl", "line 3")
	t.drop("story.txt", strings.Repeat("The cat sat on the mat.\n\n", 40))
	if label, address := js[string](t, "document.querySelector('.drop').textContent"), js[string](t, "location.hash"); !strings.Contains(label, "story.txt") || !strings.Contains(address, "source=file") {
		t.Errorf("after the drop the page says %q, its address %q", label, address)
	}
	t.finishes(8)
	t.drop("more.jsonl", strings.Repeat(`{"text": "The dog ran over the hill, and far away."}`+"\n", 40))
	js[bool](t, `location.hash += "&learning_rate=0.009"; true`)
	t.until("document.getElementById('c-learning_rate').value === '0.009'", 5*time.Second)
	t.finishes(8)
	table := t.text("runs")
	for _, says := range []string{"File", "story.txt", "more.jsonl", "Learning rate", "0.002", "0.009"} {
		if !strings.Contains(table, says) {
			t.Errorf("the table of what differs does not say %q: %q", says, table)
		}
	}
}

// drawing is a name of the charts' pixels; and of how many there are of each run's colour.
func (t *tab) drawing() (name string, colored []int) {
	t.Helper()
	type pixels struct {
		Name  string `json:"name"`
		Count []int  `json:"count"`
	}
	p := js[pixels](t, `(async () => {
		const from = document.querySelector("#canvas > canvas"), size = [from.clientWidth, from.clientHeight];
		const to = new OffscreenCanvas(...size).getContext("2d");
		to.drawImage(from, 0, 0, ...size);
		const { data } = to.getImageData(0, 0, ...size);
		const name = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", data))));
		const colors = [...document.querySelectorAll(".swatch")].map((e) => e.style.background.match(/\d+/g).map(Number));
		const count = colors.map(() => 0);
		for (let i = 0; i < data.length; i += 4) colors.forEach((c, k) => { if (Math.hypot(data[i] - c[0], data[i + 1] - c[1], data[i + 2] - c[2]) < 12) count[k]++; });
		return { name, count };
	})()`)
	return p.Name, p.Count
}

// redraws waits until the charts look like before, or no longer do, and returns what they look like once they stay so.
func (t *tab) redraws(what, before string, same bool) string {
	t.Helper()
	last := ""
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		now, _ := t.drawing()
		if now == last && (now == before) == same {
			return now
		}
		last = now
	}
	t.picture("failed")
	t.Errorf("%s: the charts look like before: %v, want %v", what, !same, same)
	return last
}

// curves reads, zooms and changes the charts of two runs that have ended.
func curves(t *tab) {
	js[bool](t, "document.getElementById('canvas').scrollIntoView({ block: 'center' }); true")
	box := js[[]float64](t, "(() => { const b = document.getElementById('canvas').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()")
	at := func(x, y float64) (float64, float64) { return box[0] + x*box[2], box[1] + y*box[3] }
	mouse := func(kind string, x, y float64) {
		t.Helper()
		x, y = at(x, y)
		switch kind {
		case "press":
			t.do(chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		case "release":
			t.do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		case "twice":
			t.do(chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)))
		default:
			t.do(chromedp.MouseEvent(chromedp.MouseMoved, x, y))
		}
	}
	away := func() { t.Helper(); t.do(chromedp.MouseEvent(chromedp.MouseMoved, 2, 2)) }
	away()
	rest := t.redraws("nothing", "", false)
	if _, colored := t.drawing(); len(colored) != 2 || colored[0] < 40 || colored[1] < 40 {
		t.Errorf("the two runs' colours have %d pixels", colored)
	}

	mouse("move", 0.5, 0.3)
	t.redraws("pointing at a curve", rest, false)
	t.picture("readout")
	away()
	t.redraws("pointing elsewhere", rest, true)

	zoom := func() {
		t.Helper()
		mouse("press", 0.4, 0.2)
		mouse("move", 0.7, 0.4)
		mouse("release", 0.7, 0.4)
		away()
		t.redraws("drawing a box", rest, false)
	}
	zoom()
	t.picture("zoomed")
	mouse("twice", 0.5, 0.3)
	away()
	t.redraws("a double click", rest, true)
	zoom()
	t.click("back")
	away()
	t.redraws("the button Zoom back", rest, true)
	zoom()
	t.do(chromedp.Focus(chromedp.ID("canvas")), chromedp.KeyEvent(kb.Backspace))
	t.redraws("Backspace", rest, true)
	t.do(chromedp.KeyEvent(kb.ArrowRight))
	t.redraws("an arrow key", rest, false)
	t.do(chromedp.KeyEvent(kb.Escape))
	t.redraws("Escape", rest, true)

	input := func(id, value string) {
		t.Helper()
		js[bool](t, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event("input", { bubbles: true })); return true; })()`, id, value))
	}
	looks := []string{rest}
	look := func(what string) {
		t.Helper()
		now := t.redraws(what, looks[len(looks)-1], false)
		if slices.Contains(looks, now) {
			t.Errorf("%s: the charts look as they did before", what)
		}
		looks = append(looks, now)
	}
	input("smoothing", "0")
	look("no smoothing")
	t.do(chromedp.Click(chromedp.ID("log")))
	look("a logarithmic axis")
	input("x", "1")
	look("along tokens")
	input("x", "2")
	look("along time")
	for _, series := range []string{"grad_norm", "tokens_per_second"} {
		t.do(chromedp.Click(chromedp.CSS("label:has([value=" + series + "]) span")))
		look(series)
	}
	t.picture("all-series")
	for _, series := range []string{"grad_norm", "tokens_per_second"} {
		t.do(chromedp.Click(chromedp.CSS("label:has([value=" + series + "]) span")))
	}
	t.do(chromedp.Click(chromedp.ID("log")))
	input("x", "0")
	input("smoothing", "0.9")
	away()
	t.redraws("all as it was", rest, true)
}

// offeredFiles are the chart as a picture and the steps of both runs as a table.
func offeredFiles(t *tab) {
	content, err := os.ReadFile(t.download("png", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	if n := blue(t.T, content); n < 40 {
		t.Errorf("the chart's picture has %d pixels of the first run's curve", n)
	}
	if content, err = os.ReadFile(t.download("metrics", "*.csv")); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string]int{}
	for _, row := range rows[1:] {
		steps[row[0]]++
		if row[1] != fmt.Sprint(steps[row[0]]) || row[4] == "" {
			t.Errorf("row %q is not step %d", row, steps[row[0]])
		}
	}
	if len(steps) != 2 || len(rows) != 17 || rows[0][4] != "loss" {
		t.Errorf("%d rows of runs %v, headed %q", len(rows), steps, rows[0])
	}
}

// ownTokenizer trains on a text that was pasted, in a vocabulary of the visitor's own.
func ownTokenizer(t *tab) {
	own, err := tokenizer.Train(slices.Values([]string{strings.Repeat("the cat sat on the mat ", 9)}), 270, []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := own.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	before := t.text("plan")
	t.drop("tokenizer.json", text.String())
	t.until(fmt.Sprintf("document.getElementById('plan').textContent !== %q", before), 10*time.Second)
	js[bool](t, "location.hash = '"+least+"5&source=paste'; document.getElementById('pasted').value = 'the cat sat on the mat\\n\\n'.repeat(40); true")
	t.until("document.getElementById('c-source').value === 'paste'", 5*time.Second)
	t.finishes(5)
	f, err := os.Open(t.download("checkpoint", "*.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.NewReader(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if c.Header.Model.VocabSize != own.VocabSize() || c.Header.TokenizerHash != own.Hash() {
		t.Errorf("the checkpoint has a vocabulary of %d, not the tokenizer's %d", c.Header.Model.VocabSize, own.VocabSize())
	}
	t.drop("tokenizer.json", `{"model": {"type": "WordPiece"}}`)
	t.click("start")
	t.alarm("This file cannot be used", "tokenizer.json")
	js[bool](t, "document.getElementById('tokenizer').value = ''; true")
}

// noMemory starts a run on an adapter that has no memory for it. The page is as usable as before, as lostDevice shows.
func noMemory(t *tab) {
	js[bool](t, "location.hash = '#hidden_size=64&num_hidden_layers=1&max_steps=3&validation_share=0.0002'; true")
	t.until("document.getElementById('plan').textContent.match(/[0-9][0-9] MB/)", 10*time.Second)
	planned := t.megabytes("plan")
	t.hook("enlarge")
	t.click("start")
	t.alarm("This does not fit into the GPU's memory", "smaller batch", "no memory for", "VK_ERROR_OUT_OF_DEVICE_MEMORY", "MiB in all")
	if needs := js[int](t, "parseInt(document.getElementById('alert').textContent.match(/needs ([0-9]+)[.0-9]* MiB in all/)[1])"); needs < planned/2 || needs > 2*planned {
		t.Errorf("the run needs %d MiB, and the plan says %d", needs, planned)
	}
	t.hook("nothing")
	t.state("idle", 20*time.Second)
}

// lostDevice destroys the trainer's GPUDevice: the run goes on, the same to the bit, as long as another one can be had.
func lostDevice(t *tab) {
	destroy := func(says string) {
		t.Helper()
		js[bool](t, "document.getElementById('notice').hidden = true; true")
		t.hook("destroy")
		t.until("!document.getElementById('notice').hidden && document.getElementById('notice').textContent.includes('is back')", 30*time.Second)
		if notice := t.text("notice"); !strings.Contains(notice, says) {
			t.Errorf("the page says %q, not %q", notice, says)
		}
		js[bool](t, "document.getElementById('f-step').textContent = ''; true") // it may be of before
	}
	js[bool](t, "location.hash = '"+least+"100000'; true")
	t.until("document.getElementById('c-max_steps').value === '100000'", 5*time.Second)
	t.click("fresh")
	t.until("document.getElementById('f-step').textContent.includes('/ 100,000')", 30*time.Second)
	destroy("step 0,") // before anything is saved
	t.untilStep(3, 20*time.Second)
	t.click("pause")
	t.state("paused", 20*time.Second)
	saved := t.step()
	t.click("resume")
	t.untilStep(saved+10, 20*time.Second)
	before := t.losses()
	destroy(fmt.Sprintf("step %d,", saved))
	t.untilStep(saved+10, 20*time.Second)
	after := t.losses()
	for step := saved + 1; step <= saved+10; step++ {
		if before[step] == 0 || before[step] != after[step] {
			t.Errorf("step %d had the loss %v, and after the device was lost %v", step, before[step], after[step])
		}
	}

	// no device that lives
	t.hook("destroy all")
	t.alarm("The GPU was lost, and did not come back", "load the page again")
	t.hook("nothing")
	t.state("idle", 10*time.Second)
	if says := t.text("start"); !strings.Contains(says, fmt.Sprintf("step %d", saved)) {
		t.Errorf("the button says %q, not that it goes on from step %d", says, saved)
	}
	t.click("start")
	t.untilStep(saved+1, 20*time.Second)
	t.click("stop")
	t.state("stopped", 20*time.Second)
}
