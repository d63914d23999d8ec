package tokenizer

import "fmt"

// Kind says what an id of the vocabulary is for.
type Kind int

// The kinds of ids.
const (
	Unused  Kind = iota
	Normal       // made by merges
	Added        // found in the text as it stands, and part of it
	Special      // found in the text as it stands, a mark between its parts: <|im_end|>
)

// Parts is a vocabulary taken apart, as formats of other programs store it.
type Parts struct {
	Tokens []string    // id -> the token as the vocabulary spells it, "" for an unused id
	Kinds  []Kind      // id -> its kind
	Merges [][2]string // in order
}

// Parts takes the tokenizer apart.
func (t *Tokenizer) Parts() Parts {
	p := Parts{Tokens: append([]string(nil), t.tokens...), Kinds: make([]Kind, len(t.tokens)), Merges: make([][2]string, len(t.merges))}
	for id, token := range t.tokens {
		if token != "" {
			p.Kinds[id] = Normal
		}
	}
	for _, a := range t.added {
		p.Kinds[a.ID] = Added
		if a.Special {
			p.Kinds[a.ID] = Special
		}
	}
	for i, m := range t.merges {
		p.Merges[i] = [2]string{t.tokens[m.left], t.tokens[m.right]}
	}
	return p
}

// FromParts puts a tokenizer together. What Parts does not tell (white space around added tokens) is as MiniMind has it.
func FromParts(p Parts) (*Tokenizer, error) {
	vocab := make(map[string]int, len(p.Tokens))
	var added []addedToken
	for id, token := range p.Tokens {
		switch p.Kinds[id] {
		case Unused:
			continue
		case Added, Special:
			added = append(added, addedToken{ID: id, Content: token, Special: p.Kinds[id] == Special})
		}
		if known, ok := vocab[token]; ok {
			return nil, fmt.Errorf("token %q has two ids, %d and %d", token, known, id)
		}
		vocab[token] = id
	}
	return newTokenizer(vocab, p.Merges, added)
}
