package tokenizer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

func load(t testing.TB, data []byte) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Load(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// edited is MiniMind's tokenizer.json after a change.
func edited(t testing.TB, change func(file, model map[string]any)) []byte {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal(readShared(t, minimind3, "tokenizer.json"), &file); err != nil {
		t.Fatal(err)
	}
	change(file, file["model"].(map[string]any))
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type object = map[string]any

func TestLoadRefuses(t *testing.T) {
	byteLevel := func(key string, value any) object { return object{"type": "ByteLevel", key: value} }
	added := func(key string, value any) object {
		return object{"id": 6400, "content": "<new>", "special": true, key: value}
	}
	for want, change := range map[string]func(file, model object){
		`model.type is "WordPiece"`:                                      func(_, m object) { m["type"] = "WordPiece"; delete(m, "merges") },
		`model.type is "Unigram"`:                                        func(_, m object) { m["type"] = "Unigram"; m["vocab"] = []any{[]any{"a", 0.5}} },
		`model.vocab is missing`:                                         func(f, _ object) { f["model"] = object{} },
		`model.merges is missing`:                                        func(_, m object) { delete(m, "merges"); delete(m, "type") },
		`model.merges is missing: only`:                                  func(_, m object) { m["merges"] = nil },
		`model.dropout is 0.1`:                                           func(_, m object) { m["dropout"] = 0.1 },
		`model.continuing_subword_prefix is "##"`:                        func(_, m object) { m["continuing_subword_prefix"] = "##" },
		`model.end_of_word_suffix is "</w>"`:                             func(_, m object) { m["end_of_word_suffix"] = "</w>" },
		`model.ignore_merges is true`:                                    func(_, m object) { m["ignore_merges"] = true },
		`normalizer is "NFC"`:                                            func(f, _ object) { f["normalizer"] = object{"type": "NFC"} },
		`pre_tokenizer is null`:                                          func(f, _ object) { f["pre_tokenizer"] = nil },
		`pre_tokenizer.type is "Sequence"`:                               func(f, _ object) { f["pre_tokenizer"] = object{"type": "Sequence"} },
		`pre_tokenizer.add_prefix_space is true`:                         func(f, _ object) { f["pre_tokenizer"] = byteLevel("add_prefix_space", true) },
		`pre_tokenizer.use_regex is false`:                               func(f, _ object) { f["pre_tokenizer"] = byteLevel("use_regex", false) },
		`post_processor.type is "Bert`:                                   func(f, _ object) { f["post_processor"] = object{"type": "BertProcessing"} },
		`decoder is null`:                                                func(f, _ object) { delete(f, "decoder") },
		`decoder.type is "WordPiece"`:                                    func(f, _ object) { f["decoder"] = object{"type": "WordPiece"} },
		`byte 0x61 ('a') is missing`:                                     func(_, m object) { delete(m["vocab"].(object), "a") },
		`token "new" has the negative id -1`:                             func(_, m object) { m["vocab"].(object)["new"] = -1 },
		`token "new" has id 65536: ids go up to`:                         func(_, m object) { m["vocab"].(object)["new"] = 65536 },
		`id 100 belongs to two tokens, "a" and "n`:                       func(_, m object) { m["vocab"].(object)["new"] = 100 },
		`the token with id 6400 is empty`:                                func(_, m object) { m["vocab"].(object)[""] = 6400 },
		`model.vocab: not an object of token: id`:                        func(_, m object) { m["vocab"].(object)["new"] = "6400" },
		`model.merges: not an array of merges`:                           func(_, m object) { m["merges"] = "a b" },
		`"a b c" is not two tokens`:                                      func(_, m object) { m["merges"] = []any{"a b c"} },
		`["a"] is not two tokens`:                                        func(_, m object) { m["merges"] = []any{[]any{"a"}} },
		`model.merges[0]: "a" + "QQ"`:                                    func(_, m object) { m["merges"] = []any{"a QQ"} },
		`model.merges[1]: "t" + "h" is listed`:                           func(_, m object) { m["merges"] = []any{"t h", "t h"} },
		`model.merges[1] makes "th", which model.merges[0] already uses`: func(_, m object) { m["merges"] = []any{"th e", "t h"} },
		`added_tokens[0]: the token with id 6400 is empty`:               func(f, _ object) { f["added_tokens"] = []any{added("content", "")} },
		`added_tokens[0]: token "a" has two ids, 100 and 6400`:           func(f, _ object) { f["added_tokens"] = []any{added("content", "a")} },
		`added_tokens: "<new>" is listed twice`:                          func(f, _ object) { f["added_tokens"] = []any{added("", ""), added("", "")} },
		`added_tokens: "<new>" has single_word = true`:                   func(f, _ object) { f["added_tokens"] = []any{added("single_word", true)} },
		`line 1: json: cannot unmarshal number`:                          func(f, _ object) { f["added_tokens"] = []any{1} },
	} {
		_, err := tokenizer.Load(bytes.NewReader(edited(t, change)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "tokenizer.json: ") {
			t.Errorf("got error: %v\nwant one with: %s", err, want)
		}
	}
}

func TestLoadRefusesLargeVocabulary(t *testing.T) {
	large := edited(t, func(_, m object) {
		for id := 6400; id <= 65536; id++ {
			m["vocab"].(object)["piece "+string(rune(0x20000+id))] = id
		}
	})
	_, err := tokenizer.Load(bytes.NewReader(large))
	if err == nil || !strings.Contains(err.Error(), "model.vocab has 65537 tokens: at most 65536") {
		t.Errorf("got error: %v", err)
	}
}

func TestLoadBrokenFile(t *testing.T) {
	whole := readShared(t, minimind3, "tokenizer.json")
	for want, data := range map[string][]byte{
		"line 1: unexpected end":    nil,
		"line 20: unexpected end":   bytes.Join(bytes.Split(whole, []byte("\n"))[:20], []byte("\n")),
		"line 3: invalid character": []byte("{\n\"version\": \"1.0\",\n}"),
		"line 1: json: cannot":      []byte("[]"),
		"larger than 16 MiB":        bytes.Repeat([]byte(" "), 16<<20+1),
	} {
		if _, err := tokenizer.Load(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error: %v\nwant one with: %s", err, want)
		}
	}
	failure := errors.New("disk on fire")
	if _, err := tokenizer.Load(iotest.ErrReader(failure)); !errors.Is(err, failure) {
		t.Errorf("a reader's error is lost: %v", err)
	}
}

// Layout, order, merge storage and settings without effect do not change what a tokenizer is.
func TestHash(t *testing.T) {
	want := loadShared(t, minimind3).Hash()
	same := map[string]func(file, model object){
		"no change":         func(_, _ object) {},
		"merges as strings": func(_, m object) { m["merges"] = mergesAsStrings(m["merges"].([]any)) },
		"older file": func(f, m object) {
			delete(m, "type")
			m["continuing_subword_prefix"], m["end_of_word_suffix"], m["unk_token"] = "", "", "<|endoftext|>"
			f["pre_tokenizer"] = object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}
			f["post_processor"] = object{"type": "ByteLevel", "trim_offsets": false}
			f["truncation"] = object{"max_length": 512}
		},
		"added tokens not in the vocabulary": func(f, m object) {
			for _, a := range f["added_tokens"].([]any) {
				delete(m["vocab"].(object), a.(object)["content"].(string))
			}
		},
	}
	for name, change := range same {
		if got := load(t, edited(t, change)).Hash(); got != want {
			t.Errorf("%s: another hash", name)
		}
	}
	other := map[string]func(file, model object){
		"a merge less":  func(_, m object) { m["merges"] = m["merges"].([]any)[:6107] },
		"special":       func(f, _ object) { f["added_tokens"].([]any)[25].(object)["special"] = true },
		"another token": func(_, m object) { m["vocab"].(object)["extra"] = 6400 },
	}
	for name, change := range other {
		if load(t, edited(t, change)).Hash() == want {
			t.Errorf("%s: the same hash", name)
		}
	}
	if len(want) != 64 || want == loadShared(t, minimind2).Hash() {
		t.Errorf("hash %q", want)
	}
}

func mergesAsStrings(pairs []any) []any {
	out := make([]any, len(pairs))
	for i, pair := range pairs {
		out[i] = pair.([]any)[0].(string) + " " + pair.([]any)[1].(string)
	}
	return out
}

func TestWriteJSONOfMiniMind(t *testing.T) {
	for _, name := range []string{minimind2, minimind3} {
		tok := loadShared(t, name)
		var file bytes.Buffer
		if err := tok.WriteJSON(&file); err != nil {
			t.Fatal(err)
		}
		if load(t, file.Bytes()).Hash() != tok.Hash() {
			t.Errorf("%s: another hash after WriteJSON and Load", name)
		}
		var written, published any
		if err := json.Unmarshal(file.Bytes(), &written); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(readShared(t, name, "tokenizer.json"), &published); err != nil {
			t.Fatal(err)
		}
		if a, b := mustJSON(t, written), mustJSON(t, published); !bytes.Equal(a, b) {
			t.Errorf("%s: WriteJSON differs from the published file", name)
		}
	}
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
