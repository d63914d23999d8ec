//go:build !js

package openai

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// The answers' JSON, as OpenAI's API has it. What may be null is a pointer.

type reply struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
}

type choice struct {
	Index    int      `json:"index"`
	Message  *message `json:"message,omitempty"` // of a chat
	Delta    *message `json:"delta,omitempty"`   // of a streamed chat
	Text     *string  `json:"text,omitempty"`    // of a completion
	LogProbs any      `json:"logprobs"`
	Finish   *string  `json:"finish_reason"`
}

type message struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Reasoning string     `json:"reasoning_content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	Index    *int   `json:"index,omitempty"` // of a streamed call
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// chatLogProbs are those of a chat's tokens.
type chatLogProbs struct {
	Content []tokenLogProb `json:"content"`
}

type tokenLogProb struct {
	Token   string         `json:"token"`
	LogProb float64        `json:"logprob"`
	Bytes   []int          `json:"bytes"`
	Top     []tokenLogProb `json:"top_logprobs,omitzero"`
}

// textLogProbs are those of a completion's tokens.
type textLogProbs struct {
	Tokens        []string             `json:"tokens"`
	TokenLogProbs []float64            `json:"token_logprobs"`
	TopLogProbs   []map[string]float64 `json:"top_logprobs"`
}

func (s *Server) tokenLogProb(a generate.Alternative) tokenLogProb {
	t := tokenLogProb{Token: s.config.Tokenizer.Decode([]int{a.ID}, false), LogProb: finite(a.LogProb)}
	for _, b := range s.config.Tokenizer.Bytes(a.ID) {
		t.Bytes = append(t.Bytes, int(b))
	}
	return t
}

// finite is a log-probability as JSON can hold it: OpenAI's API says -9999 for what can hardly be.
func finite(logProb float64) float64 {
	if logProb >= -9999 {
		return logProb
	}
	return -9999 // NaN, too
}

// logProbs is nil if none were asked for.
func (s *Server) logProbs(tokens []generate.Token, wanted, isChat bool) any {
	switch {
	case !wanted:
		return nil
	case isChat:
		all := chatLogProbs{Content: []tokenLogProb{}}
		for _, t := range tokens {
			entry := s.tokenLogProb(t.Alternative)
			entry.Top = []tokenLogProb{}
			for _, a := range t.Top {
				entry.Top = append(entry.Top, s.tokenLogProb(a))
			}
			all.Content = append(all.Content, entry)
		}
		return all
	}
	all := textLogProbs{[]string{}, []float64{}, []map[string]float64{}}
	for _, t := range tokens {
		all.Tokens = append(all.Tokens, s.config.Tokenizer.Decode([]int{t.ID}, false))
		all.TokenLogProbs = append(all.TokenLogProbs, finite(t.LogProb))
		top := map[string]float64{}
		for _, a := range t.Top {
			top[s.config.Tokenizer.Decode([]int{a.ID}, false)] = finite(a.LogProb)
		}
		all.TopLogProbs = append(all.TopLogProbs, top)
	}
	return all
}

// toolCalls are calls of tools; in a stream they are numbered from first on.
func toolCalls(calls []chat.ToolCall, stream bool, first int) (all []toolCall) {
	for i, c := range calls {
		t := toolCall{ID: newID("call_"), Type: "function"}
		t.Function.Name, t.Function.Arguments = c.Name, c.ArgumentsText()
		if stream {
			index := first + i
			t.Index = &index
		}
		all = append(all, t)
	}
	return all
}

func newID(prefix string) string {
	var random [12]byte
	rand.Read(random[:])
	return prefix + hex.EncodeToString(random[:])
}

// message makes a part of an answer, or a whole one, a message.
func (p piece) message(role string, stream bool, calls int) *message {
	m := &message{Role: role, Reasoning: p.Reasoning, ToolCalls: toolCalls(p.ToolCalls, stream, calls)}
	if p.Content != "" || !stream {
		m.Content = &p.Content
	}
	return m
}
