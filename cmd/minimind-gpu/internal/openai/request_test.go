//go:build !js

package openai

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

var testDefaults = generate.Options{Temperature: 0.7, TopP: 0.9}

const hello = `"messages":[{"role":"user","content":"hi"}]`

// TestWrongFields has, for each field, what it must not hold: the error names the field.
func TestWrongFields(t *testing.T) {
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	both := map[string][]string{
		"":                   {"", "{", "[]", "null", "7", `"text"`, `{"a":1}x`, `{"a":` + deep + `}`},
		"model":              {`"model":1`},
		"temperature":        {`"temperature":"hot"`, `"temperature":2.1`, `"temperature":-1`, `"temperature":1e999`},
		"top_p":              {`"top_p":[]`, `"top_p":1.5`, `"top_p":-0.1`},
		"top_k":              {`"top_k":1.5`, `"top_k":-1`, `"top_k":99999999999`},
		"repetition_penalty": {`"repetition_penalty":0`, `"repetition_penalty":"x"`},
		"n":                  {`"n":0`, `"n":17`, `"n":"2"`},
		"stream":             {`"stream":1`, `"stream":"true"`},
		"stream_options":     {`"stream":true,"stream_options":[]`, `"stream_options":{"include_usage":true}`, `"stream":true,"stream_options":{"include_usage":1}`},
		"seed":               {`"seed":1.5`, `"seed":"x"`, `"seed":1e30`},
		"stop":               {`"stop":1`, `"stop":[1]`, `"stop":""`, `"stop":["a",""]`, `"stop":[` + strings.Repeat(`"a",`, 16) + `"a"]`, `"stop":"` + strings.Repeat("a", 1025) + `"`},
		"truncation":         {`"truncation":"left"`, `"truncation":true`},
		"frequency_penalty":  {`"frequency_penalty":2.1`, `"frequency_penalty":"x"`},
		"presence_penalty":   {`"presence_penalty":-2.1`, `"presence_penalty":[]`},
		"logit_bias":         {`"logit_bias":{"1":101}`, `"logit_bias":{"a":2}`, `"logit_bias":{"1":"x"}`, `"logit_bias":[1]`},
		"max_tokens":         {`"max_tokens":0`, `"max_tokens":-5`, `"max_tokens":"9"`, `"max_tokens":2.5`},
	}
	chats := map[string][]string{
		"max_completion_tokens": {`"max_completion_tokens":0`},
		"logprobs":              {`"logprobs":1`},
		"top_logprobs":          {`"logprobs":true,"top_logprobs":21`, `"top_logprobs":1`},
		"messages":              {`"messages":[]`, `"messages":"hi"`, `"messages":null`, `"messages":[` + strings.Repeat(`{"role":"user","content":""},`, maxMessages) + `{"role":"user"}]`},
		"messages[0]":           {`"messages":[1]`, `"messages":[{"content":"x"}]`, `"messages":[{"role":"user","content":7}]`, `"messages":[{"role":"user","content":[{"type":"image_url"}]}]`, `"messages":[{"role":1}]`, `"messages":[{"role":"assistant","tool_calls":[{}]}]`},
		"messages[1].role":      {`"messages":[{"role":"user","content":"x"},{"role":"robot"}]`},
		"tools":                 {`"tools":{}`, `"tools":"x"`},
		"tools[0]":              {`"tools":[{}]`, `"tools":[1]`, `"tools":[{"type":"function","function":{}}]`, `"tools":[{"type":"x","function":{"name":"f"}}]`},
		"tool_choice":           {`"tool_choice":"required"`, `"tool_choice":{"type":"function"}`},
		"reasoning_effort":      {`"reasoning_effort":"much"`, `"reasoning_effort":1`},
		"chat_template_kwargs":  {`"chat_template_kwargs":1`, `"chat_template_kwargs":{"enable_thinking":"yes"}`},
		"response_format":       {`"response_format":{"type":"json_object"}`, `"response_format":1`},
		"functions":             {`"functions":[{}]`},
		"audio":                 {`"audio":{}`},
		"modalities":            {`"modalities":["audio"]`},
	}
	completions := map[string][]string{
		"prompt":   {`"prompt":1`, `"prompt":{}`, `"prompt":[]`, `"prompt":["a",1]`, `"prompt":["a","b"],"n":9`, `"prompt":[1.5]`},
		"logprobs": {`"logprobs":true`, `"logprobs":-1`, `"logprobs":21`},
		"echo":     {`"echo":1`, `"echo":true,"logprobs":1`},
		"best_of":  {`"best_of":2`, `"best_of":"x"`},
		"suffix":   {`"suffix":"x"`},
	}
	check := func(endpoint string, table map[string][]string, begin string, parse func([]byte) *apiError) {
		for field, bodies := range table {
			for _, body := range bodies {
				if field != "" && strings.Contains(body, `"messages"`) {
					body = "{" + body + "}"
				} else if field != "" {
					body = "{" + begin + body + "}"
				}
				e := parse([]byte(body))
				if e == nil {
					t.Errorf("%s: %.80s was accepted", endpoint, body)
					continue
				}
				named := ""
				if e.Param != nil {
					named = *e.Param
				}
				if named != field || e.status != 400 || !strings.HasPrefix(e.Message, field) || strings.Contains(e.Message, "Go ") {
					t.Errorf("%s: %.80s: field %q, status %d, %q", endpoint, body, named, e.status, e.Message)
				}
			}
		}
	}
	parseChats := func(body []byte) *apiError { _, e := parseChat(body, testDefaults); return e }
	parseCompletions := func(body []byte) *apiError { _, e := parseCompletion(body, testDefaults); return e }
	check("chat", both, hello+",", parseChats)
	check("chat", chats, hello+",", parseChats)
	check("completions", both, "", parseCompletions)
	check("completions", completions, "", parseCompletions)
}

