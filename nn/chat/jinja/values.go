package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

// dict makes a dictionary, which keeps its order, of names and values in turn.
func dict(members ...any) *exec.Dict {
	d := exec.NewDict()
	for i := 0; i < len(members); i += 2 {
		set(d, members[i].(string), members[i+1])
	}
	return d
}

func set(d *exec.Dict, name string, value any) {
	d.Pairs = append(d.Pairs, &exec.Pair{Key: exec.AsValue(name), Value: exec.AsValue(value)})
}

// parse makes a template's value of JSON; members keep their order.
func parse(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return parseValue(d)
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errors.New("JSON that is cut short")
	}
	switch v := token.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n, nil
		}
		return v.Float64()
	case json.Delim:
		var list []any
		object := exec.NewDict()
		for d.More() {
			var name any
			if v == '{' {
				if name, err = d.Token(); err != nil {
					return nil, errors.New("JSON that is cut short")
				}
			}
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			if v == '{' {
				set(object, name.(string), value)
			} else {
				list = append(list, value)
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, errors.New("JSON that is cut short")
		}
		if v == '{' {
			return object, nil
		}
		return list, nil
	}
	return token, nil
}

// toJSON is transformers' filter: Python's spacing, members in their order, nothing escaped that need not be.
func toJSON(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	raw, err := appendJSON(nil, in)
	if err != nil {
		return exec.ValueError(err)
	}
	text, err := chat.PythonJSON(raw)
	if err != nil {
		return exec.ValueError(err)
	}
	if indent, ok := params.KwArgs["indent"]; ok && !indent.IsNil() {
		var out bytes.Buffer
		if err := json.Indent(&out, []byte(text), "", strings.Repeat(" ", indent.Integer())); err != nil {
			return exec.ValueError(err)
		}
		text = out.String()
	}
	return exec.AsSafeValue(text)
}

func appendJSON(out []byte, v *exec.Value) (_ []byte, err error) {
	switch {
	case v.IsNil():
		return append(out, "null"...), nil
	case v.IsBool():
		return strconv.AppendBool(out, v.Bool()), nil
	case v.IsInteger():
		return strconv.AppendInt(out, int64(v.Integer()), 10), nil
	case v.IsFloat():
		return strconv.AppendFloat(out, v.Float(), 'e', -1, 64), nil
	case v.IsString():
		text, err := json.Marshal(v.String())
		return append(out, text...), err
	case v.IsDict(), v.IsList():
		open, end := byte('['), byte(']')
		if v.IsDict() {
			open, end = '{', '}'
		}
		out = append(out, open)
		v.Iterate(func(i, _ int, item, value *exec.Value) bool {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendJSON(out, item); err == nil && v.IsDict() {
				out, err = appendJSON(append(out, ':'), value)
			}
			return err == nil
		}, func() {})
		return append(out, end), err
	}
	return nil, fmt.Errorf("tojson cannot write %s", v)
}

// strftime knows the parts that chat templates use.
func strftime(t time.Time, layout string) string {
	return t.Format(strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05",
		"%b", "Jan", "%B", "January", "%a", "Mon", "%A", "Monday", "%y", "06", "%%", "%").Replace(layout))
}
