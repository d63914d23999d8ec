//go:build !js

// Package openaitest has small models for tests of the server: one of random weights, and one that recites.
package openaitest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Random is a server's configuration for the tiny preset with random weights.
func Random(t testing.TB, b generate.Batch) openai.Config {
	t.Helper()
	c, err := config.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	m := model(t, c)
	m.Init(5)
	return serverConfig(t, m, corpus.Tokenizer(), b)
}

// Reciting is a configuration for a model that answers every chat with the texts, one token each.
func Reciting(t testing.TB, b generate.Batch, texts ...string) openai.Config {
	t.Helper()
	tok := withTokens(t, texts)
	c, err := config.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.VocabSize, c.TieWordEmbeddings = tok.VocabSize(), false
	m := model(t, c)
	// All layers are zero, so that what follows a token depends on it alone: the head gives token b, which is to follow
	// a, the embedding of a. Embeddings are random, hence nearly at right angles.
	m.Init(5)
	embedding, err := m.Parameter("model.embed_tokens.weight")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Parameters() {
		if len(p.Shape) == 2 && p.Name != "model.embed_tokens.weight" {
			set(t, m, p.Name, make([]float32, p.Elements()))
		}
	}
	head := make([]float32, c.VocabSize*c.HiddenSize)
	prompt := tok.Encode("assistant\n")
	last := prompt[len(prompt)-1]
	for _, next := range append(tok.Encode(join(texts)), tok.EOS()) {
		copy(head[next*c.HiddenSize:(next+1)*c.HiddenSize], embedding[last*c.HiddenSize:(last+1)*c.HiddenSize])
		last = next
	}
	set(t, m, "lm_head.weight", head)
	return serverConfig(t, m, tok, b)
}

func join(texts []string) (all string) {
	for _, text := range texts {
		all += text
	}
	return all
}

func model(t testing.TB, c config.Model) *nn.Model {
	t.Helper()
	m, err := nn.NewModel(hosttest.Device(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	return m
}

func set(t testing.TB, m *nn.Model, name string, v []float32) {
	t.Helper()
	if err := m.SetParameter(name, v); err != nil {
		t.Fatal(err)
	}
}

// withTokens is the corpus's tokenizer with a token for each text.
func withTokens(t testing.TB, texts []string) *tokenizer.Tokenizer {
	t.Helper()
	var file bytes.Buffer
	if err := corpus.Tokenizer().WriteJSON(&file); err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(file.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	added := all["added_tokens"].([]any)
	for i, text := range texts {
		added = append(added, map[string]any{"id": corpus.Tokenizer().VocabSize() + i, "content": text, "single_word": false,
			"lstrip": false, "rstrip": false, "normalized": false, "special": false})
	}
	all["added_tokens"] = added
	changed, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Load(bytes.NewReader(changed))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func serverConfig(t testing.TB, m *nn.Model, tok *tokenizer.Tokenizer, b generate.Batch) openai.Config {
	t.Helper()
	g, err := generate.NewBatch(m, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Release)
	format, err := chat.For(tok)
	if err != nil {
		t.Fatal(err)
	}
	return openai.Config{Name: "tiny", Tokenizer: tok, Format: format, Generator: g, Defaults: generate.Options{Temperature: 1, TopP: 0.9},
		MaxBody: 1 << 20, Queue: 64, Timeout: time.Minute, Created: time.Unix(1e9, 0)}
}

// Serve runs a server until the test's end.
func Serve(t testing.TB, c openai.Config) *httptest.Server { return ServeAs(t, openai.New(c)) }

// ServeAs is Serve for a server that the test has changed.
func ServeAs(t testing.TB, s *openai.Server) *httptest.Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	server := httptest.NewUnstartedServer(s)
	server.Listener = smallBuffers{server.Listener}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return server
}

// smallBuffers makes connections that hold little of what a client does not read, so that the server notices soon.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(4096)
	}
	return c, err
}
