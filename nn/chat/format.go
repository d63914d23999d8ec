package chat

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Format is a template with the tokenizer whose marks it writes.
type Format struct {
	Tokenizer *tokenizer.Tokenizer
	Template  Template
	header    []int // tokens of what begins an assistant's turn, but for the newline that ends it
	end       []int // tokens of an end mark and the newline after it
}

// For chooses the template that belongs to a tokenizer: the second generation's if it has <think> as a token, the first
// generation's if it is the first generation's vocabulary, and for any other the first generation's without its
// system turn. The error says that a tokenizer has no marks of turns.
func For(tok *tokenizer.Tokenizer) (*Format, error) {
	start, end, err := marks(tok)
	if err != nil {
		return nil, err
	}
	if len(tok.Encode("<think>")) == 1 {
		return New(tok, MiniMind3())
	}
	t := MiniMind2()
	t.Start, t.End = start, end
	text, err := t.Render(Conversation{Messages: []Message{{Role: User}}}, Options{})
	if err != nil {
		return nil, err
	}
	if !hasPrefix(tok.Encode(text), miniMind2System) {
		t.DefaultSystem = "" // it would cost tokens in every conversation
	}
	return New(tok, t)
}

// miniMind2System are the tokens of the default system turn in the first generation's vocabulary.
var miniMind2System = []int{1, 85, 736, 201, 59, 292, 389, 260, 3836, 1861, 501, 2, 201}

// New makes a format of a tokenizer and a template that writes its marks, in ChatML's layout.
func New(tok *tokenizer.Tokenizer, t Template) (*Format, error) {
	start, end, err := marks(tok)
	if err != nil {
		return nil, err
	}
	return &Format{Tokenizer: tok, Template: t, header: tok.Encode(start + Assistant), end: tok.Encode(end + "\n")}, nil
}

func marks(tok *tokenizer.Tokenizer) (start, end string, err error) {
	if tok.BOS() < 0 || tok.EOS() < 0 {
		return "", "", errors.New("the tokenizer has no tokens <|im_start|> and <|im_end|>, which begin and end the turns of a conversation")
	}
	return tok.Decode([]int{tok.BOS()}, false), tok.Decode([]int{tok.EOS()}, false), nil
}

// Stop is the token that ends an answer.
func (f *Format) Stop() int { return f.Tokenizer.EOS() }

// Prompt gives the text that asks for the assistant's next turn, and its tokens. The text is for NewParser.
func (f *Format) Prompt(c Conversation, thinking Thinking) (text string, ids []int, err error) {
	text, err = f.Template.Render(c, Options{AddGenerationPrompt: true, Thinking: thinking})
	return text, f.Tokenizer.Encode(text), err
}

// ErrNoAnswer says that a conversation has nothing for a model to learn.
var ErrNoAnswer = errors.New("no assistant turn: there is no answer to learn")

// Encode gives the tokens of a conversation, and for each whether the model is to learn it: the text of every
// assistant's turn, its end mark and the newline after it. It is ErrNoAnswer if there is no assistant's turn.
func (f *Format) Encode(c Conversation) (ids []int, mask []bool, err error) {
	if !slices.ContainsFunc(c.Messages, func(m Message) bool { return m.Role == Assistant }) {
		return nil, nil, ErrNoAnswer
	}
	text, err := f.Template.Render(c, Options{})
	if err != nil {
		return nil, nil, err
	}
	ids = f.Tokenizer.Encode(text)
	return ids, f.Mask(ids), nil
}

// Mask finds the answers among the tokens of conversations. It looks for marks, as MiniMind does; a last answer without
// an end mark counts up to the end.
func (f *Format) Mask(ids []int) []bool {
	mask := make([]bool, len(ids))
	for at := 0; at < len(ids); {
		newline := at + len(f.header)
		if !hasPrefix(ids[at:], f.header) || newline >= len(ids) || !f.isNewline(ids[newline]) {
			at++
			continue
		}
		end := newline + 1
		for end < len(ids) && !hasPrefix(ids[end:], f.end) {
			end++
		}
		end = min(end+len(f.end), len(ids))
		for at = newline + 1; at < end; at++ {
			mask[at] = true
		}
	}
	return mask
}

// isNewline tells the newline that ends a turn's header, also where it was merged with newlines of the content.
func (f *Format) isNewline(id int) bool {
	return strings.HasPrefix(f.Tokenizer.Decode([]int{id}, false), "\n")
}

func hasPrefix(ids, prefix []int) bool {
	return len(ids) >= len(prefix) && slices.Equal(ids[:len(prefix)], prefix)
}

// Within marks the tokens of which some byte is part of one of the given texts, wherever these are; nil if there are none.
func (f *Format) Within(ids []int, texts []string) []bool {
	if len(texts) == 0 {
		return nil
	}
	var all []byte
	ends := make([]int, len(ids)) // of each token in all
	for i, id := range ids {
		all = append(all, f.Tokenizer.Bytes(id)...)
		ends[i] = len(all)
	}
	within := make([]bool, len(ids))
	for _, text := range texts {
		for from := 0; ; {
			at := bytes.Index(all[from:], []byte(text))
			if at < 0 || text == "" {
				break
			}
			from += at
			first, _ := slices.BinarySearch(ends, from+1)
			from += len(text)
			for i := first; i < len(ids) && (i == 0 || ends[i-1] < from); i++ {
				within[i] = true
			}
		}
	}
	return within
}

// String names the template; two that write differently have different names.
func (t ChatML) String() string {
	switch t {
	case MiniMind2():
		return "MiniMind2"
	case MiniMind3():
		return "MiniMind3"
	}
	return fmt.Sprintf("ChatML %s %s %q %t", t.Start, t.End, t.DefaultSystem, t.Think)
}
