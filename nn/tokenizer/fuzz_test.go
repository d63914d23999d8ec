package tokenizer_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

func FuzzEncodeDecode(f *testing.F) {
	tok := loadShared(f, minimind3)
	for _, text := range fragments {
		f.Add(text)
	}
	f.Add("<|im_start|>user\n你是谁?<|im_end|>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, ids := range [][]int{tok.Encode(text), tok.EncodeOrdinary(text)} {
			got := tok.Decode(ids, false)
			if utf8.ValidString(text) && got != text {
				t.Errorf("%q decodes to %q", text, got)
			}
			if !utf8.ValidString(got) {
				t.Errorf("Decode gives %q, which is no UTF-8", got)
			}
		}
	})
}

func FuzzLoad(f *testing.F) {
	var small bytes.Buffer
	tok, err := tokenizer.Train(func(yield func(string) bool) { yield("the cat, the hat") }, 262, []string{"<s>"})
	if err != nil {
		f.Fatal(err)
	}
	if err := tok.WriteJSON(&small); err != nil {
		f.Fatal(err)
	}
	f.Add(small.Bytes())
	for _, change := range []string{`"id": 0`, `"<s>"`, `"ByteLevel"`, `256`, `null`, `"a"`, `[`} {
		f.Add([]byte(strings.Replace(small.String(), change, `-1`, 1)))
		f.Add([]byte(strings.Replace(small.String(), change, `{"type": "BPE"}`, 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := tokenizer.Load(bytes.NewReader(data))
		if err != nil {
			return
		}
		text := "the cat <s> 你好"
		tok.Encode(text)
		if got := tok.Decode(tok.EncodeOrdinary(text), false); got != text {
			t.Errorf("%q decodes to %q", text, got)
		}
		var file bytes.Buffer
		if err := tok.WriteJSON(&file); err != nil {
			t.Fatal(err)
		}
		back, err := tokenizer.Load(&file)
		if err != nil {
			t.Fatalf("WriteJSON writes what Load refuses: %v", err)
		}
		if back.Hash() != tok.Hash() {
			t.Error("WriteJSON and Load give another hash")
		}
	})
}
