//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

type serveCommand struct {
	Checkpoint    string        `required:"" placeholder:"FILE|RUN" help:"A checkpoint, or a run's folder, whose newest is taken."`
	Host          string        `default:"127.0.0.1" help:"Address to listen on. 0.0.0.0 is open to the network: set a --token then."`
	Port          int           `default:"8998" help:"Port to listen on; 0: any."`
	Token         string        `env:"MINIMIND_TOKEN" placeholder:"SECRET" help:"What clients must give as their API key. Default: anyone may ask."`
	Name          string        `placeholder:"NAME" help:"The model's name for clients. Default: the run's."`
	Context       int           `placeholder:"T" help:"Most tokens of a prompt and its answer. Default: 4096, or the model's own if that is less."`
	Parallel      int           `default:"8" help:"Answers that are decoded at one time."`
	HalfCache     bool          `help:"Keep keys and values in 16 bits: half the memory, and slightly other answers."`
	Queue         int           `default:"64" help:"Answers that may wait for their turn; further requests are refused with status 429."`
	MaxNewTokens  int           `default:"0" help:"Longest answer, in tokens; 0: what the context leaves."`
	MaxBody       int64         `default:"4194304" placeholder:"BYTES" help:"Largest request. Default: 4 MiB."`
	Timeout       time.Duration `default:"10m" help:"Longest time for a request, waiting included."`
	Drain         time.Duration `default:"30s" help:"How long running answers may go on after Ctrl-C or SIGTERM."`
	samplingFlags `embed:""`
	ropeFlags     `embed:""`
	Adapter       string `placeholder:"GPU" help:"${adapter_help}"`
}

// Validate says which options cannot be; kong calls it.
func (c *serveCommand) Validate() error {
	switch {
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("--port is %d: must be from 0 to 65535", c.Port)
	case c.Parallel < 1 || c.Parallel > 256:
		return fmt.Errorf("--parallel is %d: must be from 1 to 256", c.Parallel)
	case c.Queue < 0:
		return fmt.Errorf("--queue is %d: must be at least 0", c.Queue)
	case c.MaxNewTokens < 0:
		return fmt.Errorf("--max-new-tokens is %d: must be at least 0", c.MaxNewTokens)
	case c.MaxBody < 1:
		return fmt.Errorf("--max-body is %d: must be at least 1", c.MaxBody)
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout is %v: must be above 0", c.Timeout)
	}
	return c.samplingFlags.Validate()
}

// Run serves until Ctrl-C or SIGTERM, and lets running answers end.
func (c *serveCommand) Run(p *program) error {
	s, err := openSpeaker(c.Checkpoint, c.Adapter)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.ropeFlags.apply(&s.model.Config); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(c.Host, fmt.Sprint(c.Port)))
	if err != nil {
		return fmt.Errorf("cannot listen where --host and --port say: %w", err)
	}
	defer listener.Close()
	length, err := s.context(c.Context)
	if err != nil {
		return err
	}
	g, err := generate.NewBatch(s.model, generate.Batch{Context: length, Texts: c.Parallel, HalfCache: c.HalfCache, KeepPrompts: true})
	if err != nil {
		return err
	}
	defer g.Release()
	if err := g.Warm(); err != nil {
		return err
	}
	config := openai.Config{Name: c.Name, Tokenizer: s.tok, Generator: g, Defaults: c.options(), Token: c.Token,
		MaxBody: c.MaxBody, Queue: c.Queue, Timeout: c.Timeout}
	config.Defaults.MaxNewTokens = c.MaxNewTokens
	if config.Name == "" {
		config.Name = s.name
	}
	if info, err := os.Stat(s.file); err == nil {
		config.Created = info.ModTime()
	}
	if format, err := findChatFormat("", s.tok, s.dir); err != nil {
		p.say("only /v1/completions: %v", err)
	} else {
		config.Format = format.Format
	}
	ip := net.ParseIP(c.Host)
	address := "http://" + listener.Addr().String()
	port := listener.Addr().(*net.TCPAddr).Port
	if ip != nil && ip.IsUnspecified() { // every address of this computer
		address = fmt.Sprintf("http://localhost:%d", port)
	}
	p.say("%s on %s: %d answers at a time, context %d, %s for keys and values", config.Name, s.device.Info.Name, c.Parallel, length,
		host.Bytes(int64(c.Parallel*length)*nn.CacheBytes(s.model.Config, c.HalfCache)))
	p.say("chat at %s · OpenAI API at %s/v1 · metrics at %s/metrics · Ctrl-C stops", address, address, address)
	config.Local = c.Host == "localhost" || ip != nil && ip.IsLoopback()
	if c.Token == "" && !config.Local {
		p.say("warning: anyone who reaches port %d of this computer can use this server: --token keeps others out", port)
	}
	return c.serve(p, openai.New(config), listener)
}

// serve answers until the program is stopped or the device fails. Requests that run then have --drain to end.
func (c *serveCommand) serve(p *program, s *openai.Server, listener net.Listener) error {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	decoding, stop := context.WithCancel(context.Background())
	defer stop()
	engine := make(chan error, 1)
	go func() { engine <- s.Run(decoding) }()
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()

	var failed error
	select {
	case failed = <-engine:
		engine <- nil
	case failed = <-serving:
	case <-p.ctx.Done():
		p.say("stopping: running answers have %v; Ctrl-C once more ends them now", c.Drain)
	}
	patience, done := context.WithTimeout(context.Background(), c.Drain)
	defer done()
	err := server.Shutdown(patience)
	stop()
	ended := <-engine // before the device is closed
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
		p.say("answers that had not ended after %v were cut off", c.Drain)
	}
	return errors.Join(failed, ended, err)
}
