//go:build !js

package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is what a run of the program left.
type result struct {
	code           int
	stdout, stderr string
}

// minimind runs the program with the arguments, as a shell would.
func minimind(t *testing.T, args ...string) result {
	t.Helper()
	return minimindAs(t, &program{}, args...)
}

// minimindAs runs it in a world that the test has changed.
func minimindAs(t *testing.T, p *program, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p.stdout, p.stderr = &stdout, &stderr
	if p.ctx == nil {
		p.ctx = context.Background()
	}
	if p.stdin == nil {
		p.stdin = strings.NewReader("")
	}
	if p.create == nil {
		p.create = createFile
	}
	if p.machine.files == nil {
		p.machine = thisMachine()
	}
	code := p.run(args)
	return result{code, stdout.String(), stderr.String()}
}

// want fails unless the program ended with the code and said all of the texts.
func (r result) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	said := r.stdout + r.stderr
	if r.code != code {
		t.Fatalf("exit code %d, want %d; it said:\n%s", r.code, code, said)
	}
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("it did not say %q, but:\n%s", text, said)
		}
	}
}

// file writes a file into the test's folder.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelp(t *testing.T) {
	minimind(t).want(t, 0, "pretrain", "generate", "chat", "verify", "tokenizer train")
	minimind(t, "pretrain", "--help").want(t, 0, "--learning-rate", "--accumulation-steps", "--max-seq-len", "--resume", "Examples:\n\n    minimind-gpu pretrain ")
	minimind(t, "lora", "--help").want(t, 0, "lora train", "    minimind-gpu lora merge --adapters RUN --out merged.ckpt")
}

func TestWrongUse(t *testing.T) {
	for line, says := range map[string]string{
		"pretrian":                                    `did you mean "pretrain"`,
		"pretrain --learning-rat 1":                   `did you mean "--learning-rate"? (minimind-gpu pretrain --help explains)`,
		"pretrain --batch-size many":                  `--batch-size: "many" is neither a number of rows nor auto`,
		"pretrain --batch-size":                       "--batch-size needs a value (minimind-gpu pretrain --help explains)",
		"pretrain --out --pad":                        "--out needs a value before --pad",
		"pretrain --learning-rate fast":               `--learning-rate: "fast" is no number`,
		"pretrain --epochs 1.5":                       `--epochs: "1.5" is no whole number (`,
		"pretrain --seed -1":                          `--seed: "-1" is no whole number of at least 0`,
		"pretrain more":                               "unexpected argument more (minimind-gpu pretrain --help explains)",
		"pretrain --schedule cosin":                   `--schedule must be one of "cosine","wsd"`,
		"lora --rnk 3":                                `did you mean "--rank"`,
		"lora merge":                                  "--adapters=RUN|FILE, --out=FILE must be given (minimind-gpu lora merge --help explains)",
		"dpo --beta 0":                                "--beta is 0: must be above 0",
		"distill --alpha 2":                           "--alpha is 2: must be from 0 to 1",
		"generate":                                    "--checkpoint=FILE|RUN must be given",
		"generate --checkpoint x --temperature -1":    "--temperature is -1: must be at least 0",
		"generate --checkpoint x --top-p nan":         "--top-p is NaN: must be from 0 to 1",
		"generate --checkpoint x --max-new-tokens -2": "--max-new-tokens is -2: must be at least 0",
		"serve --checkpoint x --timeout 5":            `--timeout: "5" is no duration; write it as 90s or 10m`,
		"serve --checkpoint x --port 70000":           "--port is 70000: must be from 0 to 65535",
		"eval --checkpoint x --lengths a":             `--lengths: "a" is no whole number`,
		"plan --probe long":                           `--probe: "long" is no number`,
		"sweep":                                       "<sweep.yaml> is missing",
		"doctor":                                      "<run> is missing",
		"plot":                                        "<run> ... is missing",
		"watch":                                       "<run> ... is missing",
		"verify":                                      "<dir> ... is missing",
		"export":                                      "--format=hf|safetensors|gguf, --out=PATH must be given",
		"import x":                                    "--out=FILE must be given",
		"tokenizer":                                   `say which one: "train", "encode", "decode" (minimind-gpu tokenizer --help explains)`,
		"tokenizer encode -5":                         "-5 is no flag; write -- before an argument that begins with a dash",
		"tokenizer decode a":                          `"a" is no whole number`,
		"data":                                        `say which one: "prepare"`,
		"data prepare":                                "--data=FILE must be given",
	} {
		r := minimind(t, strings.Fields(line)...)
		r.want(t, exitUsage, says)
		if strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
			t.Errorf("%s: more than a line on standard error: %q %q", line, r.stdout, r.stderr)
		}
	}
}

