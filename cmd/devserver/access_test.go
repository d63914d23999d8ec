//go:build browser

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestWithoutWebGPU opens the page where nothing can be trained. What is there is there for everyone: by keyboard, read
// aloud, on a phone, in the dark, in both languages; and its settings are in its address.
func TestWithoutWebGPU(t *testing.T) {
	t.Parallel()
	before := map[string]string{"page": ""}
	tab := openTab(t, serveExport(t, serveRelease, before))
	tab.alarm("No GPU can be used here", "hardware acceleration")
	tab.run("letters", chartsWriteChinese)
	before["page"] = "delete Navigator.prototype.gpu;" // what the trainer has found is known at once
	tab.run("settings in the address", addressHoldsSettings)
	tab.run("light and dark", lightAndDark)
	for _, language := range []string{"en", "zh-CN"} {
		tab.until("document.documentElement.lang === '"+language+"'", 5*time.Second)
		js[bool](tab, `(() => {
			for (const e of document.querySelectorAll("[hidden]")) e.hidden = false;
			for (const e of document.querySelectorAll(":disabled")) e.disabled = false;
			for (const e of document.querySelectorAll("details")) e.open = true;
			return true;
		})()`)
		tab.run("phone "+language, narrow)
		tab.run("names "+language, names)
		if language == "en" {
			tab.run("keyboard", keyboard)
			tab.click("language")
		}
	}
	tab.picture("without-webgpu")
}

// addressHoldsSettings gives every control another value and opens the address that the page then has.
func addressHoldsSettings(t *tab) {
	values := `JSON.stringify(Object.fromEntries([...document.querySelectorAll("#settings [name]")].map((e) => [e.name, e.value])))`
	defaults := js[string](t, values)
	js[bool](t, "document.getElementById('c-learning_rate').select(); true")
	t.do(chromedp.KeyEvent("0.0031\t"))
	if address := js[string](t, "location.hash"); address != "#learning_rate=0.0031" {
		t.Errorf("after the learning rate was typed the address ends with %q", address)
	}
	js[bool](t, `(() => {
		for (const e of document.querySelectorAll("#settings [name]")) {
			if (e.name === "learning_rate") continue;
			if (e.options) e.selectedIndex = e.options.length - 1; else e.value = Math.min(Number(e.value) + 4 * (Number(e.step) || 0.1), Number(e.max));
			e.dispatchEvent(new Event("change", { bubbles: true }));
		}
		return true;
	})()`)
	set, address := js[string](t, values), js[string](t, "location.href")
	t.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	t.until("document.querySelectorAll('#settings [name]').length > 0", 5*time.Second)
	if now := js[string](t, values); now != set || now == defaults {
		t.Errorf("the address %s brings %s, not %s", address, now, set)
	}
	t.click("defaults")
	if now, hash := js[string](t, values), js[string](t, "location.hash"); now != defaults || hash != "" {
		t.Errorf("the defaults are %s with %q in the address, not %s", now, hash, defaults)
	}
}

// lightAndDark follows the system until the visitor chooses; in both, all words stand out from what they are written on.
func lightAndDark(t *tab) {
	system := func(scheme string) {
		t.Helper()
		if _, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			t.Fatal(err)
		}
	}
	is := func(theme string) {
		t.Helper()
		t.until("document.documentElement.dataset.theme === '"+theme+"'", 5*time.Second)
	}
	for _, scheme := range []string{"dark", "light"} {
		system(scheme)
		is(scheme)
		for _, poor := range js[[]string](t, contrasts) {
			t.Errorf("%s: %s", scheme, poor)
		}
	}
	t.click("theme")
	is("dark")
	t.do(chromedp.Reload())
	is("dark")
	t.click("theme")
	is("light")
}

