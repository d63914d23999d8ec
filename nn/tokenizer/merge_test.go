package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// plainBPE is the definition: join the pair of the lowest rank, of those the leftmost, until none is left.
func plainBPE(t *Tokenizer, word string) []uint16 {
	var ids []uint16
	for _, b := range []byte(word) {
		ids = append(ids, t.byteIDs[b])
	}
	for {
		rank, at := len(t.merges), 0
		for i := range len(ids) - 1 {
			r := slices.IndexFunc(t.merges[:rank], func(m merge) bool { return m.left == ids[i] && m.right == ids[i+1] })
			if r >= 0 {
				rank, at = r, i
			}
		}
		if rank == len(t.merges) {
			return ids
		}
		ids[at] = t.merges[rank].joined
		ids = slices.Delete(ids, at+1, at+2)
	}
}

// randomMerges joins random tokens: vocabularies that no training gives, with tokens that are made in
// several ways or never, but in a sound order.
func randomMerges(t *testing.T, rng *rand.Rand, alphabet string, n int) *Tokenizer {
	t.Helper()
	vocab := map[string]int{}
	for b, r := range byteRunes {
		vocab[string(r)] = b
	}
	pool := strings.Split(alphabet, "")
	used := map[string]bool{}
	listed := map[[2]string]bool{}
	var merges [][2]string
	for range n {
		m := [2]string{pool[rng.IntN(len(pool))], pool[rng.IntN(len(pool))]}
		joined := m[0] + m[1]
		if used[joined] || listed[m] {
			continue
		}
		if _, known := vocab[joined]; !known {
			vocab[joined] = len(vocab)
			pool = append(pool, joined)
		}
		merges = append(merges, m)
		used[m[0]], used[m[1]], listed[m] = true, true, true
	}
	tok, err := newTokenizer(vocab, merges, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func checkPlain(t *testing.T, tok *Tokenizer, word string) {
	t.Helper()
	got, want := tok.appendWord(nil, []byte(word)), plainBPE(tok, word)
	if !slices.Equal(got, want) {
		t.Fatalf("merges %v: %q is %v, by definition %v", tok.merges, word, got, want)
	}
}

func randomWord(rng *rand.Rand, alphabet string, maxLen int) string {
	word := make([]byte, 1+rng.IntN(maxLen))
	for i := range word {
		word[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(word)
}

func TestRandomMerges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, alphabet := range []string{"a", "ab", "abc", "abcdefgh"} {
		for range 60 {
			tok := randomMerges(t, rng, alphabet, 1+rng.IntN(40))
			for range 60 {
				checkPlain(t, tok, randomWord(rng, alphabet, 30))
			}
			checkPlain(t, tok, randomWord(rng, alphabet, 300))
		}
	}
}

func TestTrainedMerges(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		alphabet := "abcd"[:1+rng.IntN(4)]
		docs := make([]string, 20)
		for i := range docs {
			docs[i] = randomWord(rng, alphabet, 40)
		}
		tok, err := Train(slices.Values(docs), 256+rng.IntN(60), nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			checkPlain(t, tok, randomWord(rng, alphabet, 60))
		}
	}
}
