//go:build !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/evaluate"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

type evalCommand struct {
	Checkpoint   string  `required:"" placeholder:"FILE|RUN" help:"A checkpoint, or a run's folder, whose newest is taken."`
	Data         string  `aliases:"data-path" xor:"what" placeholder:"FILE" help:"What to predict: texts or conversations, .jsonl or .txt, that the model was not trained on. Of conversations the answers count. Default: texts of the embedded corpus that no run learns from."`
	Choices      string  `xor:"what" placeholder:"FILE" help:"Multiple choice, a .csv in C-Eval's layout: id,question,A,B,C,D,answer. The answer is the likeliest letter."`
	Answers      int     `placeholder:"N" help:"Ask the first N questions of conversations in --data, or N of the embedded corpus that no conversation there asks, and count the answers that are exactly right."`
	Lengths      []int   `placeholder:"512,1024,..." help:"Predict the data as one running text in rows of these lengths, with and without YaRN."`
	MaxSeqLen    int     `default:"512" help:"Tokens of a row, without --lengths; longer documents are predicted in parts."`
	MaxTokens    int64   `default:"0" placeholder:"N" help:"Predict about so many tokens; 0: all. Default with --lengths: 16 rows of the longest."`
	YaRNFactor   float64 `name:"yarn-factor" default:"16" help:"How far YaRN stretches, with --lengths."`
	YaRNOriginal int     `name:"yarn-original" default:"2048" help:"From which length YaRN stretches, with --lengths."`
	Chat         bool    `help:"Ask --choices in the model's chat format; for models that have learnt to answer."`
	ChatTemplate string  `placeholder:"FILE" help:"How conversations are written; see sft."`
	JSON         bool    `name:"json" help:"Print JSON."`
	Out          string  `short:"o" placeholder:"FILE" help:"Picture of --lengths: .png, .svg, .pdf or .jpg."`
	Adapter      string  `placeholder:"GPU" help:"${adapter_help}"`
}

// Validate says which options cannot be; kong calls it.
func (c *evalCommand) Validate() error {
	switch {
	case c.MaxSeqLen < 1:
		return fmt.Errorf("--max-seq-len is %d: must be at least 1", c.MaxSeqLen)
	case c.MaxTokens < 0:
		return fmt.Errorf("--max-tokens is %d: must be at least 0", c.MaxTokens)
	case len(c.Lengths) > 0 && slices.Min(c.Lengths) < 2:
		return fmt.Errorf("--lengths has %d: a row needs at least 2 tokens", slices.Min(c.Lengths))
	case len(c.Lengths) > 0 && c.Choices != "":
		return errors.New("--lengths is for --data, not for --choices")
	case c.Answers < 0 || c.Answers > 0 && (c.Choices != "" || len(c.Lengths) > 0):
		return errors.New("--answers is a number of questions, without --choices or --lengths")
	case c.Out != "" && len(c.Lengths) == 0:
		return errors.New("--out draws --lengths, which are not given")
	case c.Out != "" && !slices.Contains(pictureFormats, pictureFormat(c.Out)):
		return fmt.Errorf("--out is %s: its name must end in .png, .svg, .pdf or .jpg, which says the kind of picture", c.Out)
	case !(c.YaRNFactor > 1):
		return fmt.Errorf("--yarn-factor is %v: must be above 1", c.YaRNFactor)
	case c.YaRNOriginal < 1:
		return fmt.Errorf("--yarn-original is %d: must be at least 1", c.YaRNOriginal)
	}
	return nil
}