func TestParseChat(t *testing.T) {
	r, err := parseChat([]byte(`{"model":"m","messages":[{"role":"developer","content":"Be kind"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
		{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"1","content":"2"}],
		"temperature":0,"top_p":1,"top_k":5,"n":3,"stop":"END","seed":-1,"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":9,
		"logprobs":true,"top_logprobs":2,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","reasoning_effort":"high","truncation":"auto",
		"frequency_penalty":-1.5,"presence_penalty":2,"logit_bias":{"7":-100,"8":1},"user":"me","unheard_of":[1]}`), testDefaults)
	if err != nil {
		t.Fatal(err)
	}
	want := request{model: "m", options: generate.Options{TopP: 1, TopK: 5, Seed: 1<<64 - 1, MaxNewTokens: 9, LogProbs: true, Alternatives: 2,
		FrequencyPenalty: -1.5, PresencePenalty: 2, LogitBias: map[int]float64{7: -100, 8: 1}},
		stop: []string{"END"}, choices: 3, stream: true, includeUsage: true, cut: true, seeded: true}
	if !reflect.DeepEqual(r.request, want) {
		t.Errorf("%+v, want %+v", r.request, want)
	}
	if m := r.conversation.Messages; len(m) != 4 || m[0].Role != chat.System || m[1].Content != "ab" || m[2].ToolCalls[0].Name != "f" || m[3].Content != "2" {
		t.Errorf("messages %+v", m)
	}
	if len(r.conversation.Tools) != 1 || r.thinking != chat.ThinkingOn {
		t.Errorf("tools %s, thinking %v", r.conversation.Tools, r.thinking)
	}
	for body, thinking := range map[string]chat.Thinking{`"reasoning_effort":"none"`: chat.ThinkingOff, `"chat_template_kwargs":{"open_thinking":true}`: chat.ThinkingOn,
		`"chat_template_kwargs":{"enable_thinking":false}`: chat.ThinkingOff, `"temperature":null`: chat.ThinkingDefault} {
		r, err := parseChat([]byte("{"+hello+","+body+"}"), testDefaults)
		if err != nil || r.thinking != thinking || r.options.Temperature != 0.7 {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
	if r, err := parseChat([]byte(`{`+hello+`,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"}`), testDefaults); err != nil || r.conversation.Tools != nil {
		t.Errorf("tool_choice none: %+v, %v", r, err)
	}
}

// TestUsualFields has what clients and chat programs send without being asked: none of it is refused or changes anything.
func TestUsualFields(t *testing.T) {
	plain, err := parseChat([]byte("{"+hello+"}"), testDefaults)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`"n":1`, `"stop":[]`, `"stop":null`, `"stream":false`, `"stream_options":null`, `"max_tokens":null`, `"seed":null`,
		`"presence_penalty":0`, `"frequency_penalty":0.0`, `"logit_bias":{}`, `"logit_bias":null`, `"repetition_penalty":null`, `"logprobs":false`, `"top_logprobs":0`,
		`"tools":null`, `"tools":[]`, `"tool_choice":"auto"`, `"tool_choice":"none"`, `"tool_choice":null`, `"parallel_tool_calls":true`, `"parallel_tool_calls":false`,
		`"functions":[]`, `"function_call":"auto"`, `"response_format":{"type":"text"}`, `"response_format":null`, `"modalities":["text"]`, `"audio":null`,
		`"user":"me"`, `"store":false`, `"metadata":{"a":"b"}`, `"service_tier":"auto"`, `"prediction":null`, `"verbosity":"medium"`, `"truncation":"disabled"`,
		`"prompt_cache_key":"k"`, `"safety_identifier":"s"`, `"keep_alive":"5m"`, `"options":{"num_ctx":2048}`, `"chat_id":"c"`} {
		r, err := parseChat([]byte("{"+hello+","+body+"}"), testDefaults)
		if err != nil {
			t.Errorf("%s: %s", body, err.Message)
		} else if len(r.stop)+len(r.conversation.Tools) > 0 || !reflect.DeepEqual(r.options, plain.options) || r.choices != 1 || r.stream || r.thinking != plain.thinking {
			t.Errorf("%s: %+v", body, r)
		}
	}
	if r, err := parseChat([]byte("{"+hello+`,"top_p":0}`), testDefaults); err != nil || r.options.TopP != generate.Nucleus(0) {
		t.Errorf("top_p of 0, which leaves the likeliest: %+v, %v", r, err)
	}
}

func TestParsePrompts(t *testing.T) {
	for body, want := range map[string][]prompt{`{}`: {{}}, `{"prompt":"a"}`: {{text: "a"}}, `{"prompt":["a","b"]}`: {{text: "a"}, {text: "b"}},
		`{"prompt":[1,2]}`: {{tokens: []int{1, 2}}}, `{"prompt":[[1],[2,3]]}`: {{tokens: []int{1}}, {tokens: []int{2, 3}}}} {
		r, err := parseCompletion([]byte(body), testDefaults)
		if err != nil || !reflect.DeepEqual(r.prompts, want) || r.options.MaxNewTokens != 16 {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{` + hello + `,"stop":["a"],"n":2,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"seed":3}`))
	f.Add([]byte(`{"prompt":[[1,2]],"logprobs":2,"stream":true,"stream_options":{"include_usage":true}}`))
	f.Add([]byte(`{"messages":[{"role":"assistant","content":[{"type":"text","text":"\ud800"}],"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}],"temperature":1e-400}`))
	f.Add([]byte(strings.Repeat(`{"a":`, 100)))
	f.Fuzz(func(t *testing.T, body []byte) {
		check := func(r *request, e *apiError) {
			if e != nil {
				if e.status != 400 || e.Message == "" || e.Type == "" {
					t.Errorf("%q: %+v", body, e)
				}
				if _, err := json.Marshal(e); err != nil {
					t.Error(err)
				}
				return
			}
			o := r.options
			if !(o.Temperature >= 0 && o.Temperature <= 2 && o.TopP >= 0 && o.TopP <= 1) || o.TopK < 0 || o.MaxNewTokens < 0 || math.Abs(o.PresencePenalty) > 2 || r.choices < 1 || r.choices > maxChoices || o.Alternatives > maxAlternatives {
				t.Errorf("%q was accepted as %+v", body, r)
			}
		}
		if r, e := parseChat(body, testDefaults); e != nil || len(r.conversation.Messages) > 0 {
			if r == nil {
				r = &chatRequest{}
			}
			check(&r.request, e)
		} else {
			t.Errorf("%q: accepted without messages", body)
		}
		r, e := parseCompletion(body, testDefaults)
		if r == nil {
			r = &completionRequest{}
		}
		check(&r.request, e)
		if e == nil && len(r.prompts) == 0 {
			t.Errorf("%q: accepted without prompts", body)
		}
	})
}

// TestStopper cuts texts into pieces at all places.
func TestStopper(t *testing.T) {
	for _, c := range []struct {
		stops      []string
		text, want string
	}{
		{[]string{"END"}, "a EN END b", "a EN "},
		{[]string{"aab"}, "aaab", "a"},
		{[]string{"abc", "bc"}, "xabcd", "x"},
		{[]string{"bc", "abc"}, "xabcd", "x"},
		{[]string{"好"}, "你好", "你"},
		{[]string{"never"}, "a neve", "a neve"},
		{nil, "abc", "abc"},
	} {
		for first := range len(c.text) + 1 {
			for second := first; second <= len(c.text); second++ {
				s := stopper{stops: c.stops}
				got := s.next(c.text[:first]) + s.next(c.text[first:second]) + s.next(c.text[second:]) + s.flush()
				if got != c.want || s.given != len(c.want) || s.ended != (c.want != c.text) {
					t.Errorf("%q at %d, %d, stops %q: %q, ended %t, want %q", c.text, first, second, c.stops, got, s.ended, c.want)
				}
			}
		}
	}
}

func TestFinite(t *testing.T) {
	for given, want := range map[float64]float64{-1.5: -1.5, 0: 0, math.Inf(-1): -9999, -1e9: -9999} {
		if got := finite(given); got != want {
			t.Errorf("%v becomes %v", given, got)
		}
	}
	if finite(math.NaN()) != -9999 {
		t.Error("NaN stays")
	}
}

func TestDepth(t *testing.T) {
	for body, want := range map[string]int{"1": 0, "{}": 1, `{"a":[{}],"b":{}}`: 3, `["[[[[","\"[["]`: 1, `"\\"[`: 1} {
		if got := depth([]byte(body)); got != want {
			t.Errorf("%s is %d deep, want %d", body, got, want)
		}
	}
	if got := depth([]byte(strings.Repeat("[", 1e6))); got != 1e6 {
		t.Errorf("depth %d", got)
	}
	if fmt.Sprint(wrong("a", "b")) != "a: b" {
		t.Error("an error does not say its field")
	}
}
