//go:build !js

package openai

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

// stream sends every piece as it comes, as server-sent events.
func (x *exchange) stream(ctx context.Context, w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	defer out.SetWriteDeadline(time.Time{}) // the connection may serve on
	emit := func(v any) bool {
		out.SetWriteDeadline(time.Now().Add(x.server.slow))
		_, err := fmt.Fprintf(w, "data: %s\n", encode(v))
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
