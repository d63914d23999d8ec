package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const maxFileBytes = 16 << 20

// file is what a tokenizer.json says about ids and text. Truncation and padding are settings
// of a call, not of the vocabulary, and are not read.
type file struct {
	AddedTokens   []addedToken `json:"added_tokens"`
	Normalizer    *component   `json:"normalizer"`
	PreTokenizer  *component   `json:"pre_tokenizer"`
	PostProcessor *component   `json:"post_processor"`
	Decoder       *component   `json:"decoder"`
	Model         model        `json:"model"`
}

type component struct {
	Type           string `json:"type"`
	AddPrefixSpace bool   `json:"add_prefix_space"`
	UseRegex       *bool  `json:"use_regex"` // true when absent
}

// model has no field for unk_token, fuse_unk and byte_fallback:
// with all 256 bytes in the vocabulary nothing is ever unknown.
type model struct {
	Type         string          `json:"type"` // older files have none
	Dropout      *float64        `json:"dropout"`
	Prefix       *string         `json:"continuing_subword_prefix"`
	Suffix       *string         `json:"end_of_word_suffix"`
	IgnoreMerges bool            `json:"ignore_merges"`
	Vocab        json.RawMessage `json:"vocab"`  // its form depends on Type
	Merges       json.RawMessage `json:"merges"` // likewise
}

// Load reads a tokenizer.json with a byte-level BPE. The error for any other kind
// names the field that differs; the error for broken JSON names the line.
func Load(r io.Reader) (*Tokenizer, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("tokenizer.json: larger than %d MiB, which no supported vocabulary needs", maxFileBytes>>20)
	}
	t, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

func parse(data []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, jsonError(data, err)
	}
	if err := f.checkKind(); err != nil {
		return nil, err
	}
	var vocab map[string]int
	if err := json.Unmarshal(f.Model.Vocab, &vocab); err != nil {
		return nil, fmt.Errorf("model.vocab: not an object of token: id: %w", err)
	}
	var merges []mergeParts
	if err := json.Unmarshal(f.Model.Merges, &merges); err != nil {
		return nil, fmt.Errorf("model.merges: not an array of merges: %w", err)
	}
	pairs := make([][2]string, len(merges))
	for i, m := range merges {
		pairs[i] = m
	}
	return newTokenizer(vocab, pairs, f.AddedTokens)
}

// checkKind refuses what would give other ids than Hugging Face's.
func (f *file) checkKind() error {
	m := f.Model
	switch {
	case m.Type != "" && m.Type != "BPE":
		return fmt.Errorf("model.type is %q: only byte-level \"BPE\" is supported", m.Type)
	case isNull(m.Vocab):
		return errors.New("model.vocab is missing: not a tokenizer.json")
	case isNull(m.Merges):
		return errors.New("model.merges is missing: only byte-level BPE is supported")
	case m.Dropout != nil && *m.Dropout != 0:
		return fmt.Errorf("model.dropout is %g: only null is supported", *m.Dropout)
	case m.Prefix != nil && *m.Prefix != "":
		return fmt.Errorf("model.continuing_subword_prefix is %q: only null is supported", *m.Prefix)
	case m.Suffix != nil && *m.Suffix != "":
		return fmt.Errorf("model.end_of_word_suffix is %q: only null is supported", *m.Suffix)
	case m.IgnoreMerges:
		return errors.New("model.ignore_merges is true: only false is supported")
	case f.Normalizer != nil:
		return fmt.Errorf("normalizer is %q: only null is supported", f.Normalizer.Type)
	case f.PreTokenizer == nil:
		return errors.New("pre_tokenizer is null: only \"ByteLevel\" is supported")
	case f.PreTokenizer.Type != "ByteLevel":
		return fmt.Errorf("pre_tokenizer.type is %q: only \"ByteLevel\" is supported", f.PreTokenizer.Type)
	case f.PreTokenizer.AddPrefixSpace:
		return errors.New("pre_tokenizer.add_prefix_space is true: only false is supported")
	case f.PreTokenizer.UseRegex != nil && !*f.PreTokenizer.UseRegex:
		return errors.New("pre_tokenizer.use_regex is false: only true is supported")
	case f.PostProcessor != nil && f.PostProcessor.Type != "ByteLevel": // ByteLevel changes offsets, not ids
		return fmt.Errorf("post_processor.type is %q: only null and \"ByteLevel\" are supported", f.PostProcessor.Type)
	case f.Decoder == nil:
		return errors.New("decoder is null: only \"ByteLevel\" is supported")
	case f.Decoder.Type != "ByteLevel":
		return fmt.Errorf("decoder.type is %q: only \"ByteLevel\" is supported", f.Decoder.Type)
	}
	return nil
}

func isNull(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

// mergeParts is a merge in either storage: ["a", "b"], or "a b" in files of before 2024.
type mergeParts [2]string

func (m *mergeParts) UnmarshalJSON(data []byte) error {
	var parts []string
	if data[0] == '"' {
		var joined string
		if err := json.Unmarshal(data, &joined); err != nil {
			return err
		}
		parts = strings.Split(joined, " ")
	} else if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) != 2 {
		return fmt.Errorf("%s is not two tokens", data)
	}
	copy(m[:], parts)
	return nil
}

// jsonError adds the line to what encoding/json says.
func jsonError(data []byte, err error) error {
	var offset int64
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		return err
	}
	line := 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
	return fmt.Errorf("line %d: %w", line, err)
}
