//go:build !js

package gguf

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	parser "github.com/gpustack/gguf-parser-go"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/chat/jinja"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
)

// TestIndependentParser reads files with another implementation: settings, tokens, and where each tensor lies.
func TestIndependentParser(t *testing.T) {
	for _, name := range known {
		c := interchangetest.Models()[name]
		for _, d := range []interchange.DType{interchange.F32, interchange.F16, interchange.Q8_0} {
			file := toGGUF(t, interchangetest.Checkpoint(c, true), d)
			path := filepath.Join(t.TempDir(), "model.gguf")
			if err := os.WriteFile(path, file, 0o666); err != nil {
				t.Fatal(err)
			}
			theirs, err := parser.ParseGGUFFile(path)
			if err != nil {
				t.Fatalf("%s as %s: %v", name, d, err)
			}
			ours, err := parse(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			a := theirs.Architecture()
			if a.Architecture != architecture(c) || a.BlockCount != uint64(c.NumHiddenLayers) || a.EmbeddingLength != uint64(c.HiddenSize) ||
				a.AttentionHeadCount != uint64(c.NumAttentionHeads) || a.AttentionHeadCountKV != uint64(c.NumKeyValueHeads) ||
				a.AttentionKeyLength != uint32(c.HeadDim) || a.MaximumContextLength != uint64(c.MaxPositionEmbeddings) ||
				a.RoPEFrequencyBase != float32(c.RopeTheta) || a.AttentionLayerNormRMSEpsilon != float32(c.RMSNormEps) ||
				c.MoE != nil && (a.ExpertCount != uint32(c.MoE.NumExperts) || a.ExpertUsedCount != uint32(c.MoE.NumExpertsPerTok)) {
				t.Errorf("%s as %s: its architecture is read as %+v", name, d, a)
			}
			if y := c.RopeScaling; y != nil && (a.RoPEScalingType != "yarn" || a.RoPEScalingFactor != float32(y.Factor) || a.RoPEScalingOriginalContextLength != uint64(y.OriginalMaxPositionEmbeddings)) {
				t.Errorf("%s as %s: its rotation is read as %s, %v, %d", name, d, a.RoPEScalingType, a.RoPEScalingFactor, a.RoPEScalingOriginalContextLength)
			}
			tok := theirs.Tokenizer()
			if tok.Model != "gpt2" || tok.TokensLength != 512 || tok.MergesLength != uint64(len(corpus.Tokenizer().Parts().Merges)) ||
				tok.BOSTokenID != 1 || tok.EOSTokenID != 2 || tok.PaddingTokenID != 0 {
				t.Errorf("%s as %s: its tokenizer is read as %+v", name, d, tok)
			}
			kind, _ := theirs.Header.MetadataKV.Get("general.file_type")
			if want := map[interchange.DType]uint32{interchange.F32: 0, interchange.F16: 1, interchange.Q8_0: 7}[d]; kind.ValueUint32() != want {
				t.Errorf("its file type is read as %d, want %d", kind.ValueUint32(), want)
			}
			if len(theirs.TensorInfos) != len(ours.tensors) {
				t.Fatalf("%d tensors are read, there are %d", len(theirs.TensorInfos), len(ours.tensors))
			}
			for _, info := range theirs.TensorInfos {
				own := ours.tensors[info.Name]
				if own == nil {
					t.Fatalf("%s as %s: no tensor %s", name, d, info.Name)
				}
				size, _ := own.Bytes()
				shape := slices.Clone(own.Shape)
				slices.Reverse(shape)
				same := len(shape) == len(info.Dimensions)
				for i := range shape {
					same = same && uint64(shape[i]) == info.Dimensions[i]
				}
				if !same || info.Bytes() != uint64(size) || uint32(info.Type) != ggmlType(own.DType) {
					t.Errorf("%s as %s: %s is read as %+v, want %v", name, d, info.Name, info, shape)
				}
				values := make([]byte, size)
				own.Data.ReadAt(values, 0)
				if at := theirs.TensorDataStartOffset + int64(info.Offset); !bytes.Equal(values, file[at:at+size]) {
					t.Errorf("%s as %s: %s lies elsewhere", name, d, info.Name)
				}
			}
		}
	}
}

// TestChatTemplate renders the template as llama.cpp does, which says unasked that the first generation's is not to think.
func TestChatTemplate(t *testing.T) {
	for _, name := range []string{"tokenizer-minimind2", "tokenizer-minimind3"} {
		tok := shared(t, name)
		template, err := jinja.New(tokenizerSettings(t, tok, tok.VocabSize())["tokenizer.chat_template"].(string))
		if err != nil {
			t.Fatal(err)
		}
		format, err := chat.For(tok)
		if err != nil {
			t.Fatal(err)
		}
		question := chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: "你是谁?"}}}
		want, _, err := format.Prompt(question, chat.ThinkingDefault)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := template.Render(question, chat.Options{AddGenerationPrompt: true, Thinking: chat.ThinkingOff}); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}