// TestMissingFiles: what is not there, or is a file for a folder, a folder for a file, or empty, is said with its name.
func TestMissingFiles(t *testing.T) {
	empty, folder, out := file(t, "empty", ""), t.TempDir(), filepath.Join(t.TempDir(), "x")
	const no = "no such run folder or checkpoint"
	for _, c := range []struct {
		line, path, says string
	}{
		{"generate --checkpoint ", "nowhere", no}, {"generate --checkpoint ", empty, "it is empty"}, {"generate --checkpoint ", folder, "holds no checkpoint"},
		{"chat --checkpoint ", "nowhere", no}, {"chat --checkpoint ", empty, "it is empty"}, {"chat --checkpoint ", folder, "holds no checkpoint"},
		{"serve --checkpoint ", "nowhere", no}, {"serve --checkpoint ", empty, "it is empty"},
		{"eval --checkpoint ", "nowhere", no}, {"eval --checkpoint ", folder, "holds no checkpoint"},
		{"export --format hf -o " + out + " --checkpoint ", "nowhere", no}, {"export --format gguf -o " + out + " --checkpoint ", empty, "it is empty"},
		{"sft --out " + out + " --from ", "nowhere", no}, {"sft --out " + out + " --from ", empty, "it is empty"}, {"lora --out " + out + " --from ", folder, "holds no checkpoint"},
		{"distill --out " + out + " --teacher ", "nowhere", no}, {"lr-find --from ", "nowhere", no}, {"lora merge -o " + out + " --adapters ", "nowhere", no},
		{"info ", folder, "holds no checkpoint"}, {"sweep ", folder, "is a directory"}, {"sweep ", empty, "the grid is empty"},
		{"doctor ", empty, "is a file: name the folder of a run"}, {"plot ", empty, "is a file: name the folder of a run"}, {"watch ", "nowhere", "no such folder of a run"},
		{"data prepare --data ", "nowhere", "no such file"}, {"data prepare --data ", empty, "empty"}, {"data prepare --data ", folder, "not a regular file"},
		{"tokenizer train -o " + out + " --data ", folder, "not a regular file"}, {"tokenizer train -o " + out + " --data ", empty, "empty"},
		{"tokenizer encode a --tokenizer ", "nowhere", "no such file"}, {"tokenizer encode a --tokenizer ", empty, "empty"}, {"tokenizer decode 5 --tokenizer ", folder, "is a directory"},
		{"plan --memory 1GB --tokenizer ", "nowhere", "no such file"}, {"lr-find --data ", "nowhere", "no such file"},
		{"import -o " + out + " ", folder, "not a Hugging Face folder"},
	} {
		r := minimind(t, append(strings.Fields(c.line), c.path)...)
		r.want(t, exitFailure, c.path, c.says)
		if c.path != empty && strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s%s: more than a line: %s", c.line, c.path, r.stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was made")
	}
}

// TestWeightsThatAreNoNumbers: they are found when they are read, and nothing is begun or made from them.
func TestWeightsThatAreNoNumbers(t *testing.T) {
	run := untrainedBut(t, 64, map[string][]float32{"model.norm.weight": {1, 1, 1, float32(math.NaN())}})
	out := filepath.Join(t.TempDir(), "out")
	for _, line := range []string{"generate --prompt a --checkpoint ", "sft --max-steps 1 --out " + out + " --from ", "export --format hf --out " + out + " --checkpoint "} {
		minimind(t, append(strings.Fields(line), run)...).want(t, exitFailure, "parameter model.norm.weight is NaN at [3]")
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was made of it")
	}
}

func TestUnderscoresAreDashes(t *testing.T) {
	got := dashed([]string{"pretrain", "--learning_rate=1e_3", "--batch_size", "4", "--grad_clip", "-.5", "-o", "a_b", "-3", "--", "--not_a_flag", "-1"})
	want := "pretrain --learning-rate=1e_3 --batch-size 4 --grad-clip=-.5 -o a_b -3 -- --not_a_flag -1"
	if s := strings.Join(got, " "); s != want {
		t.Fatalf("got %s, want %s", s, want)
	}
}

