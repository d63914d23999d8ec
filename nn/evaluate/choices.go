package evaluate

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Question is one of multiple choice.
type Question struct {
	Line    int // of its file
	Text    string
	Choices []string // called A, B, ...
	Answer  int      // the right one
}

// Prompt is the question as a model is asked it: the choices one a line, then "答案：" (answer), after which the letter
// of a choice is to follow. It is how C-Eval is asked by the usual harness.
func (q Question) Prompt() string {
	var text strings.Builder
	text.WriteString(strings.TrimSpace(q.Text) + "\n")
	for i, choice := range q.Choices {
		fmt.Fprintf(&text, "%s. %s\n", letter(i), choice)
	}
	return text.String() + "答案："
}

// letter calls a choice.
func letter(i int) string { return string(rune('A' + i)) }

// ReadQuestions reads a CSV file in the layout of C-Eval: its first line names columns, of which question, answer and A,
// B, C and D (there may be fewer or more) are read. The error names the line.
func ReadQuestions(r io.Reader) ([]Question, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	names, err := rows.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, csvError(err)
	}
	question, answer := slices.Index(names, "question"), slices.Index(names, "answer")
	var choices []int
	for i := range 26 {
		at := slices.Index(names, letter(i))
		if at < 0 {
			break
		}
		choices = append(choices, at)
	}
	if question < 0 || answer < 0 || len(choices) < 2 {
		return nil, fmt.Errorf("line 1: the columns are %q; question, A, B, ... and answer must be among them, as in id,question,A,B,C,D,answer", names)
	}
	var all []Question
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, csvError(err)
		}
		line, _ := rows.FieldPos(0)
		q := Question{Line: line, Text: row[question], Answer: -1}
		for i, at := range choices {
			if row[at] == "" && i >= 2 {
				break // a question of fewer choices
			}
			q.Choices = append(q.Choices, row[at])
			if strings.TrimSpace(row[answer]) == letter(i) {
				q.Answer = i
			}
		}
		if q.Answer < 0 {
			return nil, fmt.Errorf("line %d: the answer is %q, which is none of the choices A to %s", line, row[answer], letter(len(q.Choices)-1))
		}
		all = append(all, q)
	}
	if len(all) == 0 {
		return nil, errors.New("no questions follow the first line")
	}
	return all, nil
}

// csvError names the line alone; the columns of encoding/csv are bytes.
func csvError(err error) error {
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w", wrong.Line, wrong.Err)
	}
	return err
}

// Score is how many questions a model answers rightly, and what that is worth.
type Score struct {
	Right     int     `json:"right"`
	Questions int     `json:"questions"`
	Accuracy  float64 `json:"accuracy"`
	Low       float64 `json:"low"`    // of the accuracy's 95 % confidence interval
	High      float64 `json:"high"`   // likewise
	Chance    float64 `json:"chance"` // the accuracy of guessing
}

// newScore is the score of so many right answers. The interval is Wilson's, which holds for few questions, too.
func newScore(right int, questions []Question) Score {
	n := float64(len(questions))
	s := Score{Right: right, Questions: len(questions), Accuracy: float64(right) / n}
	for _, q := range questions {
		s.Chance += 1 / float64(len(q.Choices)) / n
	}
	const z = 1.959963984540054 // 97.5 % of a normal distribution lie below
	middle := (s.Accuracy + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(s.Accuracy*(1-s.Accuracy)/n+z*z/(4*n*n))
	s.Low, s.High = max(middle-half, 0), min(middle+half, 1)
	return s
}

// Choices asks the questions: the answer is the letter that is likeliest after the prompt. encode gives the tokens of a
// question's prompt and those of an answer that follows it. progress is told the questions that are done.
func Choices(ctx context.Context, m *nn.Model, questions []Question, encode func(q Question, answer string) (prompt, follow []int, err error), progress func(done int)) (Score, error) {
	var rows []choiceRow
	T := 1
	for i, q := range questions {
		for k := range q.Choices {
			prompt, follow, err := encode(q, letter(k))
			if err != nil {
				return Score{}, fmt.Errorf("line %d: %w", q.Line, err)
			}
			row := choiceRow{question: i, choice: k, ids: slices.Concat(prompt, follow), from: len(prompt)}
			if most := m.Config.MaxPositionEmbeddings; len(row.ids) > most {
				return Score{}, fmt.Errorf("line %d: the question has %d tokens, the model's context %d", q.Line, len(row.ids), most)
			}
			T = max(T, len(row.ids)-1)
			rows = append(rows, row)
		}
	}
	best := make([]float64, len(questions))
	chosen := make([]int, len(questions))
	for i := range best {
		best[i] = math.Inf(-1)
	}
	b := data.NewBatch(min(max(batchTokens/T, 1), len(rows)), T)
	e, err := nn.NewEvaluation(m, nn.CrossEntropy{}, b.B, T)
	if err != nil {
		return Score{}, err
	}
	defer e.Release()
	for at := 0; at < len(rows); at += b.B {
		if err := ctx.Err(); err != nil {
			return Score{}, err
		}
		part := rows[at:min(at+b.B, len(rows))]
		fill(b, part)
		if _, err := e.Run(b, 1); err != nil {
			return Score{}, err
		}
		logProbs, err := e.Values()
		if err != nil {
			return Score{}, err
		}
		for i, row := range part {
			sum := 0.0
			for n := i*T + row.from - 1; n < i*T+len(row.ids)-1; n++ {
				sum += float64(logProbs[n])
			}
			if sum > best[row.question] {
				best[row.question], chosen[row.question] = sum, row.choice
			}
		}
		progress(part[len(part)-1].question)
	}
	right := 0
	for i, q := range questions {
		if chosen[i] == q.Answer {
			right++
		}
	}
	return newScore(right, questions), nil
}

// choiceRow is a question with one of its answers.
type choiceRow struct {
	question, choice int
	ids              []int
	from             int // the answer's first token
}

// fill makes a batch of the rows, one each; what is left over counts for nothing.
func fill(b *data.Batch, rows []choiceRow) {
	b.Pairs = 0
	for n := range b.Inputs {
		i, at := n/b.T, n%b.T
		b.Inputs[n], b.Targets[n], b.Mask[n], b.Start[n] = 0, 0, 0, uint32(n)
		if i < len(rows) && at+1 < len(rows[i].ids) {
			ids := rows[i].ids
			b.Inputs[n], b.Targets[n], b.Start[n] = uint32(ids[at]), uint32(ids[at+1]), uint32(i*b.T)
			if at+1 >= rows[i].from {
				b.Mask[n] = 1
				b.Pairs++
			}
		}
	}
}
