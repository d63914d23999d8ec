//go:build !js

package openai

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// Bounds of a request.
const (
	maxMessages     = 4096
	maxTools        = 128
	maxStops        = 16
	maxStopBytes    = 1024
	maxChoices      = 16
	maxAlternatives = 20
)

// request is what both endpoints take.
type request struct {
	model        string
	options      generate.Options // its MaxNewTokens is 0 if the request does not say
	stop         []string
	choices      int
	stream       bool
	includeUsage bool
	cut          bool // the prompt from the left, where it is longer than the context
	seeded       bool
}

// chatRequest is a request of /v1/chat/completions.
type chatRequest struct {
	request
	conversation chat.Conversation
	thinking     chat.Thinking
}

// completionRequest is a request of /v1/completions. A prompt is a text or tokens.
type completionRequest struct {
	request
	prompts []prompt
	echo    bool
}

type prompt struct {
	text   string
	tokens []int // nil: text
}

// common reads what both endpoints have.
func (f *fields) common(r *request, defaults generate.Options) {
	r.options, r.choices = defaults, 1
	take(f, "model", "a string", &r.model)
	f.number("temperature", 0, 2, &r.options.Temperature)
	if f.number("top_p", 0, 1, &r.options.TopP); f.has("top_p") {
		r.options.TopP = generate.Nucleus(r.options.TopP)
	}
	f.integer("top_k", 0, math.MaxInt32, &r.options.TopK)
	f.number("repetition_penalty", 0.01, 100, &r.options.RepetitionPenalty)
	f.number("presence_penalty", -2, 2, &r.options.PresencePenalty)
	f.number("frequency_penalty", -2, 2, &r.options.FrequencyPenalty)
	f.biases(&r.options)
	f.integer("n", 1, maxChoices, &r.choices)
	take(f, "stream", "true or false", &r.stream)
	if f.has("stream_options") {
		var options struct {
			IncludeUsage bool `json:"include_usage"`
		}
		take(f, "stream_options", "an object with include_usage, true or false", &options)
		if !r.stream {
			f.fail(wrong("stream_options", "is for requests with stream"))
		}
		r.includeUsage = options.IncludeUsage
	}
	if f.has("seed") {
		var seed int64
		take(f, "seed", "an integer", &seed)
		r.options.Seed, r.seeded = uint64(seed), true
	}
	f.stops(r)
	truncation := "disabled"
	take(f, "truncation", "a string", &truncation)
	if truncation != "auto" && truncation != "disabled" {
		f.fail(wrong("truncation", `must be "auto", which cuts a prompt that is too long, or "disabled"`))
	}
	r.cut = truncation == "auto"
}

// biases reads what is added to the logits of tokens, by their ids.
func (f *fields) biases(o *generate.Options) {
	const form = "an object of numbers from -100 to 100 by tokens' ids"
	var biases map[string]float64
	take(f, "logit_bias", form, &biases)
	for name, bias := range biases {
		id, err := strconv.Atoi(name)
		if err != nil || !(bias >= -100 && bias <= 100) {
			f.fail(wrong("logit_bias", fmt.Sprintf("has %.40q: %v; must be %s", name, bias, form)))
			return
		}
		if o.LogitBias == nil {
			o.LogitBias = map[int]float64{}
		}
		o.LogitBias[id] = bias
	}
}

func (f *fields) stops(r *request) {
	if !f.has("stop") {
		return
	}
	var one string
	if json.Unmarshal(f.all["stop"], &one) == nil {
		r.stop = []string{one}
	} else {
		take(f, "stop", "a string or a list of strings", &r.stop)
	}
	if len(r.stop) > maxStops {
		f.fail(wrong("stop", fmt.Sprintf("has %d strings; at most %d are allowed", len(r.stop), maxStops)))
	}
	for i, s := range r.stop {
		if s == "" || len(s) > maxStopBytes {
			f.fail(wrong("stop", fmt.Sprintf("string %d has %d bytes; must have from 1 to %d", i+1, len(s), maxStopBytes)))
		}
	}
}

// parseChat reads a request of /v1/chat/completions.
func parseChat(body []byte, defaults generate.Options) (*chatRequest, *apiError) {
	f, err := parseFields(body)
	if err != nil {
		return nil, err
	}
	r := &chatRequest{}
	f.common(&r.request, defaults)
	f.integer("max_tokens", 1, math.MaxInt32, &r.options.MaxNewTokens)
	f.integer("max_completion_tokens", 1, math.MaxInt32, &r.options.MaxNewTokens)
	take(f, "logprobs", "true or false", &r.options.LogProbs)
	f.integer("top_logprobs", 0, maxAlternatives, &r.options.Alternatives)
	if r.options.Alternatives > 0 && !r.options.LogProbs {
		f.fail(wrong("top_logprobs", "is for requests with logprobs"))
	}
	f.messages(&r.conversation)
	f.tools(&r.conversation)
	f.thinking(&r.thinking)
	f.unsupported("functions", "[]")
	f.unsupported("audio")
	f.unsupported("modalities", `["text"]`)
	if f.has("response_format") {
		var format struct{ Type string }
		take(f, "response_format", "an object with a type", &format)
		if format.Type != "text" {
			f.fail(wrong("response_format", `only {"type": "text"} is supported by this server`))
		}
	}
	return r, f.err
}

