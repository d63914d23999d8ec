package tokenizer

import "strings"

const replacement = "\uFFFD"

// Decode gives the text of ids, without special tokens if skipSpecial is set.
// Ids that name no token are left out; bytes that are no UTF-8 become U+FFFD.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) string {
	var text strings.Builder
	d := t.NewDecoder(skipSpecial)
	for _, id := range ids {
		text.WriteString(d.Next(id))
	}
	text.WriteString(d.Flush())
	return text.String()
}

// Decoder decodes one id at a time and holds a character back until its last byte is there.
// What Next and Flush return, put together, is what Decode returns.
type Decoder struct {
	t           *Tokenizer
	skipSpecial bool
	pending     []byte // the beginning of a character, at most 3 bytes between calls
}

// NewDecoder starts a text.
func (t *Tokenizer) NewDecoder(skipSpecial bool) *Decoder {
	return &Decoder{t: t, skipSpecial: skipSpecial}
}

// Next takes the next id and gives the text that it completes, which may be empty.
func (d *Decoder) Next(id int) string {
	if id < 0 || id >= len(d.t.tokens) || d.skipSpecial && d.t.special[id] {
		return ""
	}
	rest := append(d.pending, d.t.bytes[id]...)
	var text strings.Builder
	for len(rest) > 0 {
		n, size := characterPrefix(rest)
		if n < size && n == len(rest) {
			break // more bytes may complete it
		}
		if n == size {
			text.Write(rest[:n])
		} else {
			text.WriteString(replacement)
			n = max(n, 1)
		}
		rest = rest[n:]
	}
	d.pending = append(d.pending[:0], rest...)
	return text.String()
}

// Flush ends the text: a character that was never completed becomes U+FFFD.
func (d *Decoder) Flush() string {
	if len(d.pending) == 0 {
		return ""
	}
	d.pending = d.pending[:0]
	return replacement
}

// characterPrefix says how many bytes of text, from its first, can belong to one UTF-8 character,
// and the size of that character. (n = 0, size = 1) is a byte that begins none.
// One U+FFFD stands for such a prefix as a whole, as the Unicode standard recommends and Rust does.
func characterPrefix(text []byte) (n, size int) {
	low, high := byte(0x80), byte(0xBF) // of the second byte
	switch b := text[0]; {
	case b < 0x80:
		return 1, 1
	case b < 0xC2 || b > 0xF4:
		return 0, 1
	case b < 0xE0:
		size = 2
	case b < 0xF0:
		size = 3
	default:
		size = 4
	}
	switch text[0] {
	case 0xE0:
		low = 0xA0 // not a shorter character written long
	case 0xED:
		high = 0x9F // not a surrogate
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F // not above U+10FFFF
	}
	for n = 1; n < min(size, len(text)); n++ {
		if text[n] < low || text[n] > high {
			break
		}
		low, high = 0x80, 0xBF
	}
	return n, size
}
