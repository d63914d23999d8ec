//go:build !js

package main

import (
	"encoding/json"
	"errors"
	"os"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

const chatHelp = `/system TEXT     tell the model who it is; without TEXT: show what it is told
/think on|off    let it think before it answers, if it has learnt to
/reset           forget the conversation
/save [FILE]     add the conversation to a file, as a line to train on (chat.jsonl)
/help            this list
/exit            end; so does Ctrl-D
A line that ends with \ goes on in the next. Ctrl-C stops an answer.`

// handle does a command or answers a question. end says that the chat is over.
func (c *conversation) handle(text string) (end bool, err error) {
	if !strings.HasPrefix(text, "/") {
		return false, c.answer(text)
	}
	name, argument, _ := strings.Cut(text, " ")
	argument = strings.TrimSpace(argument)
	switch name {
	case "/help":
		c.p.say("%s", chatHelp)
	case "/exit", "/quit", "/bye":
		return true, nil
	case "/reset":
		c.messages = nil
		c.p.say("forgotten")
	case "/system":
		if argument == "" && c.system == "" {
			c.p.say("no system message; /system TEXT sets it")
		} else if argument == "" {
			c.p.say("%s", c.system)
		} else {
			c.system = argument
			c.p.say("the model is told so from now on")
		}
	case "/think":
		switch argument {
		case "on":
			c.thinking = chat.ThinkingOn
		case "off":
			c.thinking = chat.ThinkingOff
		default:
			c.p.say("/think on, or /think off")
		}
	case "/save":
		if err := c.save(argument); err != nil {
			c.p.say("not saved: %v", err)
		}
	default:
		c.p.say("there is no command %s; /help lists them", name)
	}
	return false, nil
}

// save adds the conversation to a file.
func (c *conversation) save(name string) error {
	if len(c.messages) == 0 {
		return errors.New("nothing has been said yet")
	}
	if name == "" {
		name = "chat.jsonl"
	}
	text, err := json.Marshal(map[string]any{"conversations": c.all()})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		c.p.say("added to %s", name)
	}
	return err
}
