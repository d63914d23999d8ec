// Package chat turns conversations into the text and the tokens that a model was, or will be, trained on, and a
// model's answer back into its parts.
//
// A Template writes a conversation as text. The two generations of MiniMind have theirs here, as Go (template.go); any
// other Jinja template runs in the package chat/jinja. A Format puts a template and a tokenizer together: prompts, and
// for training the tokens with a mask that says which of them the model is to learn. A Parser takes an answer apart
// while it is still being written.
package chat

import "encoding/json"

// The roles of messages.
const (
	System    = "system"
	User      = "user"
	Assistant = "assistant"
	Tool      = "tool"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	// ReasoningContent is what the assistant thought before it answered. nil is not the same as empty: without it, the
	// second generation's template looks for a think block in Content.
	ReasoningContent *string    `json:"reasoning_content,omitempty"`
	ToolCalls        []ToolCall `json:"tool_calls,omitempty"`
}

// ToolCall is a call of a function that the assistant asks for.
type ToolCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // an object, or a string that holds one
}

// Conversation is what a template writes.
type Conversation struct {
	Messages []Message         `json:"messages"`
	Tools    []json.RawMessage `json:"tools,omitempty"` // descriptions of functions, as the tools of OpenAI's API
}

// Thinking says whether an answer begins with a think block.
type Thinking int

const (
	ThinkingDefault Thinking = iota // as the template does it when it is not told
	ThinkingOn
	ThinkingOff
)

// Options are what a template is told besides the conversation.
type Options struct {
	AddGenerationPrompt bool     // end with what begins the assistant's answer
	Thinking            Thinking // of that answer
}

// Template writes conversations as text.
type Template interface {
	Render(c Conversation, o Options) (string, error)
	String() string // identifies the template
}

// EmptyThink is the think block of an answer that nothing was thought about.
const EmptyThink = "<think>\n\n</think>\n\n"
