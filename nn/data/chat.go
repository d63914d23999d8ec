package data

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

// Chat says how conversations become tokens.
type Chat struct {
	Format *chat.Format
	// Tags are texts, such as <think>, whose tokens in answers weigh
	// Layout.TagWeight.
	Tags []string
}

// String identifies the way: the same conversations, tokenizer and string give
// the same shard.
func (c Chat) String() string {
	return strings.Join(append([]string{c.Format.Template.String()}, c.Tags...), " ")
}

// PrepareChat tokenises conversations into a shard, as Prepare does texts. r is
// JSONL. For Conversations, a line has the messages in the field
// "conversations" or "messages"; for Preferences it has two lists of messages,
// "chosen" and "rejected". A line in which there is no answer to learn is left
// out and counted (ShardInfo.EmptyDocuments); any other that cannot be used is
// an error.
func PrepareChat(name string, r io.Reader, kind Kind, c Chat, w io.Writer, progress func(bytes int64)) (ShardInfo, error) {
	encode := c.encodeConversation
	if kind == Preferences {
		encode = c.encodePreference
	}
	tok := c.Format.Tokenizer
	info := ShardInfo{Kind: kind, Chat: c.String(), VocabSize: tok.VocabSize(), TokenizerHash: tok.Hash()}
	return prepare(name, r, JSONL, info, func(j *job) error {
		return j.records(func(record []byte) (bool, error) {
			err := encode(j, record)
			if errors.Is(err, chat.ErrNoAnswer) {
				j.empty++
				err = nil
			}
			return true, err
		})
	}, w, progress)
}

func (c Chat) encodeConversation(j *job, record []byte) error {
	var conversation chat.Conversation
	if err := json.Unmarshal(record, &conversation); err != nil {
		return err
	}
	d, err := c.encode(conversation)
	if err == nil {
		j.add(d)
	}
	return err
}

func (c Chat) encodePreference(j *job, record []byte) error {
	var lists struct {
		Chosen, Rejected []json.RawMessage
		Tools            json.RawMessage
	}
	if err := json.Unmarshal(record, &lists); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf(`a JSON %s where a list of messages is wanted; each line must be {"chosen": [...], "rejected": [...]}`, wrong.Value)
		}
		return err
	}
	if lists.Chosen == nil || lists.Rejected == nil {
		return errors.New(`no lists of messages in "chosen" and "rejected"`)
	}
	var pair [2]answered
	var prompts [2]chat.Conversation
	for i, list := range [][]json.RawMessage{lists.Chosen, lists.Rejected} {
		side := []string{"chosen", "rejected"}[i]
		conversation, err := chat.ParseMessages(list)
		if err != nil {
			return fmt.Errorf("%q: %w", side, err)
		}
		last := len(conversation.Messages) - 1
		if conversation.Messages[last].Role != chat.Assistant {
			return fmt.Errorf("%q ends in a turn of the %s: its last message must be the assistant's answer", side, conversation.Messages[last].Role)
		}
		if pair[i], err = c.encode(conversation); err != nil {
			return fmt.Errorf("%q: %w", side, err)
		}
		prompts[i] = chat.Conversation{Messages: conversation.Messages[:last], Tools: conversation.Tools}
	}
	if !reflect.DeepEqual(prompts[0], prompts[1]) {
		return fmt.Errorf(`"chosen" and "rejected" answer different prompts (%s): all messages but the last must be equal`, difference(prompts[0].Messages, prompts[1].Messages))
	}
	j.add(pair[0])
	j.add(pair[1])
	return nil
}

// difference says where two prompts first differ.
func difference(a, b []chat.Message) string {
	for i := range min(len(a), len(b)) {
		if !reflect.DeepEqual(a[i], b[i]) {
			return fmt.Sprintf("message %d differs", i+1)
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%d and %d messages", len(a), len(b))
	}
	return "their tools differ"
}

// answered is a conversation's tokens with the class of each.
type answered struct {
	ids     []int
	classes []byte
	first   int // the first pair to learn
}

// encode is chat.ErrNoAnswer if there is nothing to learn.
func (c Chat) encode(conversation chat.Conversation) (d answered, err error) {
	ids, mask, err := c.Format.Encode(conversation)
	if err != nil {
		return d, err
	}
	d = answered{ids: ids, classes: make([]byte, len(ids)), first: -1}
	within := c.Format.Within(ids, c.Tags)
	for i, m := range mask {
		switch {
		case !m || i == 0: // nothing comes before the first token, so it is never a target
			continue
		case within != nil && within[i]:
			d.classes[i] = tagged
		default:
			d.classes[i] = learnt
		}
		if d.first < 0 {
			d.first = i - 1
		}
	}
	if d.first < 0 {
		return d, chat.ErrNoAnswer
	}
	return d, nil
}

// add appends a conversation to what the job has made.
func (j *job) add(d answered) {
	for i, id := range d.ids {
		j.tokens = append(binary.LittleEndian.AppendUint16(j.tokens, uint16(id)), d.classes[i])
	}
	j.lengths = append(j.lengths, len(d.ids))
	j.firsts = append(j.firsts, uint32(d.first))
}
