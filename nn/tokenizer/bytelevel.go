package tokenizer

// The byte-level alphabet: a tokenizer.json spells each byte as one printable character.
// Bytes that are printable in Latin-1 stand for themselves; the others, in order, are U+0100 and up
// (so the space is Ġ, the newline Ċ).
var (
	byteRunes [256]rune
	runeBytes = map[rune]byte{}
)

func init() {
	next := rune(0x100)
	for b := range byteRunes {
		r := rune(b)
		printable := '!' <= r && r <= '~' || '¡' <= r && r <= '¬' || '®' <= r && r <= 'ÿ'
		if !printable {
			r = next
			next++
		}
		byteRunes[b] = r
		runeBytes[r] = byte(b)
	}
}

// tokenBytes is what a token decodes to. A token with a character outside the alphabet
// (an added token such as "<|用户|>") is text as it stands: Hugging Face's rule.
func tokenBytes(token string) []byte {
	out := make([]byte, 0, len(token))
	for _, r := range token {
		b, ok := runeBytes[r]
		if !ok {
			return []byte(token)
		}
		out = append(out, b)
	}
	return out
}
