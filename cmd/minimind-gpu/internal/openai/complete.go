//go:build !js

package openai

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// exchange is a request on its way to being answered.
type exchange struct {
	server   *Server
	request  request
	isChat   bool
	start    time.Time
	id       string
	events   chan event
	answers  []*answer // by choice
	echoes   []string  // texts that choices of a completion begin with; nil: none
	jobs     []*job
	prompts  int // tokens of all prompts
	observed bool
}

func (s *Server) newExchange(r request, isChat bool) *exchange {
	x := &exchange{server: s, request: r, isChat: isChat, start: time.Now(), id: newID("cmpl-")}
	if isChat {
		x.id = newID("chatcmpl-")
	}
	if !r.seeded {
		var seed [8]byte
		rand.Read(seed[:])
		x.request.options.Seed = binary.LittleEndian.Uint64(seed[:])
	}
	return x
}

// add adds the choices for a prompt; parser is made for each, if there is one. Choice i of a seed is decoded with seed+i.
func (x *exchange) add(ctx context.Context, ids []int, parser func() *chat.Parser) {
	s := x.server
	room := s.config.Generator.Context() - len(ids) + 1
	for i := range x.request.choices {
		ctx, cancel := context.WithCancel(ctx)
		o := x.request.options
		o.Stop = s.config.Tokenizer.EOS()
		o.Seed += uint64(i)
		if o.MaxNewTokens = min(cmpOr(o.MaxNewTokens, math.MaxInt), room); s.config.Defaults.MaxNewTokens > 0 {
			o.MaxNewTokens = min(o.MaxNewTokens, s.config.Defaults.MaxNewTokens)
		}
		a := &answer{decoder: s.config.Tokenizer.NewDecoder(true), stop: stopper{stops: x.request.stop}, cancel: cancel, logProbs: o.LogProbs}
		if parser != nil {
			a.parser = parser()
		}
		x.jobs = append(x.jobs, &job{choice: len(x.answers), prompt: ids, options: o, ctx: ctx})
		x.answers = append(x.answers, a)
	}
	x.prompts += len(ids)
}

