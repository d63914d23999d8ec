//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
)

// conversationsFile is the beginning of the embedded conversations, and lines of the test's own.
func conversationsFile(t *testing.T, n int, more ...string) string {
	t.Helper()
	lines := more
	for i := range n {
		line, err := json.Marshal(corpus.Conversation(1, i))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return file(t, "talk.jsonl", strings.Join(lines, "\n")+"\n")
}

// smallTune are the arguments of a run of a second or two that goes on from another.
func smallTune(command, from, out string, more ...string) []string {
	return append([]string{command, "--from", from, "--out", out, "--batch-size", "2", "--max-seq-len", "48", "--max-steps", "6", "--learning-rate", "1e-2",
		"--save-interval", "3", "--validation-interval", "3", "--validation-share", "0.1", "--sample-interval", "6", "--sample-prompt", "2 + 3 = ?"}, more...)
}

func TestFineTune(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	base := in("base")
	minimind(t, smallRun(base)...).want(t, 0)
	talk := conversationsFile(t, 40, `{"messages": [{"role": "user", "content": "nobody answers"}]}`)

	// sft: what is left out is counted; a run that goes on from its middle ends in the same bytes.
	sft := in("sft")
	r := minimind(t, smallTune("sft", base, sft, "--data", talk)...)
	r.want(t, 0, "from       "+base, "40 conversations", "1 lines are left out: they have no answer to learn", "step 6/6", "chat --checkpoint "+sft)
	if !strings.HasPrefix(r.stdout, "> 2 + 3 = ?\n") {
		t.Errorf("the sample is %q", r.stdout)
	}
	resumed := in("resumed")
	if err := os.CopyFS(resumed, os.DirFS(sft)); err != nil {
		t.Fatal(err)
	}
	minimind(t, "sft", "--resume", filepath.Join(resumed, checkpointsFolder, "step-00000003.ckpt")).want(t, 0, "after step 3")
	sameRun(t, resumed, sft, 6)

	minimind(t, "data", "prepare", "--data", talk).want(t, 0, "has not changed", "40 documents (1 empty ones left out)")

	// reason: tags weigh, so its weights differ from those of sft on the same data.
	thought := conversationsFile(t, 0, strings.Repeat(`{"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nb\n</think>\n\nc"}]}`+"\n", 20))
	minimind(t, smallTune("reason", base, in("r1"), "--data", thought)...).want(t, 0, "step 6/6")
	minimind(t, smallTune("reason", base, in("r2"), "--data", thought, "--tag-weight", "1")...).want(t, 0, "step 6/6")
	if bytes.Equal(lastCheckpoint(t, in("r1")), lastCheckpoint(t, in("r2"))) {
		t.Error("tags weigh nothing")
	}

	// lora: adapters alone are saved; merged they speak as they do beside their model.
	lora, merged := in("lora"), in("merged.ckpt")
	minimind(t, smallTune("lora", sft, lora, "--data", talk, "--rank", "4", "--target", "q_proj,v_proj")...).want(t, 0, "adapters", "step 6/6")
	minimind(t, "lora", "--resume", filepath.Join(lora, checkpointsFolder, "step-00000003.ckpt")).want(t, 0, "after step 3")
	minimind(t, "lora", "merge", "--adapters", lora, "--out", merged).want(t, 0, merged)
	loss := func(checkpoint string) float64 {
		var found struct{ Loss float64 }
		r := minimind(t, "eval", "--checkpoint", checkpoint, "--data", talk, "--json")
		if err := json.Unmarshal([]byte(r.stdout), &found); err != nil || r.code != 0 {
			t.Fatalf("%v: %+v", err, r)
		}
		return found.Loss
	}
	if beside, whole, without := loss(lora), loss(merged), loss(sft); math.Abs(beside-whole) > 1e-5 || math.Abs(whole-without) < 1e-3 {
		t.Errorf("the loss with adapters beside the model is %v, merged %v, and without them %v", beside, whole, without)
	}

	// dpo records what preferences measure; distill takes a teacher of another size.
	pair := `{"chosen": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "yes"}], "rejected": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "no"}]}` + "\n"
	pairs := file(t, "pairs.jsonl", strings.Repeat(pair, 30))
	minimind(t, smallTune("dpo", sft, in("dpo"), "--data", pairs, "--log-prob", "mean", "--beta", "0.5")...).want(t, 0, "30 pairs", "accuracy", "step 6/6")
	if last := metricsOf(t, in("dpo"))[5]; last["reward_margin"].(float64) <= 0 || last["validation_reward_accuracy"].(float64) != 1 {
		t.Errorf("the answer that is always preferred is not: %v", last)
	}
	alone := file(t, "dpo.ckpt", string(wholeCheckpoint(t, filepath.Join(in("dpo"), checkpointsFolder, "step-00000003.ckpt"))))
	minimind(t, "dpo", "--resume", alone, "--data", pairs, "--out", in("dpo2")).want(t, 0, "after step 3", "step 6/6")
	minimind(t, smallTune("distill", base, in("distill"), "--data", talk, "--teacher", sft)...).want(t, 0, "teacher    "+sft, "step 6/6")
	if last := metricsOf(t, in("distill"))[5]; last["cross_entropy"] == nil {
		t.Errorf("the text's part of the loss is missing: %v", last)
	}
	fresh := smallTune("distill", "", in("fresh"), "--data", talk, "--teacher", base, "--hidden-size", "64", "--num-hidden-layers", "1")
	minimind(t, append(fresh[:1], fresh[3:]...)...).want(t, 0, "step 6/6")

	// eval takes all of these.
	minimind(t, "eval", "--checkpoint", base, "--max-tokens", "100").want(t, 0, "loss", "perplexity", "bits per byte")
	minimind(t, "eval", "--checkpoint", base, "--lengths", "16,32", "--max-tokens", "64", "--out", in("lengths.png")).want(t, 0, "with YaRN")
	if stat, err := os.Stat(in("lengths.png")); err != nil || stat.Size() < 1000 {
		t.Errorf("no picture: %v", err)
	}
	minimind(t, "eval", "--checkpoint", sft, "--answers", "2").want(t, 0, "of 2 exactly right", corpus.HeldOut(1, 1).Text)
	minimind(t, "eval", "--checkpoint", sft, "--answers", "3", "--data", talk, "--json").want(t, 0, `"questions": 3`, `"said": `)
	questions := file(t, "exam.csv", "id,question,A,B,C,D,answer\n0,2 + 3?,4,5,6,7,B\n")
	var score struct{ Chance float64 }
	exam := minimind(t, "eval", "--checkpoint", merged, "--choices", questions, "--chat", "--json")
	if err := json.Unmarshal([]byte(exam.stdout), &score); err != nil || score.Chance != 0.25 {
		t.Errorf("%v in %s", err, exam.stdout)
	}

	// What cannot be.
	own, stranger := in("own.json"), in("stranger")
	minimind(t, "tokenizer", "train", "--vocab-size", "300", "--output", own).want(t, 0)
	minimind(t, smallRun(stranger, "--max-steps", "1", "--tokenizer", own)...).want(t, 0)
	template := file(t, "broken.jinja", "{% for m in messages %}\n{{ m.content | shout }}\n{% endfor %}")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sft"}, "--from is missing"},
		{[]string{"sft", "--from", in("nowhere")}, "there is no such run folder or checkpoint file"},
		{smallTune("sft", lora, in("x")), "holds adapters only: make a whole model of them first"},
		{smallTune("sft", base, in("x"), "--data", file(t, "a.txt", "text")), "conversations come as .jsonl"},
		{smallTune("sft", base, in("x"), "--data", file(t, "a.jsonl", `{"text": "a"}`)), `a.jsonl: line 1: no field "conversations" or "messages"`},
		{smallTune("sft", base, in("x"), "--data", talk, "--max-seq-len", "2"), "every answer begins behind the 2 tokens of a row"},
		{smallTune("sft", base, in("x"), "--data", talk, "--chat-template", template), "line 2 of the chat template: filter 'shout' not found"},
		{smallTune("lora", base, in("x"), "--data", talk, "--rank", "3"), "rank"},
		{smallTune("dpo", base, in("x"), "--data", file(t, "unequal.jsonl", strings.Replace(pair, "a?", "b?", 1))), `line 1: "chosen" and "rejected" answer different prompts (message 1 differs)`},
		{smallTune("dpo", base, in("x"), "--data", talk), `line 1: no lists of messages in "chosen" and "rejected"`},
		{smallTune("distill", base, in("x"), "--data", talk), "--teacher is missing"},
		{smallTune("distill", base, in("x"), "--data", talk, "--teacher", stranger), "has another tokenizer than the student"},
		{smallTune("lora", base, in("x"), "--data", talk, "--target", "head"), `there is no linear layer "head"`},
		{[]string{"lora", "merge", "--adapters", lora, "--base", base, "--out", in("x.ckpt")}, "trained on other weights"},
		{[]string{"lora", "merge", "--adapters", sft, "--out", in("x.ckpt")}, "no adapters: there is nothing to merge"},
		{[]string{"eval", "--checkpoint", base, "--lengths", "16", "--data", talk}, "holds conversations: --lengths takes a running text"},
		{[]string{"eval", "--checkpoint", sft, "--answers", "3", "--data", file(t, "robot.jsonl", `{"messages": [{"role": "robot"}]}`)}, `line 1: message 1 has the role "robot"`},
		{[]string{"eval", "--checkpoint", base, "--choices", file(t, "bad.csv", "question,A,B,answer\nq,a,b,C\n")}, `line 2: the answer is "C"`},
	} {
		minimind(t, c.args...).want(t, 1, c.want)
	}
	minimind(t, "sft", "--resume", merged).want(t, exitUsage, merged+" holds a model but no run to go on with", "sft --from "+merged)
	minimind(t, "sft", "--resume", base).want(t, exitUsage, "is a run of pretrain: go on with it by minimind-gpu pretrain --resume")
	if _, err := os.Stat(in("x")); err == nil {
		t.Error("a run that could not begin left its folder")
	}
}

