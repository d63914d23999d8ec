//go:build !js

package openai_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai"
	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai/openaitest"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

var small = generate.Batch{Context: 128, Texts: 2}

func ask(t *testing.T, s *httptest.Server, path, body string) (status int, header http.Header, answer string) {
	t.Helper()
	r, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(text)
}

func get(t *testing.T, url, token string) (status int, text string) {
	t.Helper()
	q, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	all, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(all)
}

// param is the field that an error names, and its code.
func param(t *testing.T, body string) (field, code string) {
	t.Helper()
	var e struct {
		Error struct{ Message, Type, Param, Code string }
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Message == "" || e.Error.Type == "" {
		t.Fatalf("not an error of OpenAI's API: %s", body)
	}
	return e.Error.Param, e.Error.Code
}

func TestRefusals(t *testing.T) {
	c := openaitest.Random(t, small)
	c.MaxBody, c.Queue = 4000, 1
	s := openaitest.Serve(t, c)
	long := strings.Repeat("a ball ", 100)
	for name, q := range map[string]struct {
		path, body  string
		status      int
		field, code string
	}{
		"other model":       {"/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"x"}]}`, 404, "model", "model_not_found"},
		"long chat":         {"/v1/chat/completions", `{"messages":[{"role":"user","content":"` + long + `"}]}`, 400, "messages", "context_length_exceeded"},
		"long completion":   {"/v1/completions", `{"prompt":"` + long + `"}`, 400, "prompt", "context_length_exceeded"},
		"no such token":     {"/v1/completions", `{"prompt":[1,600]}`, 400, "prompt", ""},
		"bias of none":      {"/v1/completions", `{"logit_bias":{"600":1}}`, 400, "logit_bias", ""},
		"bias in a chat":    {"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"logit_bias":{"-1":1}}`, 400, "logit_bias", ""},
		"large body":        {"/v1/chat/completions", `{"messages":"` + strings.Repeat("a", 5000) + `"}`, 413, "", ""},
		"too many answers":  {"/v1/completions", `{"n":4}`, 400, "n", ""},
		"nothing there":     {"/v1/embeddings", `{}`, 404, "", "unknown_url"},
		"template's refuse": {"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],"n":0}`, 400, "n", ""},
	} {
		status, _, body := ask(t, s, q.path, q.body)
		if field, code := param(t, body); status != q.status || field != q.field || code != q.code {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	r, err := http.Post(s.URL+"/v1/completions", "text/plain", strings.NewReader("{}"))
	if err != nil || r.StatusCode != 415 {
		t.Errorf("a body of another type: %v, %v", r, err)
	}
	if status, _ := get(t, s.URL+"/v1/chat/completions", ""); status != 404 && status != 405 {
		t.Errorf("GET of an endpoint: %d", status)
	}
	// Cut on request, both are answered.
	for _, body := range []string{`{"messages":[{"role":"user","content":"` + long + `"}],"truncation":"auto","max_tokens":2}`, `{"prompt":"` + long + `","truncation":"auto","max_tokens":2}`} {
		path := "/v1/completions"
		if strings.Contains(body, "messages") {
			path = "/v1/chat/completions"
		}
		if status, _, answer := ask(t, s, path, body); status != 200 || !strings.Contains(answer, `"prompt_tokens":126`) {
			t.Errorf("cut: %d %s", status, answer)
		}
	}
}

func TestTokenAndPages(t *testing.T) {
	c := openaitest.Random(t, small)
	c.Token = "secret"
	s := openaitest.Serve(t, c)
	for path, open := range map[string]bool{"/": true, "/healthz": true, "/metrics": false, "/v1/models": false, "/v1/models/tiny": false} {
		without, _ := get(t, s.URL+path, "")
		wrong, body := get(t, s.URL+path, "Secret")
		right, _ := get(t, s.URL+path, "secret")
		if right != 200 || (without == 200) != open || (wrong == 200) != open {
			t.Errorf("%s: %d without the token, %d with a wrong one, %d with it", path, without, wrong, right)
		}
		if !open {
			if _, code := param(t, body); code != "invalid_api_key" {
				t.Errorf("%s: %s", path, body)
			}
		}
	}
	if status, _, _ := ask(t, s, "/v1/completions", "{}"); status != 401 {
		t.Errorf("a completion without the token: %d", status)
	}
	if _, text := get(t, s.URL+"/v1/models/tiny", "secret"); text != `{"id":"tiny","object":"model","created":1000000000,"owned_by":"minimind-gpu","max_model_len":128,"defaults":{"temperature":1,"top_p":0.9}}`+"\n" {
		t.Errorf("model: %s", text)
	}
	if status, _ := get(t, s.URL+"/v1/models/other", "secret"); status != 404 {
		t.Errorf("another model: %d", status)
	}
	page, text := get(t, s.URL+"/", "")
	if page != 200 || !strings.Contains(text, "<!doctype html>") || strings.Contains(text, "https://") {
		t.Errorf("the page must be one file that loads nothing: %d, %.100s", page, text)
	}
}

// TestQueue fills the server: what is too much is refused with a time to come back, and the rest is answered.
func TestQueue(t *testing.T) {
	c := openaitest.Random(t, generate.Batch{Context: 512, Texts: 2})
	c.Queue = 3
	s := openaitest.Serve(t, c)
	var all sync.WaitGroup
	statuses := make([]int, 12)
	for i := range statuses {
		all.Go(func() {
			status, header, body := ask(t, s, "/v1/completions", `{"max_tokens":200,"seed":1}`)
			if statuses[i] = status; status == 429 {
				if _, code := param(t, body); code != "queue_full" || header.Get("Retry-After") < "1" {
					t.Errorf("refused by %s, Retry-After %q", body, header.Get("Retry-After"))
				}
			}
		})
	}
	all.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	if counts[200] < 5 || counts[429] == 0 || counts[200]+counts[429] != len(statuses) {
		t.Errorf("answers by status: %v", counts)
	}
	_, text := get(t, s.URL+"/metrics", "")
	for _, want := range []string{fmt.Sprintf(`minimind_requests_total{code="200",endpoint="completions"} %d`, counts[200]),
		fmt.Sprintf(`minimind_requests_total{code="429",endpoint="completions"} %d`, counts[429]), "minimind_answers_running 0", "minimind_answers_waiting 0",
		`minimind_tokens_total{kind="answer"}`, "minimind_first_token_seconds_count"} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
}

// untilIdle waits for the server to have let go of every answer.
func untilIdle(t *testing.T, s *httptest.Server) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, text := get(t, s.URL+"/healthz", "")
		if strings.Contains(text, `"running":0`) && strings.Contains(text, `"waiting":0`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still at work: %s", text)
		}
	}
}

// TestVanishingClients has clients hang up before, in and after the middle of streams and of whole answers.
func TestVanishingClients(t *testing.T) {
	s := openaitest.Serve(t, openaitest.Random(t, generate.Batch{Context: 4096, Texts: 2}))
	for i := range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		q, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/v1/completions", strings.NewReader(fmt.Sprintf(`{"max_tokens":4000,"stream":%t,"n":2}`, i%2 == 0)))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		if i%2 == 1 {
			time.AfterFunc(time.Duration(i)*5*time.Millisecond, cancel)
		}
		if r, err := http.DefaultClient.Do(q); err == nil {
			bufio.NewReader(r.Body).ReadString('\n')
			cancel()
			r.Body.Close()
		}
		cancel()
	}
	untilIdle(t, s)
}

func TestTimeout(t *testing.T) {
	c := openaitest.Random(t, generate.Batch{Context: 4096, Texts: 1})
	c.Timeout = 50 * time.Millisecond // greedily, this model goes on and on
	s := openaitest.Serve(t, c)
	status, _, body := ask(t, s, "/v1/completions", `{"temperature":0,"max_tokens":4000}`)
	if _, code := param(t, body); status != 504 || code != "timeout" {
		t.Errorf("%d %s", status, body)
	}
	status, _, body = ask(t, s, "/v1/completions", `{"temperature":0,"max_tokens":4000,"stream":true}`)
	if lines := strings.Split(strings.TrimSpace(body), "\n"); status != 200 || !strings.Contains(lines[len(lines)-1], `data: {"error":`) || strings.Contains(body, "[DONE]") {
		t.Errorf("%d, at last %s", status, lines[len(lines)-1])
	}
	untilIdle(t, s)
}

// TestSlowClients has one that sends its request byte by byte and one that does not read its answer.
func TestSlowClients(t *testing.T) {
	c := openaitest.Random(t, generate.Batch{Context: 4096, Texts: 1})
	server := openai.New(c)
	server.SetPatience(500 * time.Millisecond)
	s := openaitest.ServeAs(t, server)
	address := strings.TrimPrefix(s.URL, "http://")

	slow, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprint(slow, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	slow.SetReadDeadline(time.Now().Add(10 * time.Second))
	if answer, err := bufio.NewReader(slow).ReadString('\n'); err != nil || !strings.Contains(answer, "400") {
		t.Errorf("to a request that never ends: %q, %v", answer, err)
	}

	for _, body := range []string{`{"max_tokens":60,"n":4,"logprobs":20,"temperature":0}`, // more than the system holds for a client
		`{"max_tokens":4000,"n":16,"stream":true,"logprobs":20,"temperature":0}`} { // greedy, this model goes on and on
		deaf, err := net.DialTCP("tcp", nil, s.Listener.Addr().(*net.TCPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Close()
		deaf.SetReadBuffer(1024)
		fmt.Fprintf(deaf, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	if status, _, _ := ask(t, s, "/v1/completions", `{"max_tokens":1}`); status != 200 {
		t.Errorf("another client meanwhile: %d", status)
	}
	untilIdle(t, s)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, text := get(t, s.URL+"/metrics", "")
		if strings.Contains(text, `minimind_requests_total{code="200",endpoint="completions"} 3`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a client that does not read is still being waited for")
		}
	}
}

// TestParts has a model think, speak and call a tool, whole and in a stream.
func TestParts(t *testing.T) {
	s := openaitest.Serve(t, openaitest.Reciting(t, generate.Batch{Context: 512, Texts: 2}, "<think>\n", "two", " cities</th", "ink>\n\n", "I'll ask.\n<tool", "_call>",
		"\n{\"name\": \"weather\", ", "\"arguments\": {\"city\": \"Paris\"}}", "\n</tool_call>"))
	request := `{"messages":[{"role":"user","content":"?"}],"temperature":0,"tools":[{"type":"function","function":{"name":"weather"}}]`
	status, _, body := ask(t, s, "/v1/chat/completions", request+"}")
	var whole struct {
		Choices []struct {
			Message struct {
				Content, Reasoning_content string
				Tool_calls                 []struct {
					Function struct{ Name, Arguments string }
				}
			}
			Finish_reason string
		}
	}
	if err := json.Unmarshal([]byte(body), &whole); err != nil || status != 200 || len(whole.Choices) != 1 {
		t.Fatalf("%d %s", status, body)
	}
	m := whole.Choices[0].Message
	if m.Reasoning_content != "two cities" || m.Content != "I'll ask." || len(m.Tool_calls) != 1 || m.Tool_calls[0].Function.Name != "weather" ||
		m.Tool_calls[0].Function.Arguments != `{"city": "Paris"}` || whole.Choices[0].Finish_reason != "tool_calls" {
		t.Errorf("%s", body)
	}
	_, _, body = ask(t, s, "/v1/chat/completions", request+`,"stream":true}`)
	reasoning, content, calls, finish := "", "", 0, ""
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct {
				Delta struct {
					Content, Reasoning_content string
					Tool_calls                 []struct{ Index int }
				}
				Finish_reason string
			}
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		d := chunk.Choices[0].Delta
		reasoning, content, calls, finish = reasoning+d.Reasoning_content, content+d.Content, calls+len(d.Tool_calls), chunk.Choices[0].Finish_reason
	}
	if reasoning != "two cities" || content != "I'll ask." || calls != 1 || finish != "tool_calls" || !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("streamed: %q, %q, %d calls, %s", reasoning, content, calls, finish)
	}
	// A stop string that spans tokens ends the answer; tokens that are not in it have no log-probabilities.
	_, _, body = ask(t, s, "/v1/chat/completions", request+`,"stop":["ink>\n\nI'll"],"logprobs":true}`)
	if !strings.Contains(body, `"reasoning_content":"two cities</th"`) || !strings.Contains(body, `"finish_reason":"stop"`) || strings.Count(body, `"logprob":`) != 3 {
		t.Errorf("stopped: %s", body)
	}
}

// TestLocal reaches a server for its own computer by several names.
func TestLocal(t *testing.T) {
	c := openaitest.Random(t, small)
	c.Local = true
	s := openaitest.Serve(t, c)
	for host, want := range map[string]int{"localhost:8998": 200, "127.0.0.1": 200, "[::1]:8998": 200, "chat.localhost": 200, "evil.example": 403, "evil.example:8998": 403, "localhost.evil.example": 403} {
		q, err := http.NewRequest("GET", s.URL+"/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != want {
			t.Errorf("as %s: %d, want %d", host, r.StatusCode, want)
		}
	}
}
