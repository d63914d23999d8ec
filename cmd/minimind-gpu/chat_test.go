//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
)

// untrained writes a checkpoint of the tiny preset with fresh weights, in the place that a run would have it.
func untrained(t *testing.T, context int) (run string) {
	t.Helper()
	return untrainedBut(t, context, nil)
}

// untrainedBut is untrained with other values of some parameters.
func untrainedBut(t *testing.T, context int, values map[string][]float32) (run string) {
	t.Helper()
	c, err := config.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.MaxPositionEmbeddings = context
	device, err := host.Open(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	model, err := nn.NewModel(device, c)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Release()
	model.Init(7)
	var tok, content bytes.Buffer
	if err := corpus.Tokenizer().WriteJSON(&tok); err != nil {
		t.Fatal(err)
	}
	header := &checkpoint.Header{Model: c, TokenizerHash: corpus.Tokenizer().Hash(), Tokenizer: tok.Bytes(), Tensors: checkpoint.Tensors(c, checkpoint.GroupParameter)}
	w, err := checkpoint.NewWriter(&content, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Parameters() {
		v, err := model.Parameter(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		copy(v, values[p.Name])
		if err := w.Tensor(host.AsBytes(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run = filepath.Join(t.TempDir(), "untrained")
	if err := os.MkdirAll(filepath.Join(run, checkpointsFolder), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(run, checkpointsFolder, "step-00000001.ckpt"), content.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return run
}

func TestChat(t *testing.T) {
	run := untrained(t, 256)
	saved := filepath.Join(t.TempDir(), "chat.jsonl")
	talk := func(in string, more ...string) result {
		return minimindAs(t, &program{stdin: strings.NewReader(in)}, append([]string{"chat", "--checkpoint", run, "--max-new-tokens", "6"}, more...)...)
	}
	first := talk("Hello\n/save "+saved+"\n", "--system", "Be kind")
	first.want(t, 0, "untrained on", "added to "+saved)
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Conversations []struct{ Role, Content string }
	}
	if err := json.Unmarshal(text, &kept); err != nil || len(kept.Conversations) != 3 {
		t.Fatalf("%s: %v", text, err)
	}
	if c := kept.Conversations; c[0].Content != "Be kind" || c[1].Content != "Hello" || c[2].Role != "assistant" || !strings.Contains(first.stdout, c[2].Content) {
		t.Errorf("saved %s of\n%s", text, first.stdout)
	}
	if again := talk("/system Be kind\nHello\n"); again.stdout != first.stdout {
		t.Errorf("one seed and one system message, two answers: %q and %q", first.stdout, again.stdout)
	}
	if other := talk("Hello\n"); other.stdout == first.stdout {
		t.Error("the system message changes nothing")
	}
	// What is forgotten changes nothing: the second answer's seed is that of a second question.
	if a, b := talk("One\n/reset\nTwo\n"), talk("Three\n/reset\nTwo\n"); lastLine(a) != lastLine(b) || lastLine(a) == lastLine(talk("One\nTwo\n")) {
		t.Errorf("answers after /reset: %q and %q", a.stdout, b.stdout)
	}
	talk("/help\n/rest\n/think maybe\n/save\n/exit\nnever read\n").want(t, 0, "/reset", "there is no command /rest", "/think on, or", "not saved: nothing has been said")
	talk("a\\\nb\n/save "+filepath.Join(t.TempDir(), "no", "folder")+"\n").want(t, 0, "not saved: open")
	talk(strings.Repeat("a ball and ", 100)+"\nHello\n").want(t, 0, "leaves 250 (--context changes it)")
	minimind(t, "chat", "--checkpoint", run, "--context", "257").want(t, 1, "--context is 257: this model's goes from 2 to 256")
	minimind(t, "chat", "--checkpoint", run, "--max-new-tokens", "0").want(t, 2, "--max-new-tokens is 0")
}

func lastLine(r result) string {
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	return lines[len(lines)-1]
}

func TestChatForgetsTheOldest(t *testing.T) {
	question := strings.Repeat("a ball ", 15) + "\n"
	minimindAs(t, &program{stdin: strings.NewReader(strings.Repeat(question, 8))}, "chat", "--checkpoint", untrained(t, 256), "--max-new-tokens", "8").
		want(t, 0, "the context of 256 tokens is full: the oldest 2 messages are left out")
}

// onWrite calls f at the first write.
type onWrite struct {
	bytes.Buffer
	f func()
}

func (w *onWrite) Write(text []byte) (int, error) {
	if w.f != nil {
		w.f()
		w.f = nil
	}
	return w.Buffer.Write(text)
}

// TestChatInterrupted has Ctrl-C come in the middle of an answer, which ends, and then at the prompt, twice.
func TestChatInterrupted(t *testing.T) {
	run := untrained(t, 4096)
	p := &program{ctx: t.Context(), create: createFile}
	var said bytes.Buffer
	out := &onWrite{f: func() {
		if f := p.interrupt.Load(); f == nil || !(*f)() || (*f)() {
			t.Error("an answer takes one Ctrl-C")
		}
	}}
	p.stdin, p.stdout, p.stderr = strings.NewReader("Hello\n/help\n"), out, &said
	if code := p.run([]string{"chat", "--checkpoint", run, "--max-new-tokens", "4000"}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(said.String(), "(stopped)") || !strings.Contains(said.String(), "/reset") {
		t.Errorf("after the stopped answer: %s", said.String())
	}
	if len(out.String()) > 2000 {
		t.Error("the answer went on")
	}
}

// TestAnswerWriter dims what is thought on a terminal, and keeps its tags elsewhere.
func TestAnswerWriter(t *testing.T) {
	for dim, want := range map[bool]string{true: "\x1b[2mtwo cities\x1b[0m\n\nI'll ask.[calls weather({\"city\": \"Paris\"})]\n\n",
		false: "<think>\ntwo cities\n</think>\n\nI'll ask.[calls weather({\"city\": \"Paris\"})]\n"} {
		var out bytes.Buffer
		w := &answerWriter{w: &out, dim: dim}
		for _, p := range []chat.Part{{Reasoning: "two "}, {}, {Reasoning: "cities"}, {Content: "I'll "}, {Content: "ask."},
			{ToolCalls: []chat.ToolCall{{Name: "weather", Arguments: json.RawMessage(`{"city": "Paris"}`)}}}} {
			w.write(p)
		}
		w.end()
		if out.String() != want {
			t.Errorf("terminal %t: %q, want %q", dim, out.String(), want)
		}
		if m := w.message(); m.Content != "I'll ask." || *m.ReasoningContent != "two cities" || len(m.ToolCalls) != 1 {
			t.Errorf("kept %+v", m)
		}
	}
	var out bytes.Buffer
	w := &answerWriter{w: &out, dim: true} // stopped while it thinks
	w.write(chat.Part{Reasoning: "hm"})
	if w.end(); out.String() != "\x1b[2mhm\x1b[0m\n\n" {
		t.Errorf("stopped: %q", out.String())
	}
}

func TestGenerateFile(t *testing.T) {
	run := untrained(t, 128)
	prompts := file(t, "prompts.txt", "Tom\n\n小明 has \"two\"\nLily\n"+strings.Repeat("a", 10))
	args := []string{"generate", "--checkpoint", run, "--max-new-tokens", "6", "--seed", "5"}
	r := minimind(t, append(args, "--file", prompts, "--parallel", "3")...)
	r.want(t, 0)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines for 5 prompts:\n%s", len(lines), r.stdout)
	}
	for i, prompt := range []string{"Tom", "", `小明 has "two"`, "Lily", "aaaaaaaaaa"} {
		var got struct{ Prompt, Text, End string }
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil || got.Prompt != prompt || got.End == "" {
			t.Errorf("line %d: %s", i+1, lines[i])
		}
		if alone := minimind(t, append(args, "--prompt", prompt)...); alone.stdout != prompt+got.Text+"\n" {
			t.Errorf("prompt %q: %q in the file, %q alone", prompt, got.Text, alone.stdout)
		}
	}
	minimind(t, append(args, "--file", "nowhere.txt")...).want(t, 1, "nowhere.txt", "no such file")
	minimind(t, append(args, "--file", file(t, "long.txt", "a\n"+strings.Repeat("b ", 500)))...).want(t, 1, "long.txt, line 2", "1 to 128")
	minimind(t, append(args, "--file", prompts, "--prompt", "x")...).want(t, 2, "--file", "--prompt")
	minimind(t, append(args, "--file", prompts, "--max-new-tokens", "0")...).want(t, 0, `"prompt":"Tom","text":"","end":"length"`)
	minimindAs(t, &program{stdin: strings.NewReader("")}, append(args, "--file", "-")...).want(t, 0)
}

func TestBenchGenerate(t *testing.T) {
	minimind(t, "bench", "--generate", "--preset", "tiny").want(t, 0, "first token after a prompt of 128", "8 texts together", "1024 B, in halves 512 B")
}
