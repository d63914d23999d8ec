package tokenizer_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// prose writes about size bytes that have the shape of training text: half Chinese, half English by
// bytes, clauses of new combinations of common pieces (rarer the later they were merged), so that
// Chinese clauses seldom repeat and English words often do.
func prose(tok *tokenizer.Tokenizer, rng *rand.Rand, size int) string {
	var han, english []string
	for id := range tok.VocabSize() {
		piece := tok.Decode([]int{id}, true)
		switch {
		case isAll(piece, func(r rune) bool { return unicode.Is(unicode.Han, r) }):
			han = append(han, piece)
		case strings.HasPrefix(piece, " ") && isAll(piece[1:], func(r rune) bool { return 'a' <= r && r <= 'z' }):
			english = append(english, piece)
		}
	}
	hanRank := rand.NewZipf(rng, 1.2, 20, uint64(len(han)-1))
	englishRank := rand.NewZipf(rng, 1.2, 5, uint64(len(english)-1))
	var text strings.Builder
	for text.Len() < size {
		for range 8 { // Chinese clauses
			for range 2 + rng.IntN(8) {
				text.WriteString(han[hanRank.Uint64()])
			}
			text.WriteString([]string{"，", "，", "。", "、", "？\n"}[rng.IntN(5)])
		}
		for range 8 { // English ones
			for range 3 + rng.IntN(9) {
				text.WriteString(english[englishRank.Uint64()])
				if rng.IntN(3) == 0 {
					text.WriteString(strings.TrimSpace(english[englishRank.Uint64()]))
				}
			}
			text.WriteString([]string{",", ".", "...", "!\n\n", " 1984"}[rng.IntN(5)])
		}
	}
	return text.String()
}

func isAll(text string, f func(rune) bool) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return !f(r) }) < 0
}

func BenchmarkAppendEncode(b *testing.B) {
	tok := loadShared(b, minimind3)
	text := []byte(prose(tok, rand.New(rand.NewPCG(1, 2)), 8<<20))
	var ids []uint16
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		ids = tok.AppendEncode(ids[:0], text)
	}
	b.ReportMetric(float64(len(text))/float64(len(ids)), "bytes/token")
}

// One word without end is the worst case of merging.
func BenchmarkAppendEncodeLongWord(b *testing.B) {
	tok := loadShared(b, minimind3)
	text := []byte(strings.Repeat("abracadabra", 10_000))
	var ids []uint16
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		ids = tok.AppendEncode(ids[:0], text)
	}
}