// TestBadInput gives pretrain what it must refuse: each time exit code 1, a message with the place, and no run folder.
func TestBadInput(t *testing.T) {
	text := "{\"text\": \"one\"}\n"
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"missing data":      {[]string{"--data", "nowhere.jsonl"}, []string{"nowhere.jsonl", "no such file"}},
		"missing tokenizer": {[]string{"--tokenizer", "nowhere.json"}, []string{"nowhere.json", "no such file"}},
		"data is a folder":  {[]string{"--data", t.TempDir()}, []string{"not a regular file"}},
		"empty data":        {[]string{"--data", file(t, "a.jsonl", "")}, []string{"a.jsonl", "empty"}},
		"truncated data":    {[]string{"--data", file(t, "a.jsonl", text+`{"text": "tw`)}, []string{"line 2", "cut short"}},
		"not UTF-8":         {[]string{"--data", file(t, "a.jsonl", text+"{\"text\": \"\xff\"}\n")}, []string{"line 2", "UTF-8"}},
		"wrong field":       {[]string{"--data", file(t, "a.jsonl", text+"{\"txt\": \"x\"}\n")}, []string{"line 2", `"txt"`}},
		"not JSON":          {[]string{"--data", file(t, "a.jsonl", "hello\n")}, []string{"line 1", "JSON"}},
		"wrong tokenizer":   {[]string{"--tokenizer", file(t, "t.json", `{"model": {"type": "WordPiece"}}`)}, []string{"t.json", "WordPiece"}},
		"no such preset":    {[]string{"--preset", "minimind2-smal"}, []string{`Did you mean "minimind2-small"`}},
		"no such adapter":   {[]string{"--adapter", "nonsense"}, []string{`matches "nonsense"`}},
		"heads":             {[]string{"--num-attention-heads", "3"}, []string{"num_attention_heads is 3"}},
		"head size":         {[]string{"--head-dim", "6"}, []string{"head_dim is 6"}},
		"batch size":        {[]string{"--batch-size", "0"}, []string{"batch_size is 0"}},
		"nothing to keep":   {[]string{"--keep", "0"}, []string{"--keep is 0"}},
		"no run to resume":  {[]string{"--resume", t.TempDir()}, []string{"no checkpoint"}},
		"schedules":         {[]string{"--schedule", "constant", "--decay", "0.1"}, []string{"decay is 0.1, but only the wsd schedule has one"}},
		"YAML":              {[]string{"--config", file(t, "c.yaml", "batch_size: [")}, []string{"c.yaml"}},
		"unknown setting":   {[]string{"--config", file(t, "c.yaml", "batch_sise: 3\n")}, []string{"c.yaml", `did you mean "batch_size"`}},
		"setting twice":     {[]string{"--config", file(t, "c.yaml", "batch_size: 3\nbatch-size: 4\n")}, []string{"c.yaml", "batch_size is there twice"}},
		"missing settings":  {[]string{"--config", "nowhere.yaml"}, []string{"nowhere.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			r := minimind(t, append([]string{"pretrain", "--out", out, "--max-steps", "2"}, c.args...)...)
			if r.code != 1 && r.code != 2 {
				t.Errorf("exit code %d", r.code)
			}
			r.want(t, r.code, c.says...)
			if strings.Count(strings.TrimSpace(r.stderr), "\n") > 0 {
				t.Errorf("more than one line:\n%s", r.stderr)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a run folder was made")
			}
		})
	}
}

func TestInfo(t *testing.T) {
	minimind(t, "info").want(t, 0, "adapters", "minimind2-small", "25829888", "104030976", "63912192", "checkpoint format 1")
	minimind(t, "info", file(t, "x.ckpt", "no checkpoint")).want(t, 1, "x.ckpt", "not a minimind-gpu checkpoint")
	minimind(t, "info", file(t, "x.ckpt", "")).want(t, 1, "empty")
}

func TestTokenizerCommands(t *testing.T) {
	const text = "Lily has a red ball. 小明有一个苹果。<|im_end|>"
	encoded := minimind(t, "tokenizer", "encode", text)
	encoded.want(t, 0, " 2\n") // <|im_end|>
	ids := strings.Fields(encoded.stdout)
	minimind(t, append([]string{"tokenizer", "decode"}, ids...)...).want(t, 0, text)
	piped := minimindAs(t, &program{stdin: strings.NewReader(text)}, "tokenizer", "encode", "-")
	if piped.stdout != encoded.stdout {
		t.Errorf("from standard input: %q, want %q", piped.stdout, encoded.stdout)
	}
	minimind(t, "tokenizer", "decode", "512").want(t, 1, "0 to 511")

	out := filepath.Join(t.TempDir(), "t.json")
	data := file(t, "a.txt", strings.Repeat("the cat and the hat\n\n", 20))
	minimind(t, "tokenizer", "train", "--data", data, "--vocab_size", "270", "-o", out).want(t, 0, "270 tokens")
	minimind(t, "tokenizer", "encode", "--tokenizer", out, "the cat").want(t, 0)
	minimind(t, "tokenizer", "train", "--data", data, "--vocab-size", "100", "-o", out).want(t, 1, "vocabulary size 100")
	bad := file(t, "b.jsonl", "{\"text\": \"a\"}\nx\n")
	minimind(t, "tokenizer", "train", "--data", bad, "-o", out).want(t, 1, "b.jsonl", "line 2")
}

func TestDataPrepare(t *testing.T) {
	path := file(t, "a.jsonl", "{\"text\": \"Lily has a ball.\"}\n{\"text\": \"\"}\n")
	first := minimind(t, "data", "prepare", "--data", path)
	first.want(t, 0, "1 documents (1 empty ones left out)")
	again := minimind(t, "data", "prepare", "--data", path)
	again.want(t, 0, "has not changed")
	shard, _, _ := strings.Cut(first.stdout, ": ")
	if err := os.WriteFile(shard, []byte("damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	minimind(t, "data", "prepare", "--data", path).want(t, 0, "made anew", "1 documents")
	if err := os.WriteFile(path, []byte("{\"text\": \"Lily has a bell.\"}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	changed := minimind(t, "data", "prepare", "--data", path)
	if other, _, _ := strings.Cut(changed.stdout, ": "); other == shard {
		t.Error("a file that changed has the same shard")
	}
}