// wholeCheckpoint is a checkpoint's bytes, as the page gives them.
func wholeCheckpoint(t *testing.T, path string) []byte {
	t.Helper()
	_, name, err := findCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// lastCheckpoint is a run's last weights and moments.
func lastCheckpoint(t *testing.T, run string) []byte {
	t.Helper()
	content := wholeCheckpoint(t, run)
	return content[bytes.Index(content, []byte("tensors")):] // settings before them differ
}

// A run with a template of its own keeps it, and what goes on from it uses it.
func TestOwnChatTemplate(t *testing.T) {
	dir := t.TempDir()
	base, sft, again := filepath.Join(dir, "base"), filepath.Join(dir, "sft"), filepath.Join(dir, "again")
	minimind(t, smallRun(base, "--max-steps", "1")...).want(t, 0)
	config := `{"chat_template": "{% for m in messages %}<|im_start|>{{ m.role }}\n~{{ m.content }}~<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"}`
	talk := conversationsFile(t, 30)
	minimind(t, smallTune("sft", base, sft, "--data", talk, "--max-steps", "1", "--chat-template", file(t, "tokenizer_config.json", config))...).want(t, 0, "step 1/1")
	if kept, err := os.ReadFile(filepath.Join(sft, templateFile)); err != nil || string(kept) != config {
		t.Errorf("the run's template is %q, %v", kept, err)
	}
	minimind(t, smallTune("sft", sft, again, "--data", talk, "--max-steps", "1")...).want(t, 0, "step 1/1")
	if _, err := os.Stat(filepath.Join(again, templateFile)); err != nil {
		t.Error(err)
	}
	if with, without := minimind(t, "eval", "--checkpoint", sft, "--data", talk), minimind(t, "eval", "--checkpoint", base, "--data", talk); with.code != 0 || with.stdout == without.stdout {
		t.Errorf("eval does not use the template: %s", with.stdout)
	}
}
