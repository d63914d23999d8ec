package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// table reads the entries of a JavaScript object whose values are strings: what follows begin in a file, up to a line
// that ends it.
func table(t *testing.T, file, begin string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "static", file))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), begin)
	body, _, ended := strings.Cut(rest, "\n};")
	if !found || !ended {
		t.Fatalf("%s: no table begins with %q", file, begin)
	}
	entries := map[string]string{}
	for _, entry := range regexp.MustCompile(`("(?:[^"\\]|\\.)*"|\w+): ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(body, -1) {
		key, value := unquoted(t, entry[1]), unquoted(t, entry[2])
		if _, twice := entries[key]; twice {
			t.Errorf("%s: %q is there twice", file, key)
		}
		entries[key] = value
	}
	return entries
}

func unquoted(t *testing.T, text string) string {
	t.Helper()
	if text[0] != '"' {
		return text
	}
	text, err := strconv.Unquote(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return text
}

// holes are the {names} in some words, in order.
func holes(words string) []string {
	all := regexp.MustCompile(`\{\w+\}`).FindAllString(words, -1)
	slices.Sort(all)
	return all
}

func TestWordsInBothLanguages(t *testing.T) {
	en, zh := table(t, "text.js", "const en = {"), table(t, "text.js", "const zh = {")
	if len(en) < 150 {
		t.Fatalf("%d words", len(en))
	}
	for key, words := range en {
		if chinese, ok := zh[key]; !ok || chinese == "" {
			t.Errorf("%q has no Chinese words", key)
		} else if !slices.Equal(holes(words), holes(chinese)) {
			t.Errorf("%q has the holes %v in English and %v in Chinese", key, holes(words), holes(chinese))
		}
	}
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%q has no English words", key)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "static", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{`data-t="([^"]+)"[^>]*>([^<]*)<`, `data-a="([^"]+)" aria-label="([^"]*)"`} {
		for _, e := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(page), -1) {
			if words := html.UnescapeString(e[2]); en[e[1]] != words {
				t.Errorf("%q is %q on the page, and %q in text.js", e[1], words, en[e[1]])
			}
		}
	}
}

// TestProgramInChinese holds the Chinese of what the program says against what it says.
func TestProgramInChinese(t *testing.T) {
	program, zh := table(t, "program.js", "export const program = {"), table(t, "text.js", "const zh = {")
	said := map[string]bool{} // true: must be in the table
	files, err := filepath.Glob(filepath.Join("..", "..", "wasm", "*.go"))
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		ast.Inspect(parse(t, name), func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "worded" {
					if format, ok := call.Args[0].(*ast.BasicLit); ok {
						said[unquoted(t, format.Value)] = true
					}
				}
			}
			return true
		})
	}
	adapters, err := filepath.Glob(filepath.Join("..", "..", "host", "*_js.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(adapters, filepath.Join("..", "..", "nn", "train", "diagnose", "diagnose.go")) {
		must := filepath.Base(name) == "diagnose.go"
		ast.Inspect(parse(t, name), func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING && s.Value != `""` {
				said[unquoted(t, s.Value)] = must
			}
			return true
		})
	}
	verb := regexp.MustCompile(`%[.0-9]*[a-z]`)
	for format, must := range said {
		chinese, ok := program[format]
		if must && !ok && zh[format] == "" {
			t.Errorf("%q has no Chinese words", format)
		}
		for i := range verb.FindAllString(format, -1) {
			if ok && !strings.Contains(chinese, "{"+strconv.Itoa(i)+"}") {
				t.Errorf("%q leaves value %d of %q out", chinese, i, format)
			}
		}
	}
	for key := range program {
		if _, ok := said[key]; !ok {
			t.Errorf("the program does not say %q", key)
		}
	}
}

func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
