package tokenizer

// Encode gives the ids of a text. Added tokens in it, special or not, become their ids.
func (t *Tokenizer) Encode(text string) []int {
	return widen(t.appendAdded(nil, []byte(text), 0))
}

// EncodeOrdinary gives the ids of a text in which added tokens are plain text.
func (t *Tokenizer) EncodeOrdinary(text string) []int {
	return widen(t.AppendEncode(nil, []byte(text)))
}

// AppendEncode appends the ids of a text, in which added tokens are plain text, to dst.
// It is the fast path. Bytes that are no UTF-8 are kept as they are.
func (t *Tokenizer) AppendEncode(dst []uint16, text []byte) []uint16 {
	for len(text) > 0 {
		n := wordLen(text)
		dst = t.appendWord(dst, text[:n])
		text = text[n:]
	}
	return dst
}

// appendAdded cuts text at added tokens, in the finders' order from pass on.
func (t *Tokenizer) appendAdded(dst []uint16, text []byte, pass int) []uint16 {
	if pass == len(t.finders) {
		return t.AppendEncode(dst, text)
	}
	for {
		id, start, end, ok := t.finders[pass].find(text)
		if !ok {
			return t.appendAdded(dst, text, pass+1)
		}
		dst = append(t.appendAdded(dst, text[:start], pass+1), id)
		text = text[end:]
	}
}

func widen(ids []uint16) []int {
	out := make([]int, len(ids))
	for i, id := range ids {
		out[i] = int(id)
	}
	return out
}
