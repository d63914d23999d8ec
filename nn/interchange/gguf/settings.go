package gguf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// The kinds of tokens.
const (
	tokenNormal      = 1
	tokenControl     = 3
	tokenUserDefined = 4
	tokenUnused      = 5
)

// gpt2Splitters are the names under which llama.cpp cuts text into words by GPT-2's pattern, as this project's
// tokenizers do.
var gpt2Splitters = []string{"gpt-2", "phi-2", "mpt", "olmo", "jais", "jina-es", "jina-de", "gigachat"}

// alwaysThinking begins the chat template. In templates that do not write what was thought, as the first generation's,
// llama.cpp sets enable_thinking to false unasked, and an answer would begin with an empty think block that nobody asked for.
const alwaysThinking = "{%- set enable_thinking = true -%}"

// settingsOf describes the model and its tokenizer.
func settingsOf(c config.Model, tok *tokenizer.Tokenizer, d interchange.DType) (*encoder, error) {
	if tok.VocabSize() > c.VocabSize {
		return nil, fmt.Errorf("the tokenizer has %d tokens and the model rows for %d", tok.VocabSize(), c.VocabSize)
	}
	e := &encoder{}
	arch := architecture(c)
	e.set("general.architecture", arch)
	e.set("general.type", "model")
	e.set("general.name", "MiniMind")
	e.set("general.alignment", defaultAlignment)
	e.set("general.quantization_version", 2)
	e.set("general.file_type", map[interchange.DType]int{interchange.F32: 0, interchange.F16: 1, interchange.Q8_0: 7, interchange.BF16: 32}[d])
	set := func(name string, value any) { e.set(arch+"."+name, value) }
	set("vocab_size", c.VocabSize)
	set("context_length", c.MaxPositionEmbeddings)
	set("embedding_length", c.HiddenSize)
	set("block_count", c.NumHiddenLayers)
	set("attention.head_count", c.NumAttentionHeads)
	set("attention.head_count_kv", c.NumKeyValueHeads)
	set("attention.key_length", c.HeadDim)
	set("attention.value_length", c.HeadDim)
	set("attention.layer_norm_rms_epsilon", c.RMSNormEps)
	set("rope.dimension_count", c.HeadDim)
	set("rope.freq_base", c.RopeTheta)
	setYaRN(set, c.RopeScaling)
	set("feed_forward_length", c.IntermediateSize)
	if m := c.MoE; m != nil {
		set("expert_count", m.NumExperts)
		set("expert_used_count", m.NumExpertsPerTok)
		set("expert_feed_forward_length", m.MoEIntermediateSize)
	}
	setTokenizer(e, tok, c.VocabSize)
	return e, nil
}

func setTokenizer(e *encoder, tok *tokenizer.Tokenizer, vocabSize int) {
	parts := tok.Parts()
	tokens, types := make([]string, vocabSize), make([]int32, vocabSize)
	for id := range tokens {
		kind := tokenizer.Unused
		if id < len(parts.Kinds) {
			kind = parts.Kinds[id]
		}
		types[id] = map[tokenizer.Kind]int32{tokenizer.Normal: tokenNormal, tokenizer.Added: tokenUserDefined,
			tokenizer.Special: tokenControl, tokenizer.Unused: tokenUnused}[kind]
		if tokens[id] = fmt.Sprintf("[PAD%d]", id); kind != tokenizer.Unused { // each token needs a name of its own
			tokens[id] = parts.Tokens[id]
		}
	}
	merges := make([]string, len(parts.Merges))
	for i, m := range parts.Merges {
		merges[i] = m[0] + " " + m[1]
	}
	e.set("tokenizer.ggml.model", "gpt2")
	e.set("tokenizer.ggml.pre", gpt2Splitters[0])
	e.set("tokenizer.ggml.tokens", tokens)
	e.set("tokenizer.ggml.token_type", types)
	e.set("tokenizer.ggml.merges", merges)
	for _, role := range []struct {
		name string
		id   int
	}{{"bos", tok.BOS()}, {"eos", tok.EOS()}, {"padding", tok.Pad()}, {"unknown", tok.Pad()}} {
		if role.id >= 0 {
			e.set("tokenizer.ggml."+role.name+"_token_id", role.id)
		}
	}
	e.set("tokenizer.ggml.add_bos_token", false)
	e.set("tokenizer.ggml.add_eos_token", false)
	e.set("tokenizer.ggml.add_space_prefix", false)
	if template := interchange.ChatTemplate(tok); template != "" {
		e.set("tokenizer.chat_template", alwaysThinking+template)
	}
}

// settings are those of a file that was read: string, int64, float64, bool, []string or []int64.
type settings map[string]any

func setting[T any](s settings, name string) (value T, err error) {
	v, ok := s[name]
	if !ok {
		return value, fmt.Errorf("the setting %s is missing", name)
	}
	if value, ok = v.(T); !ok {
		return value, fmt.Errorf("the setting %s is of another type than it should be", name)
	}
	return value, nil
}

