//go:build browser

package openai_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai/openaitest"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// tab is the page in a browser.
type tab struct {
	*testing.T
	ctx context.Context
}

func openPage(t *testing.T, url string) *tab {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1180, 860), chromedp.Flag("lang", "en"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), o...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts the browser, which lives as long as this context
		t.Fatal(err)
	}
	page := &tab{t, ctx}
	page.do(chromedp.Navigate(url))
	page.until("document.getElementById('dot').classList.length > 1")
	return page
}

func (t *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// js evaluates an expression.
func js[T any](t *tab, expression string) T {
	t.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (t *tab) until(expression string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !js[bool](t, "Boolean("+expression+")"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s\n%s", expression, js[string](t, "document.body.innerText"))
		}
	}
}

// ask types a question and sends it.
func (t *tab) ask(question string) {
	t.Helper()
	t.do(chromedp.SendKeys(chromedp.ID("input"), question), chromedp.Click(chromedp.ID("send")))
}

const idle = "!answering && messages.length && messages.at(-1).role === 'assistant'"

// picture saves a screenshot where a person can look at it.
func (t *tab) picture(name string) {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "..", "dist", "screenshots")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	png, err := chromedp.Run(t.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestPage talks with a model that thinks, writes Markdown and tries to write HTML, and calls a tool.
func TestPage(t *testing.T) {
	c := openaitest.Reciting(t, generate.Batch{Context: 1024, Texts: 2}, "<think>\nThe user wants a list, ", "and some code. Short is best.\n</think>\n\n",
		"There are **two** ways to do it:\n\n1. Ask `me`.\n2. Read the *manual*.\n\n", "```go\nfunc main() {\n\tfmt.Println(\"你好\")\n}\n```\n\nBoth take <b>little</b> time, ", "<img src=x onerror=alert(1)>and less patience.\n\n> So they say.\n",
		"<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>")
	c.Name, c.Defaults = "minimind2-small", generate.Options{}
	page := openPage(t, openaitest.Serve(t, c).URL)
	js[bool](page, "settings.temperature = 0, true")
	page.picture("chat-empty")
	page.ask("How do I print a greeting?")
	page.until(idle)
	last := "document.querySelector('.turn:last-child')"
	for expression, want := range map[string]string{
		last + ".querySelector('.thought div').textContent":        "The user wants a list, and some code. Short is best.",
		last + ".querySelector('strong').textContent":              "two",
		last + ".querySelector('ol li:nth-child(2) em').innerText": "manual",
		last + ".querySelector('pre code').textContent":            "func main() {\n\tfmt.Println(\"你好\")\n}",
		last + ".querySelector('.call').textContent":               `weather {"city": "Paris"}`,
		last + ".querySelector('blockquote').textContent":          "So they say.",
	} {
		if got := js[string](page, expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
	if n := js[int](page, "document.querySelectorAll('.body b:not(.call b), .body img').length"); n != 0 {
		t.Errorf("%d elements of HTML that the model wrote", n)
	}
	if js[bool](page, last+".querySelector('.thought').open") {
		t.Error("what was thought stays open under the answer")
	}
	page.picture("chat-light")
	page.do(chromedp.Click(chromedp.ID("theme")), chromedp.Click(chromedp.ID("lang")))
	if title, theme := js[string](page, "document.getElementById('new').title"), js[string](page, "document.documentElement.dataset.theme"); title != "新对话" || theme != "dark" {
		t.Errorf("in Chinese and dark: %q, %q", title, theme)
	}
	js[bool](page, last+".querySelector('.thought').open = true")
	page.picture("chat-dark")
	page.do(chromedp.EmulateViewport(390, 844))
	page.picture("chat-phone")
	if wide := js[int](page, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the page is %d wide on a phone", wide)
	}
	page.do(chromedp.Click(chromedp.ID("open")))
	page.picture("chat-settings")
	page.do(chromedp.EmulateViewport(1180, 860))
	page.picture("chat-settings-wide")

	// All of it is there after a reload.
	page.do(chromedp.Navigate(js[string](page, "location.href")))
	if n := js[int](page, "document.querySelectorAll('.turn').length"); n != 2 {
		t.Errorf("%d turns after a reload", n)
	}
	page.do(chromedp.Click(chromedp.ID("new")))
	if n := js[int](page, "document.querySelectorAll('.turn').length"); n != 0 {
		t.Errorf("%d turns in a new chat", n)
	}
}

// TestPageStops stops an answer, asks again, and meets a server that wants its token.
func TestPageStops(t *testing.T) {
	c := openaitest.Random(t, generate.Batch{Context: 4096, Texts: 1})
	c.Token = "secret"
	page := openPage(t, openaitest.Serve(t, c).URL)
	js[bool](page, "settings.temperature = 0, true") // this model then goes on and on
	page.ask("Hello")
	page.until("document.getElementById('settings').open")
	if text := js[string](page, "document.querySelector('.error').innerText"); !strings.Contains(text, "wants its access token") {
		t.Errorf("without the token: %s", text)
	}
	page.do(chromedp.SendKeys(chromedp.ID("s-token"), "secret\n"))
	page.until("!document.getElementById('settings').open && heard === true")
	page.do(chromedp.Click(chromedp.CSS(".error button")))
	page.until("answering && messages.at(-1).content.length > 200")
	if js[bool](page, "document.getElementById('main').scrollTop === 0 && !atEnd()") {
		t.Error("the page does not follow the answer")
	}
	page.picture("chat-writing")
	page.do(chromedp.Click(chromedp.ID("send")))
	page.until(idle)
	if text := js[string](page, "document.querySelector('.turn:last-child .cut').innerText"); text != "Stopped." {
		t.Errorf("after stop: %q", text)
	}
	length := js[int](page, "messages.at(-1).content.length")
	time.Sleep(200 * time.Millisecond)
	if js[int](page, "messages.at(-1).content.length") != length {
		t.Error("the answer goes on")
	}
	js[bool](page, "settings.max_tokens = 5, true")
	page.do(chromedp.Click(chromedp.CSS(".turn:last-child .act[title='Answer again']")))
	page.until(idle + " && messages.at(-1).finish === 'length'")
	if n := js[int](page, "messages.length"); n != 2 {
		t.Errorf("%d messages after asking again", n)
	}
	page.do(chromedp.Click(chromedp.CSS(".turn.user .act[title^='Edit']")))
	if got := js[string](page, "document.getElementById('input').value + messages.length"); got != "Hello0" {
		t.Errorf("after edit: %q", got)
	}
}
