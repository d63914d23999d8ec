//go:build !js

package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// maxDepth is how deep the JSON of a request may be nested.
const maxDepth = 64

// fields are a request's members, each read once. The first error stays.
type fields struct {
	all map[string]json.RawMessage
	err *apiError
}

// parseFields reads the outermost object of a request.
func parseFields(body []byte) (*fields, *apiError) {
	if depth(body) > maxDepth {
		return nil, wrong("", fmt.Sprintf("the body is nested more than %d deep", maxDepth))
	}
	f := &fields{}
	if err := json.Unmarshal(body, &f.all); err != nil {
		if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, wrong("", fmt.Sprintf("the body is a JSON %s; it must be an object", kind.Value))
		}
		return nil, wrong("", "the body is not JSON: "+err.Error())
	}
	if f.all == nil {
		return nil, wrong("", "the body is null; it must be an object")
	}
	return f, nil
}

// depth is how deep arrays and objects are nested.
func depth(body []byte) (deepest int) {
	level, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			level++
			deepest = max(deepest, level)
		case b == '}' || b == ']':
			level--
		}
	}
	return deepest
}

// has says whether the request gives a field.
func (f *fields) has(name string) bool {
	raw, ok := f.all[name]
	return ok && string(raw) != "null"
}

func (f *fields) fail(e *apiError) {
	if f.err == nil {
		f.err = e
	}
}

// take reads a field, if it is there; kind says what it must be.
func take[T any](f *fields, name, kind string, to *T) {
	if !f.has(name) {
		return
	}
	if err := json.Unmarshal(f.all[name], to); err != nil {
		f.fail(wrong(name, "must be "+kind))
	}
}

func (f *fields) number(name string, low, high float64, to *float64) {
	take(f, name, "a number", to)
	if f.has(name) && !(*to >= low && *to <= high) {
		f.fail(wrong(name, fmt.Sprintf("is %v; must be from %v to %v", *to, low, high)))
	}
}

func (f *fields) integer(name string, low, high int, to *int) {
	n := int64(*to)
	take(f, name, "an integer", &n)
	if f.has(name) && (n < int64(low) || n > int64(high)) {
		f.fail(wrong(name, fmt.Sprintf("is %d; must be from %d to %d", n, low, high)))
	}
	*to = int(n)
}

// unsupported refuses a field that would change the answer and is not implemented, unless it holds what it would be
// without it.
func (f *fields) unsupported(name string, harmless ...string) {
	if f.has(name) && !slices.Contains(harmless, string(bytes.TrimSpace(f.all[name]))) {
		f.fail(wrong(name, "is not supported by this server"))
	}
}
