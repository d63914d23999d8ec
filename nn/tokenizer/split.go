package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The characters that GPT-2's pattern tells apart.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

var asciiClass [utf8.RuneSelf]class

func init() {
	for r := range asciiClass {
		asciiClass[r] = runeClass(rune(r))
	}
}

func runeClass(r rune) class {
	switch {
	case 0x4E00 <= r && r <= 0x9FFF: // CJK ideographs, without a table search
		return letter
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// firstClass is the class and the size in bytes of the first character.
// A byte that is no UTF-8 counts as a character of class other.
func firstClass(text []byte) (class, int) {
	if text[0] < utf8.RuneSelf {
		return asciiClass[text[0]], 1
	}
	r, size := utf8.DecodeRune(text)
	return runeClass(r), size
}

// wordLen is the length of the first word of a text that is not empty: what GPT-2's pattern matches,
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// written out because Go's regular expressions have no lookahead.
func wordLen(text []byte) int {
	if n := contractionLen(text); n > 0 {
		return n
	}
	run, _ := firstClass(text)
	end := 0
	if text[0] == ' ' && len(text) > 1 {
		if next, _ := firstClass(text[1:]); next != space {
			run, end = next, 1
		}
	}
	size, characters := 0, 0 // size is that of the run's last character
	for end < len(text) {
		c, n := firstClass(text[end:])
		if c != run {
			break
		}
		end += n
		size = n
		characters++
	}
	// \s+(?!\S): white space leaves its last character to the word that follows.
	if run == space && end < len(text) && characters > 1 {
		return end - size
	}
	return end
}

// contractionLen is the length of a contraction ('s, 're, ...) that begins the text, or 0.
func contractionLen(text []byte) int {
	if text[0] != '\'' || len(text) < 2 {
		return 0
	}
	switch text[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) < 3 {
		return 0
	}
	switch string(text[1:3]) {
	case "re", "ve", "ll":
		return 3
	}
	return 0
}