func cmpOr(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

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
	return min(cmpOr(r.options.MaxNewTokens, quarter), quarter)
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
		if id < 0 || id >= s.config.Tokenizer.VocabSize() {
			return nil, wrong("prompt", fmt.Sprintf("token %d is not in the vocabulary of %d", id, s.config.Tokenizer.VocabSize()))
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

// run has the jobs done and sends what comes of them.
func (x *exchange) run(ctx context.Context, w http.ResponseWriter) *apiError {
	tokens := 0
	for _, j := range x.jobs {
		tokens += j.options.MaxNewTokens
	}
	x.events = make(chan event, tokens+2*len(x.jobs))
	for _, j := range x.jobs {
		j.events = x.events
	}
	defer func() {
		for _, a := range x.answers {
			a.cancel()
		}
	}()
	e := x.server.engine
	if most := e.slots + e.limit; len(x.jobs) > most {
		return wrong("n", fmt.Sprintf("%d answers are more than the %d that this server takes at a time", len(x.jobs), most))
	}
	retry, err := e.submit(x.jobs)
	switch {
	case errors.Is(err, errFull):
		w.Header().Set("Retry-After", strconv.Itoa(int(min(max(math.Ceil(retry.Seconds()), 1), 60))))
		return failure(http.StatusTooManyRequests, "rate_limit_error", "queue_full", "too many requests are waiting: try again later")
	case err != nil:
		return unavailable(err)
	}
	x.server.metrics.tokens.WithLabelValues("prompt").Add(float64(x.prompts))
	if x.request.stream {
		x.stream(ctx, w)
		return nil
	}
	return x.whole(ctx, w)
}

func unavailable(err error) *apiError {
	return failure(http.StatusServiceUnavailable, "server_error", "", err.Error())
}

// next waits for a choice's next piece.
func (x *exchange) next(ctx context.Context) (choice int, p piece, _ *apiError) {
	for {
		select {
		case <-ctx.Done():
			if ctx.Err() == context.Canceled {
				return 0, p, gone
			}
			return 0, p, failure(http.StatusGatewayTimeout, "server_error", "timeout", fmt.Sprintf("the answer was not done within %v", x.server.config.Timeout))
		case e := <-x.events:
			a := x.answers[e.choice]
			switch {
			case a.done: // it met a stop string, and the engine had not heard of it
				continue
			case e.err != nil:
				return 0, p, unavailable(e.err)
			}
			if !x.observed && e.token != nil {
				x.server.metrics.firstToken.Observe(time.Since(x.start).Seconds())
				x.observed = true
			}
			if e.token != nil {
				x.server.metrics.tokens.WithLabelValues("answer").Inc()
			}
			return e.choice, a.next(e), nil
		}
	}
}

func (x *exchange) object() string {
	switch {
	case !x.isChat:
		return "text_completion"
	case x.request.stream:
		return "chat.completion.chunk"
	}
	return "chat.completion"
}

func (x *exchange) reply(choices ...choice) reply {
	if choices == nil {
		choices = []choice{}
	}
	return reply{ID: x.id, Object: x.object(), Created: x.start.Unix(), Model: x.server.config.Name, Choices: choices}
}

func (x *exchange) usage() *usage {
	u := &usage{PromptTokens: x.prompts}
	for _, a := range x.answers {
		u.CompletionTokens += a.written
	}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	return u
}

func (x *exchange) echo(choice int) string {
	if x.echoes == nil {
		return ""
	}
	return x.echoes[choice]
}

// whole sends all choices at once.
func (x *exchange) whole(ctx context.Context, w http.ResponseWriter) *apiError {
	all := make([]piece, len(x.answers))
	for i := range all {
		all[i].Content = x.echo(i)
	}
	for open := len(all); open > 0; {
		i, p, err := x.next(ctx)
		if err != nil {
			return err
		}
		all[i].Reasoning += p.Reasoning
		all[i].Content += p.Content
		all[i].ToolCalls = append(all[i].ToolCalls, p.ToolCalls...)
		all[i].tokens = append(all[i].tokens, p.tokens...)
		if all[i].finish = p.finish; p.finish != "" {
			open--
		}
	}
	reply := x.reply()
	for i, p := range all {
		c := choice{Index: i, Finish: &p.finish, LogProbs: x.server.logProbs(p.tokens, x.request.options.LogProbs, x.isChat)}
		if x.isChat {
			c.Message = p.message(chat.Assistant, false, 0)
		} else {
			c.Text = &p.Content
		}
		reply.Choices = append(reply.Choices, c)
	}
	reply.Usage = x.usage()
	send(w, reply)
	return nil
}

// stream sends every piece as it comes, as server-sent events.
func (x *exchange) stream(ctx context.Context, w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	defer out.SetWriteDeadline(time.Time{}) // the connection may serve on
	emit := func(v any) bool {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain structs
		}
		out.SetWriteDeadline(time.Now().Add(x.server.slow))
		_, err = fmt.Fprintf(w, "data: %s\n\n", text)
		return err == nil && out.Flush() == nil
	}
	for i := range x.answers {
		c := choice{Index: i}
		if text := x.echo(i); x.isChat {
			empty := ""
			c.Delta = &message{Role: chat.Assistant, Content: &empty}
		} else if c.Text = &text; text == "" {
			continue
		}
		if !emit(x.reply(c)) {
			return
		}
	}
	for open := len(x.answers); open > 0; {
		i, p, err := x.next(ctx)
		if err == gone {
			return
		}
		if err != nil {
			emit(map[string]*apiError{"error": err})
			return
		}
		if p.finish != "" {
			open--
		}
		if x.empty(p) {
			continue
		}
		c := choice{Index: i, LogProbs: x.server.logProbs(p.tokens, x.request.options.LogProbs && len(p.tokens) > 0, x.isChat)}
		if p.finish != "" {
			c.Finish = &p.finish
		}
		if x.isChat {
			c.Delta = p.message("", true, x.answers[i].calls-len(p.ToolCalls))
		} else {
			c.Text = &p.Content
		}
		if !emit(x.reply(c)) {
			return
		}
	}
	if x.request.includeUsage {
		last := x.reply()
		last.Usage = x.usage()
		if !emit(last) {
			return
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
	out.Flush()
}

// empty says that a piece tells nothing: its text is held back.
func (x *exchange) empty(p piece) bool {
	return p.finish == "" && p.Content == "" && p.Reasoning == "" && len(p.ToolCalls) == 0 && len(p.tokens) == 0
}
