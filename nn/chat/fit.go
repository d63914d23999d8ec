package chat

// PromptWithin is Prompt for a conversation that may have grown too long: the oldest messages, but for the system's, are
// left out until the prompt has at most limit tokens. It always keeps the last question with what follows it, so ids may
// still be too many. left is the conversation's rest and dropped the number of messages that are missing in it.
func (f *Format) PromptWithin(c Conversation, thinking Thinking, limit int) (text string, ids []int, left Conversation, dropped int, err error) {
	for {
		text, ids, err = f.Prompt(c, thinking)
		if err != nil || len(ids) <= limit {
			return text, ids, c, dropped, err
		}
		first := 0
		if c.Messages[0].Role == System {
			first = 1
		}
		next := first + 1
		for next < len(c.Messages) && c.Messages[next].Role != User {
			next++
		}
		if next >= len(c.Messages) {
			return text, ids, c, dropped, nil
		}
		c.Messages = append(append([]Message{}, c.Messages[:first]...), c.Messages[next:]...)
		dropped += next - first
	}
}
