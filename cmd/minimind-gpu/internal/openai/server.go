//go:build !js

// Package openai serves a model over HTTP as OpenAI's API does: chats and completions, whole or streamed, of many clients
// decoded together, and beside it a page to chat with, metrics and the server's health.
package openai

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Config is what a server serves, and its limits.
type Config struct {
	Name      string // of the model
	Tokenizer *tokenizer.Tokenizer
	Format    *chat.Format // nil: the model knows no conversations
	Generator *generate.Generator
	Defaults  generate.Options // where a request says nothing; MaxNewTokens bounds every answer, 0: the context does
	Token     string           // that clients must show; "": none
	Local     bool             // for this computer only: refuse requests by any name but localhost and addresses
	MaxBody   int64            // bytes of a request
	Queue     int              // answers that may wait
	Timeout   time.Duration    // of a request, waiting included
	Created   time.Time        // the model
}

// Server is an http.Handler, and the engine behind it.
type Server struct {
	config  Config
	engine  *engine
	metrics *metrics
	mux     *http.ServeMux
	slow    time.Duration // how long a client may take to send a request, and to read a piece of a stream
}

// New makes a server. It answers once Run runs.
func New(c Config) *Server {
	s := &Server{config: c, engine: newEngine(c.Generator, c.Queue), mux: http.NewServeMux(), slow: 30 * time.Second}
	s.metrics = newMetrics(s.engine)
	s.mux.HandleFunc("GET /{$}", page)
	s.mux.HandleFunc("GET /healthz", s.health)
	s.mux.Handle("GET /metrics", s.guarded(s.metrics.handler()))
	s.mux.Handle("GET /v1/models", s.guarded(http.HandlerFunc(s.models)))
	s.mux.Handle("GET /v1/models/{model}", s.guarded(http.HandlerFunc(s.model)))
	s.mux.Handle("POST /v1/chat/completions", s.guarded(s.metrics.count("chat", s.endpoint(s.chat))))
	s.mux.Handle("POST /v1/completions", s.guarded(s.metrics.count("completions", s.endpoint(s.completion))))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		failure(http.StatusNotFound, "invalid_request_error", "unknown_url",
			fmt.Sprintf("there is nothing at %s %s; see /v1/models, /v1/chat/completions, /v1/completions", r.Method, r.URL.Path)).write(w)
	})
	return s
}

// Run decodes until ctx ends, and owns the generator's device as long. Its error is the device's.
func (s *Server) Run(ctx context.Context) error { return s.engine.run(ctx) }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.config.Local && s.config.Token == "" && !isLocal(r.Host) {
		failure(http.StatusForbidden, "invalid_request_error", "", fmt.Sprintf("this server is for its own computer, and %q is not a name of it: use localhost, or start the server with a --token", r.Host)).write(w)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// isLocal is false for names that only the DNS knows: by one, which suddenly means this computer, a page of another site
// could come past the browser's rules.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil
}

// guarded asks for the token, if there is one.
func (s *Server) guarded(next http.Handler) http.Handler {
	if s.config.Token == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(s.config.Token)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			failure(http.StatusUnauthorized, "authentication_error", "invalid_api_key", "this server wants its token as the API key: Authorization: Bearer TOKEN").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endpoint reads a request's body and sends the error, if there is one.
func (s *Server) endpoint(handle func(ctx context.Context, w http.ResponseWriter, body []byte) *apiError) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.config.Timeout)
		defer cancel()
		body, err := s.body(w, r)
		if err == nil {
			err = handle(ctx, w, body)
		}
		if err != nil && err != gone {
			err.write(w)
		}
	})
}

func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, *apiError) {
	// A page of another site cannot send this type without asking first, which nobody answers.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, failure(http.StatusUnsupportedMediaType, "invalid_request_error", "", "the Content-Type must be application/json")
	}
	// Not http.Server.ReadTimeout, which would go on to count while the answer is written.
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(s.slow))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.config.MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, failure(http.StatusRequestEntityTooLarge, "invalid_request_error", "", fmt.Sprintf("the body has more than the %d bytes that this server takes", s.config.MaxBody))
	} else if err != nil {
		return nil, failure(http.StatusBadRequest, "invalid_request_error", "", "the body could not be read: "+err.Error())
	}
	control.SetReadDeadline(time.Time{})
	return body, nil
}

// send sends a value as JSON, the whole answer.
func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(encode(v))
}

// sendLong is send for an answer of any length: a client that stops reading it is let go.
func (s *Server) sendLong(w http.ResponseWriter, v any) {
	text := encode(v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	control := http.NewResponseController(w)
	defer control.SetWriteDeadline(time.Time{}) // the connection may serve on
	for piece := range slices.Chunk(text, 64<<10) {
		control.SetWriteDeadline(time.Now().Add(s.slow))
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
	control.Flush()
}

// encode writes JSON for programs: < and > stay as they are. It ends with a newline.
func encode(v any) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // plain structs, and no NaN among them
	}
	return text.Bytes()
}

// health says whether the server can answer.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if err := s.engine.failed(); err != nil {
		send(w, http.StatusServiceUnavailable, map[string]string{"status": err.Error()})
		return
	}
	running, waiting := s.engine.load()
	send(w, http.StatusOK, map[string]any{"status": "ok", "running": running, "waiting": waiting})
}

type modelInfo struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	Context int    `json:"max_model_len"` // as vLLM calls it

	Defaults modelDefaults `json:"defaults"` // for the page
}

type modelDefaults struct {
	Temperature float64 `json:"temperature"`
	TopP        float64 `json:"top_p"`
}

func (s *Server) info() modelInfo {
	d := modelDefaults{s.config.Defaults.Temperature, s.config.Defaults.TopP}
	return modelInfo{s.config.Name, "model", s.config.Created.Unix(), "minimind-gpu", s.config.Generator.Context(), d}
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	send(w, http.StatusOK, map[string]any{"object": "list", "data": []modelInfo{s.info()}})
}

func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	if err := s.checkModel(r.PathValue("model")); err != nil {
		err.write(w)
		return
	}
	send(w, http.StatusOK, s.info())
}

func (s *Server) checkModel(name string) *apiError {
	if name == "" || name == s.config.Name {
		return nil
	}
	e := wrong("model", fmt.Sprintf("there is no %q here, only %q", name, s.config.Name)).withCode("model_not_found")
	e.status = http.StatusNotFound
	return e
}
