package interchange

import (
	"bytes"
	"encoding/json"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// The files of a Hugging Face folder.
const (
	ConfigFile      = "config.json"
	TokenizerFile   = "tokenizer.json"
	SafetensorsFile = "model.safetensors"
)

// ChatTemplate is the tokenizer's chat template in Jinja, as other programs read it; empty if it has no marks of turns.
func ChatTemplate(tok *tokenizer.Tokenizer) string {
	f, err := chat.For(tok)
	if err != nil {
		return ""
	}
	return f.Template.(chat.ChatML).Jinja()
}

// FolderFiles makes the files that stand beside model.safetensors in a folder that transformers loads, by name. d is
// the weights' type. The error says that transformers has no class for this model.
func FolderFiles(h *checkpoint.Header, tok *tokenizer.Tokenizer, d DType) (map[string][]byte, error) {
	c, err := hfConfigOf(h.Model, tok, d)
	if err != nil {
		return nil, err
	}
	name := tok.Parts().Tokens
	token := func(id int) *string {
		if id < 0 {
			return nil
		}
		return &name[id]
	}
	files := map[string]any{
		ConfigFile: c,
		"generation_config.json": struct { // as `generate` has it
			Bos         *int    `json:"bos_token_id,omitempty"`
			Eos         any     `json:"eos_token_id,omitempty"`
			Pad         *int    `json:"pad_token_id,omitempty"`
			DoSample    bool    `json:"do_sample"`
			Temperature float64 `json:"temperature"`
			TopP        float64 `json:"top_p"`
			TopK        int     `json:"top_k"`
		}{c.BosTokenID, c.EosTokenID, c.PadTokenID, true, 0.85, 0.85, 0},
		"tokenizer_config.json": struct {
			Class     string  `json:"tokenizer_class"`
			Bos       *string `json:"bos_token"`
			Eos       *string `json:"eos_token"`
			Pad       *string `json:"pad_token"`
			Unk       *string `json:"unk_token"`
			Length    int     `json:"model_max_length"`
			AddPrefix bool    `json:"add_prefix_space"`
			CleanUp   bool    `json:"clean_up_tokenization_spaces"`
			Template  string  `json:"chat_template,omitempty"`
		}{"PreTrainedTokenizerFast", token(tok.BOS()), token(tok.EOS()), token(tok.Pad()), token(tok.Pad()),
			h.Model.MaxPositionEmbeddings, false, false, ChatTemplate(tok)},
	}
	written := map[string][]byte{TokenizerFile: h.Tokenizer}
	for name, content := range files {
		if written[name], err = indented(content); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// indented is JSON for people.
func indented(content any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(content)
	return text.Bytes(), err
}
