//go:build !js

// Package clienttest drives the server with OpenAI's own client. It is a package of its own because that client takes
// long to compile.
package clienttest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai/openaitest"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

func client(url string, more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{option.WithBaseURL(url + "/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0)}, more...)...)
}

// question is a seeded request: how it goes depends on i.
func question(i int) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: "tiny", Seed: openai.Int(int64(i)), MaxTokens: openai.Int(int64(6 + i)),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be kind"), openai.UserMessage(strings.Repeat("a ball ", i%7))}}
}

// alone decodes question i by itself, without a server.
func alone(t *testing.T, format *chat.Format, g *generate.Generator, i int) string {
	t.Helper()
	text, ids, err := format.Prompt(chat.Conversation{Messages: []chat.Message{{Role: chat.System, Content: "Be kind"}, {Role: chat.User, Content: strings.Repeat("a ball ", i%7)}}}, chat.ThinkingDefault)
	if err != nil {
		t.Fatal(err)
	}
	var answer []int
	for id, err := range g.Tokens(t.Context(), ids, generate.Options{MaxNewTokens: 6 + i, Temperature: 1, TopP: 0.9, Seed: uint64(i), Stop: format.Stop()}) {
		if err != nil {
			t.Fatal(err)
		}
		answer = append(answer, id)
	}
	return chat.ParseAnswer(text, format.Tokenizer.Decode(answer, true)).Content
}

// streamed is an answer put together from its stream.
func streamed(ctx context.Context, c openai.Client, q openai.ChatCompletionNewParams) (*openai.ChatCompletionAccumulator, error) {
	q.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := c.Chat.Completions.NewStreaming(ctx, q)
	defer stream.Close()
	all := &openai.ChatCompletionAccumulator{}
	for stream.Next() {
		if !all.AddChunk(stream.Current()) {
			return all, errors.New("a chunk that does not fit the others")
		}
	}
	return all, stream.Err()
}

// TestClientsTogether has 32 clients at once, every other one of them streaming, while others hang up: each seeded answer
// is the one decoded alone.
func TestClientsTogether(t *testing.T) {
	config := openaitest.Random(t, generate.Batch{Context: 256, Texts: 8})
	want := make([]string, 32)
	for i := range want {
		want[i] = alone(t, config.Format, config.Generator, i)
	}
	c := client(openaitest.Serve(t, config).URL)
	var all sync.WaitGroup
	for i, want := range want {
		all.Go(func() {
			var choices []openai.ChatCompletionChoice
			if i%2 == 0 {
				answer, err := c.Chat.Completions.New(t.Context(), question(i))
				if err != nil {
					t.Error(err)
					return
				}
				choices = answer.Choices
			} else {
				answer, err := streamed(t.Context(), c, question(i))
				if err != nil {
					t.Error(err)
					return
				}
				choices = answer.Choices
			}
			if len(choices) != 1 || choices[0].Message.Content != want {
				t.Errorf("client %d: %+v, alone %q", i, choices, want)
			}
		})
		all.Go(func() { // one that hangs up in mid-stream
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			q := question(i)
			q.MaxTokens = openai.Int(200)
			stream := c.Chat.Completions.NewStreaming(ctx, q)
			defer stream.Close()
			if stream.Next(); stream.Next() {
				cancel()
			}
		})
	}
	all.Wait()
}

func TestPlain(t *testing.T) {
	c := client(openaitest.Serve(t, openaitest.Random(t, generate.Batch{Context: 256, Texts: 4})).URL)
	models, err := c.Models.List(t.Context())
	if err != nil || len(models.Data) != 1 || models.Data[0].ID != "tiny" {
		t.Errorf("models %+v, %v", models, err)
	}
	q := question(3)
	q.N = openai.Int(3)
	q.Logprobs, q.TopLogprobs = openai.Bool(true), openai.Int(4)
	answer, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	again, err := streamed(t.Context(), c, q)
	if err != nil {
		t.Fatal(err)
	}
	if u := answer.Usage; len(answer.Choices) != 3 || u.CompletionTokens == 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens || again.Usage.TotalTokens != u.TotalTokens {
		t.Errorf("%d choices, usage %+v and streamed %+v", len(answer.Choices), answer.Usage, again.Usage)
	}
	for i, choice := range answer.Choices {
		if s := again.Choices[i]; s.Message.Content != choice.Message.Content || s.FinishReason != choice.FinishReason || len(s.Logprobs.Content) != len(choice.Logprobs.Content) {
			t.Errorf("choice %d: whole %q %s, streamed %q %s", i, choice.Message.Content, choice.FinishReason, s.Message.Content, s.FinishReason)
		}
		text := []byte{}
		for _, token := range choice.Logprobs.Content {
			for _, b := range token.Bytes {
				text = append(text, byte(b))
			}
			if len(token.TopLogprobs) != 4 || token.Logprob > 0 || token.TopLogprobs[0].Logprob < token.TopLogprobs[3].Logprob || token.TopLogprobs[0].Logprob < token.Logprob {
				t.Errorf("log-probabilities %+v", token)
			}
		}
		valid := strings.ReplaceAll(choice.Message.Content, "\uFFFD", "")
		if got := strings.Trim(strings.ReplaceAll(strings.ToValidUTF8(string(text), ""), "\uFFFD", ""), "\n"); got != valid {
			t.Errorf("the tokens' bytes are %q, the answer %q", got, choice.Message.Content)
		}
	}
	one := question(4) // choice 1 of seed 3
	one.MaxTokens = q.MaxTokens
	one.Messages = q.Messages
	if alone, err := c.Chat.Completions.New(t.Context(), one); err != nil || alone.Choices[0].Message.Content != answer.Choices[1].Message.Content {
		t.Errorf("choice i of a seed is not that of seed+i: %+v, %v", alone, err)
	}

	_, err = c.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "tiny", Temperature: openai.Float(3),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("?")}})
	if wrong, ok := errors.AsType[*openai.Error](err); !ok || wrong.StatusCode != 400 || wrong.Param != "temperature" || wrong.Type != "invalid_request_error" {
		t.Errorf("error %v", err)
	}
}

