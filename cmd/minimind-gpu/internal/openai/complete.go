//go:build !js

package openai

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// chat answers a conversation.
func (s *Server) chat(ctx context.Context, w http.ResponseWriter, body []byte) *apiError {
	r, err := parseChat(body, s.defaults())
	if err != nil {
		return err
	}
	if err := s.checkModel(r.model); err != nil {
		return err
	}
	if s.config.Format == nil {
		return wrong("", "this model's tokenizer has no marks for the turns of a conversation: use /v1/completions")
	}
	text, ids, err := s.chatPrompt(r)
	if err != nil {
		return err
	}
	if err := s.checkBiases(&r.request); err != nil {
		return err
	}
	x := s.newExchange(r.request, true)
	x.add(ctx, ids, func() *chat.Parser { return chat.NewParser(text) })
	return x.run(ctx, w)
}

// defaults are a request's options where it says nothing.
func (s *Server) defaults() generate.Options {
	o := s.config.Defaults
	o.MaxNewTokens = 0
	return o
}

// room is what a prompt that is cut leaves for the answer.
func (s *Server) room(r *request) int {
	quarter := s.config.Generator.Context() / 4
	return min(cmp.Or(r.options.MaxNewTokens, quarter), quarter)
}

func (s *Server) chatPrompt(r *chatRequest) (text string, ids []int, _ *apiError) {
	limit := s.config.Generator.Context()
	var err error
	if r.cut {
		limit -= s.room(&r.request)
		text, ids, _, _, err = s.config.Format.PromptWithin(r.conversation, r.thinking, limit)
	} else {
		text, ids, err = s.config.Format.Prompt(r.conversation, r.thinking)
	}
	if err != nil {
		return "", nil, wrong("messages", err.Error())
	}
	ids, tooLong := s.within(ids, limit, "messages", r.cut)
	return text, ids, tooLong
}

// within cuts a prompt that is too long from the left, or refuses it.
func (s *Server) within(ids []int, limit int, field string, cut bool) ([]int, *apiError) {
	switch {
	case len(ids) <= limit:
		return ids, nil
	case cut:
		return ids[len(ids)-limit:], nil
	}
	return nil, wrong(field, fmt.Sprintf(`%d tokens are more than this server's context of %d: shorten the prompt, or send "truncation": "auto" to have it cut from the left`,
		len(ids), limit)).withCode("context_length_exceeded")
}

// completion goes on from texts.
func (s *Server) completion(ctx context.Context, w http.ResponseWriter, body []byte) *apiError {
	r, err := parseCompletion(body, s.defaults())
	if err != nil {
		return err
	}
	if err := s.checkModel(r.model); err != nil {
		return err
	}
	if err := s.checkBiases(&r.request); err != nil {
		return err
	}
	x := s.newExchange(r.request, false)
	for i, p := range r.prompts {
		ids, err := s.completionPrompt(p, i, r)
		if err != nil {
			return err
		}
		x.add(ctx, ids, nil)
		if r.echo {
			text := p.text
			if p.tokens != nil {
				text = s.config.Tokenizer.Decode(p.tokens, true)
			}
			x.echoes = append(x.echoes, slices.Repeat([]string{text}, r.choices)...)
		}
	}
	return x.run(ctx, w)
}

func (s *Server) completionPrompt(p prompt, i int, r *completionRequest) ([]int, *apiError) {
	ids := p.tokens
	if ids == nil {
		ids = generate.Begin(s.config.Tokenizer, p.text)
	}
	for _, id := range ids {
		if err := s.checkToken("prompt", id); err != nil {
			return nil, err
		}
	}
	if len(ids) == 0 {
		return nil, wrong("prompt", fmt.Sprintf("prompt %d is empty", i+1))
	}
	limit := s.config.Generator.Context()
	if r.cut {
		limit -= s.room(&r.request)
	}
	return s.within(ids, limit, "prompt", r.cut)
}

func (s *Server) checkBiases(r *request) *apiError {
	for id := range r.options.LogitBias {
		if err := s.checkToken("logit_bias", id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) checkToken(field string, id int) *apiError {
	if vocab := s.config.Tokenizer.VocabSize(); id < 0 || id >= vocab {
		return wrong(field, fmt.Sprintf("token %d is not in the vocabulary of %d", id, vocab))
	}
	return nil
}