// tokenizer puts the tokenizer together.
func (s settings) tokenizer() (*tokenizer.Tokenizer, error) {
	const otherwise = ": give the model's tokenizer.json by --tokenizer"
	model, err1 := setting[string](s, "tokenizer.ggml.model")
	pre, err2 := setting[string](s, "tokenizer.ggml.pre")
	tokens, err3 := setting[[]string](s, "tokenizer.ggml.tokens")
	types, err4 := setting[[]int64](s, "tokenizer.ggml.token_type")
	merges, err5 := setting[[]string](s, "tokenizer.ggml.merges")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, fmt.Errorf("%s%s", strings.ReplaceAll(err.Error(), "\n", "; "), otherwise)
	}
	gpt2 := false
	for _, name := range gpt2Splitters {
		gpt2 = gpt2 || pre == name
	}
	if model != "gpt2" || !gpt2 {
		return nil, fmt.Errorf("its tokenizer is %q, which cuts text into words as %q does: only byte-level BPE that does it as gpt-2 can be taken from a GGUF%s", model, pre, otherwise)
	}
	if len(types) != len(tokens) || len(tokens) > tokenizer.MaxVocabSize {
		return nil, fmt.Errorf("it has %d tokens (at most %d can be) and %d types of tokens", len(tokens), tokenizer.MaxVocabSize, len(types))
	}
	parts := tokenizer.Parts{Tokens: tokens, Kinds: make([]tokenizer.Kind, len(tokens))}
	for id, kind := range types {
		switch kind {
		case tokenControl:
			parts.Kinds[id] = tokenizer.Special
		case tokenUserDefined:
			parts.Kinds[id] = tokenizer.Added
		case tokenNormal:
			parts.Kinds[id] = tokenizer.Normal
		}
	}
	for _, m := range merges {
		left, right, _ := strings.Cut(m, " ")
		parts.Merges = append(parts.Merges, [2]string{left, right})
	}
	tok, err := tokenizer.FromParts(parts)
	if err != nil {
		return nil, fmt.Errorf("its tokenizer: %w", err)
	}
	return tok, nil
}

// model is the configuration.
func (s settings) model(tied bool, vocabSize int) (config.Model, error) {
	arch, err := setting[string](s, "general.architecture")
	if err != nil {
		return config.Model{}, err
	}
	if arch != "llama" && arch != "qwen3" && arch != "qwen3moe" {
		return config.Model{}, fmt.Errorf("its architecture is %q: llama, qwen3 and qwen3moe can be imported", arch)
	}
	c := config.Model{VocabSize: vocabSize, TieWordEmbeddings: tied, QKNorm: arch != "llama", RopeTheta: 10000}
	number := func(to *int, name string) {
		v, e := setting[int64](s, arch+"."+name)
		if e == nil && v != int64(int32(v)) {
			e = fmt.Errorf("the setting %s.%s is %d", arch, name, v)
		}
		*to, err = int(v), errors.Join(err, e)
	}
	optional := func(to *int, name string) {
		if _, ok := s[arch+"."+name]; ok {
			number(to, name)
		}
	}
	number(&c.HiddenSize, "embedding_length")
	number(&c.NumHiddenLayers, "block_count")
	number(&c.NumAttentionHeads, "attention.head_count")
	number(&c.MaxPositionEmbeddings, "context_length")
	c.NumKeyValueHeads = c.NumAttentionHeads
	optional(&c.NumKeyValueHeads, "attention.head_count_kv")
	c.HeadDim = c.HiddenSize / max(c.NumAttentionHeads, 1)
	optional(&c.HeadDim, "attention.key_length")
	rotated := c.HeadDim
	optional(&rotated, "rope.dimension_count")
	optional(&c.IntermediateSize, "feed_forward_length")
	eps, e := setting[float64](s, arch+".attention.layer_norm_rms_epsilon")
	err = errors.Join(err, e)
	c.RMSNormEps = decimal(eps)
	if theta, ok := s[arch+".rope.freq_base"].(float64); ok {
		c.RopeTheta = decimal(theta)
	}
	experts := 0
	optional(&experts, "expert_count")
	c.RopeScaling, e = s.yarn(arch)
	switch err = errors.Join(err, e); {
	case err != nil:
	case rotated != c.HeadDim:
		err = fmt.Errorf("it rotates %d of a head's %d values: here all are", rotated, c.HeadDim)
	case arch == "qwen3moe":
		c.MoE = &config.MoE{NumExperts: experts, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
		number(&c.MoE.NumExpertsPerTok, "expert_used_count")
		number(&c.MoE.MoEIntermediateSize, "expert_feed_forward_length")
	case experts > 0:
		err = errors.New("it is a mixture of experts of the architecture llama: of mixtures only qwen3moe can be imported")
	}
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return c, err
}