// contrasts are the colours of words that stand out by less than 4.5 to 1, as WCAG counts.
const contrasts = `(() => {
	const style = getComputedStyle(document.documentElement);
	const light = (name) => {
		const [r, g, b] = style.getPropertyValue("--" + name).trim().match(/[0-9a-f]{2}/gi).map((h) => parseInt(h, 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
	};
	const pairs = [["accent-ink", "accent"], ["ink", "accent-soft"]];
	for (const on of ["paper", "card", "bad-soft", "warn-soft"]) pairs.push(["ink", on], ["muted", on]);
	return pairs.map(([a, b]) => [a, b, Math.max(light(a), light(b)) / Math.min(light(a), light(b))])
		.filter(([, , c]) => !(c >= 4.5)).map(([a, b, c]) => a + " on " + b + " is " + c.toFixed(2) + " to 1");
})()`

// narrow looks for what is wider than a small phone.
func narrow(t *tab) {
	t.do(chromedp.EmulateViewport(360, 740))
	if wide := js[[]string](t, `document.documentElement.scrollWidth <= 360 ? [] : [...document.querySelectorAll("body *")]
		.filter((e) => e.getBoundingClientRect().right > 360).map((e) => e.tagName + "#" + e.id + "." + e.className)`); len(wide) > 0 {
		t.Errorf("on a phone of 360 pixels the page is wider: %q", wide)
	}
	t.do(chromedp.EmulateViewport(1360, 1000))
}

// keyboard goes through the page by the Tab key: it comes to all there is, in its order, and each time it shows where it is.
func keyboard(t *tab) {
	all := js[[]string](t, `(() => {
		const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter((e) => e.checkVisibility());
		all.forEach((e, i) => { e.dataset.stop = i + " " + e.tagName.toLowerCase() + " " + (e.id || e.name || e.value || e.textContent); });
		all[0].focus();
		return all.map((e) => e.dataset.stop);
	})()`)
	if len(all) < 50 {
		t.Errorf("only %d places for the keyboard: %q", len(all), all)
	}
	reached := all[:1:1]
	for range len(all) - 1 {
		t.do(chromedp.KeyEvent("\t"))
		at := js[[]string](t, `(() => {
			const e = document.activeElement, shown = [e, e.nextElementSibling, e.closest("label")].filter(Boolean).map((e) => getComputedStyle(e));
			return [e.dataset.stop ?? e.tagName, String(shown.some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2))];
		})()`)
		reached = append(reached, at[0])
		if at[1] != "true" {
			t.Errorf("nothing shows that the keyboard is at %s", at[0])
		}
	}
	if !slices.Equal(reached, all) {
		t.Errorf("the keyboard comes to\n%q, not to\n%q", reached, all)
	}
}

// names looks for what a screen reader could not call by a name, or calls only by its value.
func names(t *tab) {
	if nameless := js[[]string](t, `[...document.querySelectorAll("input, select, textarea")]
		.filter((e) => !e.ariaLabel && ![...e.labels].some((l) => l.textContent.trim())).map((e) => e.outerHTML)`); len(nameless) > 0 {
		t.Errorf("without a label: %q", nameless)
	}
	tree, err := chromedp.Call(t.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	text := func(v *accessibility.Value) string {
		if v == nil {
			return ""
		}
		return strings.Trim(string(v.Value), `"`)
	}
	roles := map[string]int{}
	for _, n := range tree.Nodes {
		role := strings.ToLower(text(n.Role))
		switch role {
		case "button", "link", "textbox", "spinbutton", "combobox", "checkbox", "slider", "progressbar", "meter", "disclosuretriangle", "img", "image":
			roles[role]++
			if !n.Ignored && strings.TrimSpace(text(n.Name)) == "" {
				t.Errorf("a %s has no name: %s", role, fmt.Sprint(n.BackendDOMNodeID))
			}
		}
	}
	for role, least := range map[string]int{"button": 20, "spinbutton": 15, "combobox": 5, "checkbox": 5, "slider": 2, "textbox": 3, "progressbar": 1, "meter": 1} {
		if roles[role] < least {
			t.Errorf("a screen reader finds %d of role %s, not %d: %v", roles[role], role, least, roles)
		}
	}
}
