//go:build !js

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// shared output of a program that runs beside its test.
type sharedOutput struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *sharedOutput) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *sharedOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serving runs serve beside the test; stop is Ctrl-C, and done says how it ended.
func serving(t *testing.T, args ...string) (url string, said *sharedOutput, stop func(), done <-chan int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said = &sharedOutput{}
	args = append([]string{"serve", "--port", "0", "--checkpoint", untrained(t, 4096)}, args...)
	p := &program{ctx: ctx, stdin: strings.NewReader(""), stdout: said, stderr: said, create: createFile}
	ended := make(chan int, 1)
	go func() { ended <- p.run(args) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if m := regexp.MustCompile(`chat at (http://\S+)`).FindStringSubmatch(said.String()); m != nil {
			return m[1], said, cancel, ended
		}
		if time.Now().After(deadline) {
			t.Fatalf("not serving: %s", said)
		}
	}
}

// TestServeStops has Ctrl-C come while an answer is streamed: it ends properly, and so does the program.
func TestServeStops(t *testing.T) {
	for _, c := range []struct {
		drain, tokens, says string
		whole               bool
	}{{"30s", "150", "running answers have 30s", true}, {"10ms", "4000", "were cut off", false}} {
		url, said, stop, done := serving(t, "--drain", c.drain, "--name", "mine", "--parallel", "2")
		r, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(`{"model":"mine","max_tokens":`+c.tokens+`,"stream":true,"seed":4,"temperature":1,"top_p":1}`))
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 6)
		if _, err := io.ReadFull(r.Body, first); err != nil || string(first) != "data: " {
			t.Fatalf("%q, %v", first, err)
		}
		stop()
		rest, err := io.ReadAll(r.Body)
		r.Body.Close()
		if whole := err == nil && strings.HasSuffix(string(rest), "data: [DONE]\n\n"); whole != c.whole {
			t.Errorf("with --drain %s the answer ended %t, error %v: ...%s", c.drain, whole, err, rest[max(len(rest)-200, 0):])
		}
		if code := <-done; code != 0 || !strings.Contains(said.String(), c.says) {
			t.Errorf("exit code %d; it said %s", code, said)
		}
		if _, err := http.Get(url); err == nil {
			t.Error("it still answers")
		}
	}
}

func TestServeToTheNetwork(t *testing.T) {
	url, said, stop, done := serving(t, "--host", "0.0.0.0", "--parallel", "1", "--rope-scaling", "2", "--rope-scaling-original", "4096", "--context", "5000")
	if !strings.HasPrefix(url, "http://localhost:") || !strings.Contains(said.String(), "warning: anyone who reaches port") || !strings.Contains(said.String(), "context 5000") {
		t.Errorf("it said %s", said)
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestServeRefuses(t *testing.T) {
	run := untrained(t, 256)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	minimind(t, "serve", "--checkpoint", run, "--port", port).want(t, 1, "--port", "address already in use")
	minimind(t, "serve", "--checkpoint", run, "--parallel", "0").want(t, 2, "--parallel is 0")
	minimind(t, "serve", "--checkpoint", run, "--rope-scaling", "0.5").want(t, 1, "rope_scaling.factor is 0.5")
	minimind(t, "serve", "--checkpoint", run, "--queue=-1").want(t, 2, "--queue is -1")
	minimind(t, "serve", "--checkpoint", run, "--context", "300").want(t, 1, "from 2 to 256")
	minimind(t, "serve", "--checkpoint", "nowhere").want(t, 1, "nowhere")
}