func TestCompletions(t *testing.T) {
	c := client(openaitest.Serve(t, openaitest.Random(t, generate.Batch{Context: 128, Texts: 4})).URL)
	q := openai.CompletionNewParams{Model: "tiny", Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"Lily has", "小明"}},
		MaxTokens: openai.Int(12), Seed: openai.Int(1), N: openai.Int(2), Logprobs: openai.Int(2)}
	answer, err := c.Completions.New(t.Context(), q)
	if err != nil || len(answer.Choices) != 4 {
		t.Fatalf("%+v, %v", answer, err)
	}
	texts := make([]string, 4)
	stream := c.Completions.NewStreaming(t.Context(), q)
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			texts[choice.Index] += choice.Text
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	for i, choice := range answer.Choices {
		if choice.Text != texts[i] || choice.FinishReason == "" || len(choice.Logprobs.Tokens) != len(choice.Logprobs.TokenLogprobs) || len(choice.Logprobs.Tokens) == 0 {
			t.Errorf("choice %d: %+v, streamed %q", i, choice, texts[i])
		}
	}
	stop := string([]rune(answer.Choices[0].Text)[2:4])
	q.Echo, q.Logprobs, q.Stop = openai.Bool(true), openai.CompletionNewParams{}.Logprobs, openai.CompletionNewParamsStopUnion{OfString: openai.String(stop)}
	stopped, err := c.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(answer.Choices[0].Text, stop)
	if got := stopped.Choices[0]; got.Text != "Lily has"+before || got.FinishReason != "stop" {
		t.Errorf("echoed and stopped: %+v, want %q", got, "Lily has"+before)
	}
	q.Echo, q.LogitBias = openai.Bool(false), map[string]int64{"65": 100} // which drowns all others
	biased, err := c.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(corpus.Tokenizer().Decode([]int{65}, true), 12); biased.Choices[3].Text != want {
		t.Errorf("a biased token gives %q, want %q", biased.Choices[3].Text, want)
	}
}

func TestTools(t *testing.T) {
	c := client(openaitest.Serve(t, openaitest.Reciting(t, generate.Batch{Context: 1024, Texts: 2}, "<think>\nwhere?\n</think>\n\n", "I'll ask.\n",
		"<tool_call>\n{\"name\": \"weather\", \"arguments\": ", "{\"city\": \"Paris\"}}\n</tool_call>", "\n<tool_call>\n{\"name\": \"time\", \"arguments\": {}}\n</tool_call>")).URL)
	q := openai.ChatCompletionNewParams{Model: "tiny", Temperature: openai.Float(0), Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("How is the weather?")},
		Tools: []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "weather", Parameters: shared.FunctionParameters{"type": "object"}})}}
	whole, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := streamed(t.Context(), c, q)
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]openai.ChatCompletion{"whole": *whole, "streamed": parts.ChatCompletion} {
		m := answer.Choices[0].Message
		if m.Content != "I'll ask." || len(m.ToolCalls) != 2 || answer.Choices[0].FinishReason != "tool_calls" {
			t.Fatalf("%s: %+v", name, answer.Choices[0])
		}
		if call := m.ToolCalls[0]; call.ID == "" || call.Function.Name != "weather" || call.Function.Arguments != `{"city": "Paris"}` || m.ToolCalls[1].Function.Name != "time" {
			t.Errorf("%s: calls %+v", name, m.ToolCalls)
		}
	}
	if reasoning := whole.Choices[0].Message.JSON.ExtraFields["reasoning_content"].Raw(); reasoning != `"where?"` {
		t.Errorf("reasoning_content %s", reasoning)
	}
	// The tool's answer goes back as the client's own type, with the assistant's message as it came.
	q.Messages = append(q.Messages, whole.Choices[0].Message.ToParam(), openai.ToolMessage("sunny", whole.Choices[0].Message.ToolCalls[0].ID))
	if _, err := c.Chat.Completions.New(t.Context(), q); err != nil {
		t.Error(err)
	}
}

// TestCancel hangs up in mid-stream: the server lets go of the answer.
func TestCancel(t *testing.T) {
	config := openaitest.Random(t, generate.Batch{Context: 4096, Texts: 1})
	config.Token = "secret"
	c := client(openaitest.Serve(t, config).URL, option.WithAPIKey("secret"))
	ctx, cancel := context.WithCancel(t.Context())
	q := question(1)
	q.MaxTokens = openai.Int(4000)
	stream := c.Chat.Completions.NewStreaming(ctx, q)
	for range 3 {
		if !stream.Next() {
			t.Fatal(stream.Err())
		}
	}
	cancel()
	stream.Close()
	// There is one slot: the next answer comes as soon as the first has left it.
	start := time.Now()
	q.MaxTokens = openai.Int(1)
	if _, err := c.Chat.Completions.New(t.Context(), q); err != nil || time.Since(start) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}
