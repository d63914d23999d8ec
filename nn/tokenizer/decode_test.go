package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// bytesOnly has the ids of the bytes and nothing else but a special and a common added token.
func bytesOnly(t *testing.T) *Tokenizer {
	t.Helper()
	tok := train(t, nil, 258, "<s>", "<t>")
	tok.special[1] = false
	return tok
}

func byteIDs(tok *Tokenizer, text string) []int {
	return widen(tok.appendWord(nil, []byte(text)))
}

// What Rust's from_utf8_lossy, and so Hugging Face, makes of bytes that are no UTF-8:
// one U+FFFD for each longest beginning of a character.
func TestDecodeInvalid(t *testing.T) {
	tok := bytesOnly(t)
	for text, want := range map[string]string{
		"\xe4\xb8":             "\ufffd",
		"\xe4":                 "\ufffd",
		"\xe4a":                "\ufffda",
		"\xe4\xb8\xe4\xb8\xad": "\ufffd中",
		"\xf0\x9f\x98":         "\ufffd",
		"\xf0\x9f\x98z":        "\ufffdz",
		"\x80\x80":             "\ufffd\ufffd",
		"\xc0\xaf":             "\ufffd\ufffd",
		"\xed\xa0\x80":         "\ufffd\ufffd\ufffd",
		"\xe0\x80\x80":         "\ufffd\ufffd\ufffd",
		"\xf4\x90\x80\x80":     "\ufffd\ufffd\ufffd\ufffd",
		"\xf0\x80":             "\ufffd\ufffd",
		"\xff\xfe":             "\ufffd\ufffd",
		// The example of the Unicode standard, table 3-11.
		"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41": "\ufffd\ufffd\ufffd\ufffdA",
	} {
		if got := tok.Decode(byteIDs(tok, text), false); got != want {
			t.Errorf("Decode(%q) = %q, want %q", text, got, want)
		}
	}
}

// Of all sequences of up to three bytes, those that are UTF-8 decode to themselves and no others do.
func TestDecodeAllShort(t *testing.T) {
	tok := bytesOnly(t)
	for n := range 1 << 24 {
		if n >= 1<<16 && n>>16 < 0x80 {
			continue // an ASCII letter and two bytes
		}
		text := string([]byte{byte(n >> 16), byte(n >> 8), byte(n)})
		for n < 1<<16 && len(text) > 1 && text[0] == 0 {
			text = text[1:]
		}
		d := Decoder{t: tok}
		var got strings.Builder
		for i := range len(text) {
			got.WriteString(d.Next(int(tok.byteIDs[text[i]])))
		}
		got.WriteString(d.Flush())
		if (got.String() == text) != utf8.ValidString(text) {
			t.Fatalf("%q decodes to %q", text, got.String())
		}
	}
}

func TestDecoderHoldsBack(t *testing.T) {
	tok := bytesOnly(t)
	d := tok.NewDecoder(true)
	steps := []struct {
		id   int
		want string
	}{
		{int(tok.byteIDs[0xe4]), ""},
		{0, ""}, // special: skipped, and the character goes on after it
		{int(tok.byteIDs[0xbd]), ""},
		{int(tok.byteIDs[0xa0]), "你"},
		{1, "<t>"},
		{-1, ""},
		{258, ""},
		{int(tok.byteIDs[0xf0]), ""},
		{int(tok.byteIDs[0x9f]), ""},
		{int(tok.byteIDs['!']), "\ufffd!"}, // can no longer become a character
		{int(tok.byteIDs[0xe4]), ""},
	}
	for i, step := range steps {
		if got := d.Next(step.id); got != step.want {
			t.Errorf("step %d: Next(%d) = %q, want %q", i, step.id, got, step.want)
		}
	}
	if got := d.Flush(); got != "\ufffd" {
		t.Errorf("Flush = %q", got)
	}
	if got := d.Flush(); got != "" {
		t.Errorf("second Flush = %q", got)
	}
}

func TestDecodeSpecial(t *testing.T) {
	tok := bytesOnly(t)
	ids := tok.Encode("<s>a<t>b<s>")
	if got := tok.Decode(ids, true); got != "a<t>b" {
		t.Errorf("without special tokens: %q", got)
	}
	if got := tok.Decode(ids, false); got != "<s>a<t>b<s>" {
		t.Errorf("with special tokens: %q", got)
	}
}
