package chat

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPythonJSON(t *testing.T) {
	// The right side is what Python 3's json.dumps(json.loads(left), ensure_ascii=False) writes.
	for in, want := range map[string]string{
		`{"b":1,"a":[1,2.50,{}],"c":[]}`:                                                 `{"b": 1, "a": [1, 2.5, {}], "c": []}`,
		`"\u5317\u4eac \/ <&> \" \\ \u0001\n"`:                                           `"北京 / <&> \" \\ \u0001\n"`,
		`[1.0,-0.0,1e5,1E-5,0.0001,1e16,123456789012345678901234567890,null,true,false]`: `[1.0, -0.0, 100000.0, 1e-05, 0.0001, 1e+16, 123456789012345678901234567890, null, true, false]`,
		"\"\\t\\r\\b\\f\u007f\"":                                                         "\"\\t\\r\\b\\f\u007f\"",
	} {
		if got, err := PythonJSON(json.RawMessage(in)); err != nil || got != want {
			t.Errorf("%s is written %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`{"a": `, `[1, 2`, `"a`, ``, `{"a"}`, `[1] 2`} {
		if got, err := PythonJSON(json.RawMessage(in)); err == nil {
			t.Errorf("%s is written %s", in, got)
		}
	}
}

func TestConversationsLayouts(t *testing.T) {
	tools := `[{"type":"function","function":{"name":"add"}}]`
	call := `{"name":"add","arguments":{"a":1}}`
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	want := `{"messages":[{"role":"system","content":"S"},{"role":"assistant","content":"","tool_calls":[{"name":"add","arguments":{"a":1}}]}],"tools":[{"type":"function","function":{"name":"add"}}]}`
	for _, in := range []string{
		`{"messages":[{"role":"system","content":"S"},{"role":"assistant","content":null,"tool_calls":[` + call + `]}],"tools":` + tools + `}`,
		`{"conversations":[{"role":"system","content":"S","tools":` + quoted(tools) + `},{"role":"assistant","content":"","tool_calls":` + quoted("["+call+"]") + `}]}`,
		`{"conversations":[{"role":"system","content":"S","functions":` + tools + `},{"role":"assistant","tool_calls":` + quoted(call) + `}]}`,
		`{"messages":[{"role":"system","content":[{"type":"text","text":"S"}]},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":` + call + `}]}],"tools":` + quoted(tools) + `}`,
	} {
		var c Conversation
		if err := json.Unmarshal([]byte(in), &c); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, _ := json.Marshal(c); string(got) != want {
			t.Errorf("%s\nis read as\n%s, want\n%s", in, got, want)
		}
	}
}

func TestConversationsErrors(t *testing.T) {
	for in, want := range map[string]string{
		`[]`:                  "a JSON array where an object is wanted",
		`{"text": "a"}`:       `no field "conversations" or "messages"; the fields are ["text"]`,
		`{"messages": "a"}`:   `"Messages" is a JSON string, which it must not be`,
		`{"messages": []}`:    "no messages",
		`{"messages": ["a"]}`: "message 1: a JSON string where an object is wanted",
		`{"messages": [{"from": "gpt", "value": "a"}]}`:                                                                     `message 1: a message without a "role"; its fields are ["from" "value"]`,
		`{"messages": [{"role": "user"}, {"role": "bot", "content": "a"}]}`:                                                 `message 2 has the role "bot"; roles are system, user, assistant and tool`,
		`{"messages": [{"role": "user", "content": 3}]}`:                                                                    `message 1: "content" is 3`,
		`{"messages": [{"role": "user", "content": [{"type": "image"}]}]}`:                                                  `message 1: "content" has a part of type "image"`,
		`{"messages": [{"role": "assistant", "tool_calls": "[{\"name\": \"f\", \"arguments\": {\"ci"}]}`:                    `message 1: "tool_calls" is JSON that is cut short: ...[{"name": "f", "arguments": {"ci`,
		`{"messages": [{"role": "assistant", "tool_calls": [{"arguments": {}}]}]}`:                                          `message 1: "tool_calls": a tool call without a "name"`,
		`{"messages": [{"role": "assistant", "tool_calls": [{"name": "f"}]}]}`:                                              `the call of tool "f" has no "arguments"`,
		`{"messages": [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": [1]}]}]}`:                            `the arguments of tool "f" are [1]`,
		`{"messages": [{"role": "system", "content": "", "tools": "[{\"type\": \"fun"}, {"role": "user", "content": "a"}]}`: `message 1: "tools" is JSON that is cut short: ...[{"type": "fun`,
		`{"messages": [{"role": "user", "content": "a"}], "tools": "nothing"}`:                                              `"tools": invalid character 'o' in literal`,
	} {
		var c Conversation
		err := json.Unmarshal([]byte(in), &c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}