// Run measures the model and prints what it found.
func (c *evalCommand) Run(p *program) error {
	s, err := openSpeaker(c.Checkpoint, c.Adapter)
	if err != nil {
		return err
	}
	defer s.close()
	bar := newProgress(p.stderr)
	defer bar.clear()
	var result any
	switch {
	case c.Choices != "":
		result, err = c.choices(p, s, bar)
	case len(c.Lengths) > 0:
		result, err = c.lengths(p, s, bar)
	case c.Answers > 0:
		result, err = c.answers(p, s)
	default:
		result, err = c.text(p, s, bar)
	}
	bar.clear()
	if p.ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if c.JSON {
		text, err := json.MarshalIndent(result, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s\n", text)
		return err
	}
	return writeResult(p.stdout, result)
}

// open opens the data's shard, all of it.
func (c *evalCommand) open(p *program, s *speaker) (*shardFile, *data.Set, error) {
	src, format, err := c.source(s)
	if err != nil {
		return nil, nil, err
	}
	shard, err := p.prepare(src, s.tok, format)
	if err != nil {
		return nil, nil, err
	}
	set, _ := data.Split(shard.Shard, 0, 0)
	return shard, set, nil
}

// source is the data, and its format if it is conversations.
func (c *evalCommand) source(s *speaker) (*textSource, *chatFormat, error) {
	if c.Data == "" {
		return embeddedSource("held-out texts of the embedded corpus", "held-out", data.Texts, data.Text, func() []byte {
			return []byte(strings.Join(slices.Collect(corpus.Documents(2, 2000)), "\n\n") + "\n\n")
		}), nil, nil
	}
	kind := kindOf(c.Data)
	if kind == data.Preferences {
		return nil, nil, fmt.Errorf("%s holds pairs of answers, which eval does not take: give it texts or conversations", c.Data)
	}
	src, err := fileSource(c.Data, kind)
	if err != nil || kind == data.Texts {
		return src, nil, err
	}
	format, err := findChatFormat(c.ChatTemplate, s.tok, s.dir)
	return src, format, err
}

func (c *evalCommand) text(p *program, s *speaker, bar *progress) (any, error) {
	shard, set, err := c.open(p, s)
	if err != nil {
		return nil, err
	}
	defer shard.close()
	rows, err := set.Stream(data.Layout{T: c.MaxSeqLen}, data.Cursor{})
	if err != nil {
		return nil, err
	}
	all := set.Pairs()
	if c.MaxTokens > 0 {
		all = min(all, c.MaxTokens)
	}
	return evaluate.Loss(p.ctx, s.model, s.tok, rows, c.MaxSeqLen, c.MaxTokens, func(done int64) {
		done = min(done, all) // it ends with a whole row
		bar.show(float64(done)/float64(all), false, func() string { return fmt.Sprintf("predicted %d of %d tokens", done, all) })
	})
}

func (c *evalCommand) lengths(p *program, s *speaker, bar *progress) (any, error) {
	shard, set, err := c.open(p, s)
	if err != nil {
		return nil, err
	}
	defer shard.close()
	if shard.Kind != data.Texts {
		return nil, fmt.Errorf("%s holds conversations: --lengths takes a running text", c.Data)
	}
	longest, tokens := slices.Max(c.Lengths), c.MaxTokens
	if all := set.Pairs(); int64(longest) > all {
		return nil, fmt.Errorf("the data has %d tokens, too few for a row of %d: give more text, or leave that length out", all, longest)
	} else if tokens == 0 {
		tokens = min(all, 16*int64(longest))
	}
	open := func(T int) (evaluate.Rows, error) { return set.Stream(data.Layout{T: T}, data.Cursor{}) }
	lengths, err := evaluate.Lengths(p.ctx, s.model, s.tok, open, c.Lengths, config.YaRN(c.YaRNFactor, c.YaRNOriginal), tokens, func(done float64) {
		bar.show(done, false, func() string { return fmt.Sprintf("predicted %.0f %%", 100*done) })
	})
	if err != nil {
		return nil, err
	}
	if c.Out != "" {
		err = p.saveAtomically(c.Out, func(w io.Writer) error { return drawLengths(w, lengths, pictureFormat(c.Out)) })
	}
	return lengths, err
}

func (c *evalCommand) choices(p *program, s *speaker, bar *progress) (any, error) {
	f, err := os.Open(c.Choices)
	if err != nil {
		return nil, fmt.Errorf("--choices: %w", err)
	}
	defer f.Close()
	questions, err := evaluate.ReadQuestions(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Choices, err)
	}
	encode := func(q evaluate.Question, answer string) (prompt, follow []int, err error) {
		return generate.Begin(s.tok, q.Prompt()), s.tok.Encode(answer), nil
	}
	if c.Chat {
		format, err := findChatFormat(c.ChatTemplate, s.tok, s.dir)
		if err != nil {
			return nil, err
		}
		encode = func(q evaluate.Question, answer string) (prompt, follow []int, err error) {
			_, prompt, err = format.Format.Prompt(chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: q.Prompt()}}}, chat.ThinkingOff)
			return prompt, s.tok.Encode(answer), err
		}
	}
	score, err := evaluate.Choices(p.ctx, s.model, questions, encode, func(done int) {
		bar.show(float64(done)/float64(len(questions)), false, func() string { return fmt.Sprintf("asked %d of %d questions", done, len(questions)) })
	})
	if err != nil && p.ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", c.Choices, err)
	}
	return score, err
}

// writeResult prints a result for people.
func writeResult(w io.Writer, result any) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	switch r := result.(type) {
	case evaluate.Text:
		fmt.Fprintf(table, "loss\t%.4f\nperplexity\t%.2f\nbits per byte\t%.4f\ntokens\t%d\nbytes\t%d\n", r.Loss, r.Perplexity, r.BitsPerByte, r.Tokens, r.Bytes)
	case answered:
		fmt.Fprintf(table, "\nanswers\t%d of %d exactly right\n", r.Right, r.Questions)
	case []evaluate.Length:
		fmt.Fprintf(table, "length\ttokens\tperplexity\tbits per byte\twith YaRN\tbits per byte\n")
		for _, l := range r {
			fmt.Fprintf(table, "%d\t%d\t%.2f\t%.4f\t%.2f\t%.4f\n", l.Tokens, l.Plain.Tokens, l.Plain.Perplexity, l.Plain.BitsPerByte, l.YaRN.Perplexity, l.YaRN.BitsPerByte)
		}
	case evaluate.Score:
		verdict := "not told from guessing"
		switch {
		case r.Low > r.Chance:
			verdict = "better than guessing"
		case r.High < r.Chance:
			verdict = "worse than guessing"
		}
		fmt.Fprintf(table, "accuracy\t%.2f %% (%d of %d)\n95 %% confidence\t%.2f to %.2f %%\nby chance\t%.2f %%: %s\n",
			100*r.Accuracy, r.Right, r.Questions, 100*r.Low, 100*r.High, 100*r.Chance, verdict)
	}
	return table.Flush()
}
