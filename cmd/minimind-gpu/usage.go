//go:build !js

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// usageErrors are kong's errors about how a command was typed, and how they are said here.
var usageErrors = []struct {
	kongs *regexp.Regexp
	ours  string
}{
	{regexp.MustCompile(`^(.+): expected \S+ value but got "EOL" .*$`), "$1 needs a value"},
	{regexp.MustCompile(`^(.+): expected \S+ value but got "(-[^"]*)" .*$`), "$1 needs a value before $2"},
	{regexp.MustCompile(`^(.+): expected a valid 64 bit int but got ("[^"]*").*$`), "$1: $2 is no whole number"},
	{regexp.MustCompile(`^(.+): expected a valid 64 bit uint but got ("[^"]*").*$`), "$1: $2 is no whole number of at least 0"},
	{regexp.MustCompile(`^(.+): expected a float but got ("[^"]*").*$`), "$1: $2 is no number"},
	{regexp.MustCompile(`^(.+): expected duration but got ("[^"]*").*$`), "$1: $2 is no duration; write it as 90s or 10m"},
	{regexp.MustCompile(`^missing flags: (.+)$`), "$1 must be given"},
	{regexp.MustCompile(`^expected "(<.+)"$`), "$1 is missing"},
	{regexp.MustCompile(`^expected (?:one of )?("[a-z].*)$`), "say which one: $1"},
	{regexp.MustCompile(`^unknown flag (-[0-9.]+).*$`), "$1 is no flag; write -- before an argument that begins with a dash"},
	{regexp.MustCompile(`^(?:unknown flag|unexpected argument) .+$`), "$0"},
}

// usageMessage says what is wrong with a command line, and where it is explained.
func usageMessage(err error) string {
	message := err.Error()
	var parse *kong.ParseError
	if !errors.As(err, &parse) {
		return message
	}
	for _, e := range usageErrors {
		if e.kongs.MatchString(message) {
			return fmt.Sprintf("%s (%s --help explains)", e.kongs.ReplaceAllString(message, e.ours), commandPath(parse.Context))
		}
	}
	return message
}

// commandPath is the program and the command that was typed, as far as it was understood.
func commandPath(ctx *kong.Context) string {
	words := []string{"minimind-gpu"}
	for _, path := range ctx.Path {
		if path.Command != nil {
			words = append(words, path.Command.Name)
		}
	}
	return strings.Join(words, " ")
}

// negative is a number that would be taken for a flag.
var negative = regexp.MustCompile(`^-\.?[0-9]`)

// dashed writes flags' names with dashes, --learning_rate being --learning-rate, and negative values behind an equals sign.
func dashed(args []string) (dashed []string) {
	for i, a := range args {
		if a == "--" {
			return append(dashed, args[i:]...)
		}
		name, value, ok := strings.Cut(a, "=")
		switch last := len(dashed) - 1; {
		case strings.HasPrefix(a, "--") && ok:
			dashed = append(dashed, strings.ReplaceAll(name, "_", "-")+"="+value)
		case strings.HasPrefix(a, "--"):
			dashed = append(dashed, strings.ReplaceAll(name, "_", "-"))
		case negative.MatchString(a) && last >= 0 && strings.HasPrefix(dashed[last], "--") && !strings.Contains(dashed[last], "="):
			dashed[last] += "=" + a
		default:
			dashed = append(dashed, a)
		}
	}
	return dashed
}
