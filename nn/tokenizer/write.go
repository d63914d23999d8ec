package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON writes a tokenizer.json that Hugging Face loads (tokenizers 0.20 and later: merges are
// stored as pairs) and that Load reads back to the same Hash.
func (t *Tokenizer) WriteJSON(w io.Writer) error {
	type byteLevel struct {
		Type           string `json:"type"`
		AddPrefixSpace bool   `json:"add_prefix_space"`
		TrimOffsets    bool   `json:"trim_offsets"`
		UseRegex       bool   `json:"use_regex"`
	}
	type bpe struct {
		Type                    string       `json:"type"`
		Dropout                 *float64     `json:"dropout"`
		UnkToken                *string      `json:"unk_token"`
		ContinuingSubwordPrefix *string      `json:"continuing_subword_prefix"`
		EndOfWordSuffix         *string      `json:"end_of_word_suffix"`
		FuseUnk                 bool         `json:"fuse_unk"`
		ByteFallback            bool         `json:"byte_fallback"`
		IgnoreMerges            bool         `json:"ignore_merges"`
		Vocab                   tokensInJSON `json:"vocab"`
		Merges                  [][2]string  `json:"merges"`
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Version       string       `json:"version"`
		Truncation    *struct{}    `json:"truncation"`
		Padding       *struct{}    `json:"padding"`
		AddedTokens   []addedToken `json:"added_tokens"`
		Normalizer    *struct{}    `json:"normalizer"`
		PreTokenizer  byteLevel    `json:"pre_tokenizer"`
		PostProcessor *struct{}    `json:"post_processor"`
		Decoder       byteLevel    `json:"decoder"`
		Model         bpe          `json:"model"`
	}{
		Version:      "1.0",
		AddedTokens:  append([]addedToken{}, t.added...), // [] where there are none
		PreTokenizer: byteLevel{"ByteLevel", false, true, true},
		Decoder:      byteLevel{"ByteLevel", true, true, true},
		Model:        bpe{Type: "BPE", Vocab: t.tokens, Merges: t.Parts().Merges},
	})
}

// tokensInJSON is an object of token: id in the order of ids, which a Go map would lose.
type tokensInJSON []string

func (tokens tokensInJSON) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	separator := "{"
	for id, token := range tokens {
		if token == "" {
			continue
		}
		key, err := json.Marshal(token)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s%s:%d", separator, key, id)
		separator = ","
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
