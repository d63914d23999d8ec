package evaluate

import (
	"context"
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// Exchange is a question and its right answer, and what a model says.
type Exchange struct {
	Question string `json:"question"`
	Answer   string `json:"answer"` // the right one
	Said     string `json:"said"`
	Right    bool   `json:"right"` // both are the same, but for white space around them and what was thought
}

// longestAnswer bounds answers, in tokens.
const longestAnswer = 256

// Answers asks a model that has learnt to answer. It always says what is likeliest. each is told every exchange.
func Answers(ctx context.Context, m *nn.Model, f *chat.Format, questions []Exchange, each func(done int, e Exchange)) (right int, err error) {
	longest, prompts := 0, make([][]int, len(questions))
	texts := make([]string, len(questions))
	for i, q := range questions {
		texts[i], prompts[i], err = f.Prompt(chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: q.Question}}}, chat.ThinkingDefault)
		if err != nil {
			return 0, err
		}
		longest = max(longest, len(prompts[i]))
	}
	most := m.Config.MaxPositionEmbeddings
	if longest >= most {
		return 0, fmt.Errorf("a question has %d tokens, the model's context %d", longest, most)
	}
	g, err := generate.New(m, min(longest+longestAnswer, most))
	if err != nil {
		return 0, err
	}
	defer g.Release()
	for i, q := range questions {
		var said strings.Builder
		for piece, err := range g.TextFrom(ctx, f.Tokenizer, prompts[i], generate.Options{MaxNewTokens: longestAnswer, Greedy: true}) {
			if err != nil {
				return 0, err
			}
			said.WriteString(piece)
		}
		answer := chat.ParseAnswer(texts[i], said.String())
		q.Said = strings.TrimSpace(answer.Content)
		q.Right = q.Said == strings.TrimSpace(chat.ParseAnswer("", q.Answer).Content)
		if q.Right {
			right++
		}
		each(i+1, q)
	}
	return right, nil
}
