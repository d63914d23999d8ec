//go:build !js

package openai

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
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
		o.MaxNewTokens = min(cmp.Or(o.MaxNewTokens, math.MaxInt), cmp.Or(s.config.Defaults.MaxNewTokens, math.MaxInt), room)
		a := &answer{decoder: s.config.Tokenizer.NewDecoder(true), stop: stopper{stops: x.request.stop}, cancel: cancel, logProbs: o.LogProbs}
		if parser != nil {
			a.parser = parser()
		}
		x.jobs = append(x.jobs, &job{choice: len(x.answers), prompt: ids, options: o, ctx: ctx})
		x.answers = append(x.answers, a)
	}
	x.prompts += len(ids)
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
	x.server.sendLong(w, reply)
	return nil
}
