//go:build !js

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/vbauerster/mpb/v8/cwriter"
)

type chatCommand struct {
	Checkpoint    string `required:"" placeholder:"FILE|RUN" help:"A checkpoint, or a run's folder, whose newest is taken."`
	System        string `placeholder:"TEXT" help:"What the model is told before the conversation; /system changes it."`
	Context       int    `placeholder:"T" help:"Most tokens of a conversation that the model sees. Default: 4096, or the model's own if that is less."`
	MaxNewTokens  int    `default:"1024" help:"Longest answer, in tokens."`
	Seed          uint64 `default:"42" help:"Decides all choices: the same seed and questions give the same answers."`
	samplingFlags `embed:""`
	ropeFlags     `embed:""`
	Adapter       string `placeholder:"GPU" help:"${adapter_help}"`
}

// Validate says which options cannot be; kong calls it.
func (c *chatCommand) Validate() error {
	if c.MaxNewTokens < 1 {
		return fmt.Errorf("--max-new-tokens is %d: must be at least 1", c.MaxNewTokens)
	}
	return c.samplingFlags.Validate()
}

// conversation is a chat at a terminal, or between pipes.
type conversation struct {
	p         *program
	command   *chatCommand
	format    *chat.Format
	generator *generate.Generator
	terminal  bool // print prompts and dim what is thought
	messages  []chat.Message
	system    string
	thinking  chat.Thinking
	answers   uint64
	warned    atomic.Bool // of what Ctrl-C does at the prompt
}

// Run talks until the input ends.
func (c *chatCommand) Run(p *program) error {
	s, err := openSpeaker(c.Checkpoint, c.Adapter)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.ropeFlags.apply(&s.model.Config); err != nil {
		return err
	}
	format, err := findChatFormat("", s.tok, s.dir)
	if err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	length, err := s.context(c.Context)
	if err != nil {
		return err
	}
	g, err := generate.NewBatch(s.model, generate.Batch{Context: length, Texts: 1, KeepPrompts: true})
	if err != nil {
		return err
	}
	defer g.Release()
	talk := &conversation{p: p, command: c, format: format.Format, generator: g, system: c.System, terminal: isTerminal(p.stdin) && isTerminal(p.stdout)}
	p.say("%s on %s. /help lists commands, Ctrl-D ends.", s.name, s.device.Info.Name)
	return talk.loop()
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && cwriter.IsTerminal(int(f.Fd()))
}

// loop reads questions and commands.
func (c *conversation) loop() error {
	lines := readLines(c.p.stdin)
	c.p.onInterrupt(c.warn)
	defer c.p.onInterrupt(nil)
	text := ""
	for {
		if text == "" {
			c.prompt()
		}
		var line string
		var ok bool
		select {
		case line, ok = <-lines:
		case <-c.p.ctx.Done():
			fmt.Fprintln(c.p.stderr)
			return errInterrupted
		}
		c.warned.Store(false)
		if more, goesOn := strings.CutSuffix(line, `\`); ok && goesOn {
			text += more + "\n"
			continue
		}
		text += line
		if text = strings.TrimSpace(text); text != "" {
			if end, err := c.handle(text); end || err != nil {
				return err
			}
		}
		if text = ""; !ok {
			return nil
		}
	}
}

// warn takes Ctrl-C at the prompt: the first only says how to end.
func (c *conversation) warn() bool {
	if c.warned.Swap(true) {
		return false
	}
	fmt.Fprint(c.p.stderr, "\nCtrl-D or /exit ends the chat; so does Ctrl-C once more.\n")
	c.prompt()
	return true
}

// readLines sends what is typed, and is closed at the end of the input.
func readLines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for reader := bufio.NewReader(in); ; {
			line, err := reader.ReadString('\n')
			if err == nil || line != "" {
				lines <- strings.TrimRight(line, "\r\n")
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}

func (c *conversation) prompt() {
	if c.terminal {
		fmt.Fprint(c.p.stdout, "\x1b[1m> \x1b[0m")
	}
}

// all are the messages with the system's.
func (c *conversation) all() []chat.Message {
	if c.system == "" {
		return c.messages
	}
	return append([]chat.Message{{Role: chat.System, Content: c.system}}, c.messages...)
}

// answer lets the model answer, and keeps question and answer.
func (c *conversation) answer(question string) error {
	before := c.messages
	c.messages = append(c.messages, chat.Message{Role: chat.User, Content: question})
	prompt, ids, err := c.fit()
	if err != nil {
		c.messages = before
		c.p.say("%v", err)
		return nil
	}
	o := c.command.options()
	o.MaxNewTokens, o.Seed, o.Stop = c.command.MaxNewTokens, c.command.Seed+c.answers, c.format.Stop()
	c.answers++

	ctx, stop := context.WithCancel(c.p.ctx)
	defer stop()
	c.p.onInterrupt(func() bool {
		first := ctx.Err() == nil
		stop()
		return first
	})
	defer c.p.onInterrupt(c.warn)
	out := &answerWriter{w: c.p.stdout, dim: c.terminal}
	parser, decoder := chat.NewParser(prompt), c.format.Tokenizer.NewDecoder(true)
	end := generate.EndStop
	n := 0
	for id, err := range c.generator.Tokens(ctx, ids, o) {
		if err != nil && ctx.Err() == nil {
			return err
		} else if err != nil {
			break
		}
		out.write(parser.Next(decoder.Next(id)))
		n++
	}
	out.write(parser.Next(decoder.Flush()))
	out.write(parser.Flush())
	out.end()
	switch {
	case c.p.ctx.Err() != nil:
		return errInterrupted
	case ctx.Err() != nil:
		c.p.say("(stopped)")
	case n == o.MaxNewTokens || len(ids)+n > c.generator.Context():
		end = generate.EndLength
	}
	if end == generate.EndLength {
		c.p.say("(cut off after %d tokens: --max-new-tokens and --context say where)", n)
	}
	c.messages = append(c.messages, out.message())
	return out.err
}

// fit is the prompt for the conversation's next answer. Where the context is too short it forgets the oldest turns, and
// says so.
func (c *conversation) fit() (text string, ids []int, err error) {
	context := c.generator.Context()
	limit := context - min(c.command.MaxNewTokens, context/4) // the rest is for the answer
	text, ids, left, dropped, err := c.format.PromptWithin(chat.Conversation{Messages: c.all()}, c.thinking, limit)
	if err == nil && len(ids) > limit {
		err = fmt.Errorf("this takes %d tokens; with room for an answer the context of %d leaves %d (--context changes it)", len(ids), context, limit)
	}
	if err == nil && dropped > 0 {
		c.p.say("(the context of %d tokens is full: the oldest %d messages are left out)", context, dropped)
		c.messages = left.Messages
		if c.system != "" {
			c.messages = left.Messages[1:]
		}
	}
	return text, ids, err
}
