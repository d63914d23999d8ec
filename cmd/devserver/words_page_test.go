//go:build browser

package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// letters opens the charts beside the page; look(language, words) then switches the language and tells how far the best
// place of a picture of the charts is from those words as the browser writes them, in values of 255.
const letters = `(async () => {
	const { Charts } = await import(performance.getEntriesByType("resource").find((e) => e.name.includes("/charts.")).name);
	const module = await WebAssembly.compileStreaming(fetch(document.getElementById("wasm").href));
	let png;
	await new Promise((up) => { globalThis.charts = new Charts(document.getElementById("canvas"), module, { up, colors() {}, lost() {}, png: (blob) => png(blob) }); });
	globalThis.channel = new MessageChannel();
	charts.port(channel.port1);
	const font = getComputedStyle(document.body).fontFamily, size = 13 * devicePixelRatio;
	const write = (words) => {
		const context = new OffscreenCanvas(size * words.length, size * 1.5).getContext("2d");
		Object.assign(context, { fillStyle: "white", font: size + "px " + font, textRendering: "geometricPrecision", fontKerning: "none" });
		context.fillRect(0, 0, 1e4, 1e4);
		context.fillStyle = "black";
		let x = 0;
		for (const letter of words) {
			context.fillText(letter, Math.floor(x * 4) / 4, Math.round(size * 1.1)); // letters begin at quarters of a pixel
			x += context.measureText(letter).width;
		}
		return context.getImageData(0, 0, Math.floor(x), context.canvas.height);
	};
	globalThis.look = async (language, words) => {
		const white = [255, 255, 255], black = [0, 0, 0];
		charts.view({ theme: { dark: false, background: white, ink: black, muted: black, grid: white, axis: white }, language, font, series: ["loss", "learning_rate"], smoothing: 0.9, log: false, x: 0 });
		const blob = await new Promise((resolve) => { png = resolve; charts.send({ do: "png" }); });
		globalThis.picture = await new Promise((resolve) => { const r = new FileReader(); r.onload = () => resolve(r.result); r.readAsDataURL(blob); });
		const bitmap = await createImageBitmap(blob);
		const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
		context.drawImage(bitmap, 0, 0);
		const { data, width } = context.getImageData(0, 0, bitmap.width, bitmap.height);
		const wanted = write(words);
		let best = Infinity;
		for (let y0 = 0; y0 < 90 * devicePixelRatio; y0++) for (let x0 = 0; x0 < 20 * devicePixelRatio; x0++) {
			let off = 0;
			for (let y = 0; y < wanted.height; y++) for (let x = 0; x < wanted.width; x++)
				off += Math.abs(data[4 * ((y0 + y) * width + x0 + x)] - wanted.data[4 * (y * wanted.width + x)]);
			best = Math.min(best, off / wanted.width / wanted.height);
		}
		return best;
	};
	return true;
})()`

// chartsWriteChinese reads a panel's title in the charts' picture, in both languages, in a worker and in a frame.
func chartsWriteChinese(tab *tab) {
	for _, place := range []string{"worker", "frame"} {
		js[bool](tab, "history.replaceState(null, '', '?charts="+place+"'); true")
		js[bool](tab, letters)
		js[bool](tab, fmt.Sprintf(`channel.port2.postMessage(Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))); true`, base64.StdEncoding.EncodeToString(points(tab.T, 0))))
		for _, language := range []string{"zh", "en"} {
			for _, title := range []string{"loss", "损失"} {
				off := js[float64](tab, fmt.Sprintf("look(%q, %q)", language, title))
				if right := (language == "en") == (title == "loss"); right != (off < 4) {
					tab.Errorf("%s, %s: %q is at best %.1f of 255 from what is there", place, language, title, off)
				}
			}
			_, picture, _ := strings.Cut(js[string](tab, "picture"), ",")
			png, err := base64.StdEncoding.DecodeString(picture)
			tab.keep("charts-"+place+"-"+language, png, err)
		}
		js[bool](tab, "charts.close(); true")
	}
}

// speaksChinese switches the language: what is written by then follows.
func speaksChinese(tab *tab) {
	js[bool](tab, "location.hash = '#source=file'; true")
	tab.until("document.getElementById('c-source').value === 'file'", 5*time.Second)
	tab.click("language")
	tab.until("document.getElementById('status').textContent === '准备就绪。'", 5*time.Second)
	tab.click("start")
	tab.alarm("这个文件无法使用", "还没有选择文件")
	tab.picture("chinese")
	tab.click("language")
	tab.alarm("This file cannot be used", "no file was chosen")
	tab.refuses("#hidden_size=30", "Width cannot be that. It must be a multiple of 4.")
	tab.click("language")
	tab.alarm("“宽度”不能是这个值。必须是 4 的倍数。")
	tab.refuses("#batch_size=60000&max_seq_len=1024&max_steps=5", "显存放不下", "程序的原话（英文）：", "batch_size")
	tab.click("language")
	js[bool](tab, "location.hash = '"+least+"8&validation_share=0.2'; true")
	tab.until("document.getElementById('c-max_steps').value === '8'", 5*time.Second)
}
