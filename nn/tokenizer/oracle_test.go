package tokenizer_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pkoukk/tiktoken-go"
)

const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// oracle builds tiktoken's encoder from a tokenizer.json. Its ranks are ids, which is exact where ids
// rise with the merges, as MiniMind's do.
func oracle(t *testing.T, data []byte) *tiktoken.CoreBPE {
	t.Helper()
	var f struct {
		AddedTokens []struct {
			ID      int
			Content string
		} `json:"added_tokens"`
		Model struct {
			Vocab map[string]int
		}
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	added := map[string]int{}
	for _, a := range f.AddedTokens {
		added[a.Content] = a.ID
	}
	bytesOf := gpt2Bytes()
	ranks := map[string]int{}
	for token, id := range f.Model.Vocab {
		if _, isAdded := added[token]; isAdded {
			continue
		}
		var text []byte
		for _, r := range token {
			text = append(text, bytesOf[r])
		}
		ranks[string(text)] = id
	}
	bpe, err := tiktoken.NewCoreBPE(ranks, added, gpt2Pattern)
	if err != nil {
		t.Fatal(err)
	}
	return bpe
}

// gpt2Bytes is GPT-2's bytes_to_unicode, reversed.
func gpt2Bytes() map[rune]byte {
	bytesOf := map[rune]byte{}
	extra := rune(256)
	for b := range rune(256) {
		if strings.ContainsRune("\u00ad", b) || b < '!' || b > '~' && b < '¡' {
			bytesOf[extra] = byte(b)
			extra++
		} else {
			bytesOf[b] = byte(b)
		}
	}
	return bytesOf
}

// Bits of text whose neighbourhoods matter to the pattern and the merges.
var fragments = []string{
	"你好", "世界", "，", "。", "？！", "机器学习是人工智能的一个分支", "的", "白日依山尽黄河入海流", "　", "『", "〇", "㊀", "龘𠮷",
	"Hello", "world", " the", " quick", "'s", "'S", "'ll", "'re", "'", "’t", "don't", "they've", "I'd", "x='d'", "naïve", "é", "e\u0301",
	" ", "  ", "   ", "\n", "\n\n", " \n", "\t", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\v\f", "\x00", "\x1f",
	"1", "42", " 1984", "3.14159", "１２", "½", "Ⅷ", "٣", "²",
	"😀", "👩‍👩‍👧‍👦", "🇨🇳", "❤️", "!", "...", "--", "#", "_", "=>", "<|im_start|>", "<think>", "</", "|>", "{\"a\": [1, 2]}",
	"한국어", "日本語のテキスト", "العربية", "हिन्दी", "ไทย", "Ünïcödé", "ß", "Ω", "Ж", "\ufffd", "\U0010ffff",
}

// randomText puts fragments and single characters of all planes in a row.
func randomText(rng *rand.Rand, parts int) string {
	var text strings.Builder
	for range parts {
		switch rng.IntN(8) {
		case 0:
			text.WriteRune(rune(rng.IntN(0x250)))
		case 1:
			text.WriteRune(0x4E00 + rune(rng.IntN(0x5200)))
		case 2:
			text.WriteRune(rune(rng.IntN(0x11000)))
		default:
			text.WriteString(fragments[rng.IntN(len(fragments))])
		}
	}
	return strings.ToValidUTF8(text.String(), "")
}

func TestAgainstTiktoken(t *testing.T) {
	for _, name := range []string{minimind2, minimind3} {
		data := readShared(t, name, "tokenizer.json")
		tok, want := load(t, data), tiktoken.NewTiktoken(oracle(t, data), nil, nil)
		rng := rand.New(rand.NewPCG(7, 11))
		texts := []string{prose(tok, rng, 50_000)}
		for range 3000 {
			texts = append(texts, randomText(rng, 1+rng.IntN(20)))
		}
		for _, text := range texts {
			got, ids := tok.EncodeOrdinary(text), want.EncodeOrdinary(text)
			if !slices.Equal(got, ids) {
				t.Fatalf("%s: EncodeOrdinary(%q) = %v, tiktoken gives %v", name, text, got, ids)
			}
			if back := tok.Decode(got, false); back != text {
				t.Fatalf("%s: Decode(Encode(%q)) = %q", name, text, back)
			}
		}
	}
}
