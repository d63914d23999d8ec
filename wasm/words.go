//go:build js

package main

import (
	"errors"
	"fmt"
	"strings"
)

// The program speaks English. What the page shows of it, it can say in another language: it gets the format of a sentence,
// the values in it, and the sentence itself for when it has no words for the format (static/program.js).

// wording is an error with its format.
type wording struct {
	error
	format string
	values []any
}

func (w *wording) Unwrap() error { return w.error }

// worded is an error of a format that the page has words for.
func worded(format string, values ...any) error {
	return &wording{fmt.Errorf(format, values...), format, values}
}

// detail is an error as the page says it.
func detail(err error) []any {
	var w *wording
	if errors.As(err, &w) {
		return said(w.format, w.values, w.Error())
	}
	return said("", nil, err.Error())
}

// said is a sentence as the page says it: its format, its values as they are written, and all of it in English.
func said(format string, values []any, english string) []any {
	written := make([]any, len(values))
	for i, verb := range verbs(format) {
		if err, ok := values[i].(error); ok {
			written[i] = detail(err)
		} else {
			written[i] = fmt.Sprintf(verb, values[i])
		}
	}
	return []any{format, written, english}
}

// verbs are those of a format that stand for values, one after the other.
func verbs(format string) (all []string) {
	for {
		_, rest, found := strings.Cut(format, "%")
		if !found {
			return all
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r == '%' || r >= 'a' && r <= 'z' })
		if rest[end] != '%' {
			all = append(all, "%"+rest[:end+1])
		}
		format = rest[end+1:]
	}
}
