package tokenizer

import (
	"bytes"
	"slices"
	"unicode"
)

// addedToken is an entry of added_tokens: found in the text before it is cut into words.
type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"` // takes the white space before it along
	RStrip     bool   `json:"rstrip"` // takes the white space after it along
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// addedFinder finds added tokens: the leftmost, and of those the longest.
type addedFinder struct {
	byFirst [256][]addedToken // by first byte, longest first
}

func newAddedFinder(added []addedToken, normalized bool) (f addedFinder) {
	for _, a := range added {
		if a.Normalized == normalized {
			f.byFirst[a.Content[0]] = append(f.byFirst[a.Content[0]], a)
		}
	}
	for _, list := range f.byFirst {
		slices.SortFunc(list, func(x, y addedToken) int { return len(y.Content) - len(x.Content) })
	}
	return f
}

// find gives the first added token in the text and the range that it takes, or ok = false.
func (f *addedFinder) find(text []byte) (id uint16, start, end int, ok bool) {
	for start, b := range text {
		for i := range f.byFirst[b] {
			a := &f.byFirst[b][i]
			end := start + len(a.Content)
			if end > len(text) || string(text[start:end]) != a.Content {
				continue
			}
			if a.LStrip {
				start = len(bytes.TrimRightFunc(text[:start], unicode.IsSpace))
			}
			if a.RStrip {
				end = len(text) - len(bytes.TrimLeftFunc(text[end:], unicode.IsSpace))
			}
			return uint16(a.ID), start, end, true
		}
	}
	return 0, 0, 0, false
}
