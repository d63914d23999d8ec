// Package tokenizer turns text into token ids and back: byte-level BPE as stored in
// Hugging Face's tokenizer.json, with the same ids that Hugging Face gives.
//
// Text is cut at added tokens (<|im_start|>, <think>, ...), the rest into words by GPT-2's
// pattern (split.go), and each word's bytes are merged pair by pair in the order of the
// merge list (merge.go). Nothing is normalised, so every text decodes to itself.
//
// A Tokenizer never changes once it is made; any number of goroutines may use one.
package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// MaxVocabSize is the largest vocabulary: token ids are stored as uint16.
const MaxVocabSize = 1 << 16

// Tokenizer is a vocabulary with its merges and added tokens.
type Tokenizer struct {
	tokens  []string       // id -> the token as the vocabulary spells it, "" for an unused id
	bytes   [][]byte       // id -> the bytes that the token stands for
	special []bool         // id -> a decoder that skips special tokens skips it
	ids     map[string]int // token -> id
	byteIDs [256]uint16    // byte -> the id of its token
	merges  []merge        // in order: a merge's index is its rank
	ranks   table          // a pair of ids -> the rank of its merge
	pieces  []piece        // id -> how merges make the token
	trie    trie           // of the pieces
	added   []addedToken   // by id
	finders [2]addedFinder // not normalized first, then normalized, as Hugging Face
	hash    string
}

// newTokenizer checks that the parts of a tokenizer.json belong together.
// Its errors name the field of the file.
func newTokenizer(vocab map[string]int, merges [][2]string, added []addedToken) (*Tokenizer, error) {
	t := &Tokenizer{ids: make(map[string]int, len(vocab)+len(added)), added: added}
	if len(vocab) > MaxVocabSize {
		return nil, fmt.Errorf("model.vocab has %d tokens: at most %d are supported", len(vocab), MaxVocabSize)
	}
	for _, token := range slices.Sorted(maps.Keys(vocab)) {
		if err := t.setToken(token, vocab[token]); err != nil {
			return nil, fmt.Errorf("model.vocab: %w", err)
		}
	}
	for i, a := range added {
		if err := t.setToken(a.Content, a.ID); err != nil {
			return nil, fmt.Errorf("added_tokens[%d]: %w", i, err)
		}
	}
	t.bytes = make([][]byte, len(t.tokens))
	for id, token := range t.tokens {
		t.bytes[id] = tokenBytes(token)
	}
	for b := range t.byteIDs {
		id, ok := vocab[string(byteRunes[b])]
		if !ok {
			return nil, fmt.Errorf("model.vocab: byte 0x%02x (%q) is missing: a byte-level vocabulary holds all 256 bytes", b, byteRunes[b])
		}
		t.byteIDs[b] = uint16(id)
	}
	if err := t.setMerges(vocab, merges); err != nil {
		return nil, err
	}
	if err := t.setAdded(); err != nil {
		return nil, err
	}
	t.hash = t.contentHash()
	return t, nil
}

// setToken gives id to token; an added token may repeat what the vocabulary says of it.
func (t *Tokenizer) setToken(token string, id int) error {
	switch {
	case token == "":
		return fmt.Errorf("the token with id %d is empty", id)
	case id < 0:
		return fmt.Errorf("token %q has the negative id %d", token, id)
	case id >= MaxVocabSize:
		return fmt.Errorf("token %q has id %d: ids go up to %d", token, id, MaxVocabSize-1)
	}
	if known, ok := t.ids[token]; ok && known != id {
		return fmt.Errorf("token %q has two ids, %d and %d", token, known, id)
	}
	if id >= len(t.tokens) {
		t.tokens = append(t.tokens, make([]string, id+1-len(t.tokens))...)
	}
	if holder := t.tokens[id]; holder != "" && holder != token {
		return fmt.Errorf("id %d belongs to two tokens, %q and %q", id, holder, token)
	}
	t.tokens[id], t.ids[token] = token, id
	return nil
}

func (t *Tokenizer) setAdded() error {
	slices.SortStableFunc(t.added, func(a, b addedToken) int { return a.ID - b.ID })
	t.special = make([]bool, len(t.tokens))
	for i, a := range t.added {
		if i > 0 && t.added[i-1].ID == a.ID {
			return fmt.Errorf("added_tokens: %q is listed twice", a.Content)
		}
		if a.SingleWord {
			return fmt.Errorf("added_tokens: %q has single_word = true, which is not supported: set it to false", a.Content)
		}
		t.special[a.ID] = a.Special
	}
	t.finders = [2]addedFinder{newAddedFinder(t.added, false), newAddedFinder(t.added, true)}
	return nil
}

// contentHash is over what decides ids and text, not over how a file spells it.
func (t *Tokenizer) contentHash() string {
	h := sha256.New()
	for id, token := range t.tokens {
		fmt.Fprintf(h, "token %d %q\n", id, token)
	}
	for _, m := range t.merges {
		fmt.Fprintf(h, "merge %d %d %d\n", m.left, m.right, m.joined)
	}
	for _, a := range t.added {
		fmt.Fprintf(h, "added %d %t %t %t %t\n", a.ID, a.Special, a.Normalized, a.LStrip, a.RStrip)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// VocabSize is the highest token id plus one.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// Hash identifies vocabulary, merges and added tokens: 64 hexadecimal digits.
// Files that differ only in layout, order or merge storage have one hash.
func (t *Tokenizer) Hash() string { return t.hash }

// TokenID is the id of a token as the vocabulary spells it ("Ġthe", "<|im_end|>").
func (t *Tokenizer) TokenID(token string) (int, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Bytes are what a token stands for, none for an id that names no token. They must not be changed.
func (t *Tokenizer) Bytes(id int) []byte {
	if id < 0 || id >= len(t.bytes) {
		return nil
	}
	return t.bytes[id]
}

// BOS is the id that begins a chat turn, <|im_start|> (<s> before April 2025), or -1.
func (t *Tokenizer) BOS() int { return t.role("<|im_start|>", "<s>") }

// EOS is the id that ends a chat turn, <|im_end|> (</s> before April 2025), or -1.
func (t *Tokenizer) EOS() int { return t.role("<|im_end|>", "</s>") }

// Pad is the id that fills rows, <|endoftext|> (<unk> before April 2025), or -1.
func (t *Tokenizer) Pad() int { return t.role("<|endoftext|>", "<unk>") }

// role is the id of the first of names that is an added token.
func (t *Tokenizer) role(names ...string) int {
	for _, name := range names {
		for _, a := range t.added {
			if a.Content == name {
				return a.ID
			}
		}
	}
	return -1
}
