//go:build !js

package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// anyParser takes command lines without reading the files that they name.
func anyParser() *kong.Kong {
	return newParser(&program{stdout: io.Discard, stderr: io.Discard}, &commandLine{}, &settingsFiles{read: true})
}

// typed are the arguments of a command line, up to a comment or redirection; of alternatives, the first.
func typed(line string) []string {
	line = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(line, "text")
	line = regexp.MustCompile(`\|\S+`).ReplaceAllString(line, "")
	return strings.Fields(strings.ReplaceAll(regexp.MustCompile(`[#<>].*`).ReplaceAllString(line, ""), "...", ""))
}

// TestExamples: every command has some, which can be typed.
func TestExamples(t *testing.T) {
	for _, command := range anyParser().Model.Leaves(false) {
		if examples[command.Path()] == "" {
			t.Errorf("%s has no example", command.Path())
		}
	}
	for name, lines := range examples {
		for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
			args := typed(line)
			if _, err := anyParser().Parse(args[1:]); err != nil || args[0] != "minimind-gpu" {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
	}
}

// TestDocumentedCommands: what READMEs and docs tell to type can be typed.
func TestDocumentedCommands(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range append(files, "../../README.md", "../../README_zh.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
			command, ok := strings.CutPrefix(line, "    minimind-gpu ")
			if !ok {
				continue
			}
			n++
			if _, err := anyParser().Parse(dashed(typed(command))); err != nil {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d commands", n)
	}
}