func (f *fields) messages(c *chat.Conversation) {
	var list []json.RawMessage
	take(f, "messages", "a list of messages", &list)
	switch {
	case f.err != nil:
		return
	case len(list) == 0:
		f.fail(wrong("messages", "is missing or empty; it must hold at least one message"))
	case len(list) > maxMessages:
		f.fail(wrong("messages", fmt.Sprintf("has %d messages; at most %d are allowed", len(list), maxMessages)))
	}
	for i, raw := range list {
		name := fmt.Sprintf("messages[%d]", i)
		var m chat.Message
		if err := json.Unmarshal(raw, &m); err != nil {
			f.fail(wrong(name, err.Error()))
		}
		switch m.Role {
		case "developer":
			m.Role = chat.System
		case chat.System, chat.User, chat.Assistant, chat.Tool:
		default:
			f.fail(wrong(name+".role", fmt.Sprintf("is %q; roles are system, developer, user, assistant and tool", m.Role)))
		}
		c.Messages = append(c.Messages, m)
	}
}

func (f *fields) tools(c *chat.Conversation) {
	take(f, "tools", "a list of tools", &c.Tools)
	if len(c.Tools) > maxTools {
		f.fail(wrong("tools", fmt.Sprintf("has %d tools; at most %d are allowed", len(c.Tools), maxTools)))
	}
	for i, raw := range c.Tools {
		var tool struct {
			Type     string
			Function *struct{ Name string }
		}
		if json.Unmarshal(raw, &tool) != nil || tool.Type != "function" || tool.Function == nil || tool.Function.Name == "" {
			f.fail(wrong(fmt.Sprintf("tools[%d]", i), `must be {"type": "function", "function": {"name": ..., "parameters": ...}}`))
		}
	}
	if !f.has("tool_choice") {
		return
	}
	var choice string
	switch json.Unmarshal(f.all["tool_choice"], &choice); choice {
	case "auto":
	case "none":
		c.Tools = nil
	default:
		f.fail(wrong("tool_choice", `only "auto" and "none" are supported by this server`))
	}
}

// thinking reads whether the answer begins with a think block: reasoning_effort, or what MiniMind's templates call it.
func (f *fields) thinking(to *chat.Thinking) {
	effort := ""
	take(f, "reasoning_effort", "a string", &effort)
	switch effort {
	case "":
	case "none", "minimal":
		*to = chat.ThinkingOff
	case "low", "medium", "high", "xhigh":
		*to = chat.ThinkingOn
	default:
		f.fail(wrong("reasoning_effort", `must be "none", "minimal", "low", "medium", "high" or "xhigh"`))
	}
	var template struct {
		Enable *bool `json:"enable_thinking"`
		Open   *bool `json:"open_thinking"`
	}
	take(f, "chat_template_kwargs", "an object with enable_thinking, true or false", &template)
	for _, on := range []*bool{template.Enable, template.Open} {
		if on != nil && *on {
			*to = chat.ThinkingOn
		} else if on != nil {
			*to = chat.ThinkingOff
		}
	}
}

// parseCompletion reads a request of /v1/completions.
func parseCompletion(body []byte, defaults generate.Options) (*completionRequest, *apiError) {
	f, err := parseFields(body)
	if err != nil {
		return nil, err
	}
	r := &completionRequest{}
	f.common(&r.request, defaults)
	r.options.MaxNewTokens = 16 // as OpenAI has it
	f.integer("max_tokens", 1, math.MaxInt32, &r.options.MaxNewTokens)
	if f.has("logprobs") {
		r.options.LogProbs = true
		f.integer("logprobs", 0, maxAlternatives, &r.options.Alternatives)
	}
	take(f, "echo", "true or false", &r.echo)
	if r.echo && r.options.LogProbs {
		f.fail(wrong("echo", "together with logprobs is not supported by this server"))
	}
	if f.has("best_of") {
		best := r.choices
		f.integer("best_of", 1, maxChoices, &best)
		if best != r.choices {
			f.fail(wrong("best_of", "other than n is not supported by this server"))
		}
	}
	f.unsupported("suffix", `""`)
	f.prompts(r)
	return r, f.err
}

// prompts reads a text, tokens, or a list of either.
func (f *fields) prompts(r *completionRequest) {
	raw := f.all["prompt"]
	var text string
	var texts []string
	var tokens []int
	var lists [][]int
	switch {
	case !f.has("prompt"):
		r.prompts = []prompt{{}}
	case json.Unmarshal(raw, &text) == nil:
		r.prompts = []prompt{{text: text}}
	case json.Unmarshal(raw, &texts) == nil:
		for _, text := range texts {
			r.prompts = append(r.prompts, prompt{text: text})
		}
	case json.Unmarshal(raw, &tokens) == nil:
		r.prompts = []prompt{{tokens: tokens}}
	case json.Unmarshal(raw, &lists) == nil:
		for _, tokens := range lists {
			r.prompts = append(r.prompts, prompt{tokens: tokens})
		}
	default:
		f.fail(wrong("prompt", "must be a string, a list of strings, a list of tokens, or a list of such lists"))
	}
	if f.err == nil && (len(r.prompts) == 0 || len(r.prompts)*r.choices > maxChoices) {
		f.fail(wrong("prompt", fmt.Sprintf("has %d prompts, for n = %d; their product must be from 1 to %d", len(r.prompts), r.choices, maxChoices)))
	}
}
