package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// PythonJSON writes a JSON value as Python's json.dumps(value, ensure_ascii=False) does, which is what templates were
// trained with: a space after every comma and colon, members in their order, and only what must be escaped escaped.
func PythonJSON(raw json.RawMessage) (string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var out strings.Builder
	if err := copyValue(&out, d); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errors.New("JSON that is cut short")
		}
		return "", err
	}
	if _, err := d.Token(); err != io.EOF {
		return "", errors.New("JSON with something after its end")
	}
	return out.String(), nil
}

func copyValue(out *strings.Builder, d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		out.WriteRune(rune(v))
		for first := true; d.More(); first = false {
			if !first {
				out.WriteString(", ")
			}
			if v == '{' {
				if err := copyValue(out, d); err != nil {
					return err
				}
				out.WriteString(": ")
			}
			if err := copyValue(out, d); err != nil {
				return err
			}
		}
		end, err := d.Token()
		if err != nil {
			return err
		}
		out.WriteRune(rune(end.(json.Delim)))
	case string:
		writeString(out, v)
	case json.Number:
		out.WriteString(pythonNumber(v))
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(v))
	}
	return nil
}

func writeString(out *strings.Builder, s string) {
	out.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			out.WriteString("\\" + string(r))
		case '\n':
			out.WriteString(`\n`)
		case '\r':
			out.WriteString(`\r`)
		case '\t':
			out.WriteString(`\t`)
		case '\b':
			out.WriteString(`\b`)
		case '\f':
			out.WriteString(`\f`)
		default:
			if r < ' ' {
				fmt.Fprintf(out, `\u%04x`, r)
			} else {
				out.WriteRune(r)
			}
		}
	}
	out.WriteByte('"')
}

// pythonNumber leaves integers alone and writes others as Python's repr of a float: 20.0, 1e-05, 1e+16.
func pythonNumber(n json.Number) string {
	text := n.String()
	f, err := n.Float64()
	if !strings.ContainsAny(text, ".eE") || err != nil {
		return text
	}
	exponent := strconv.FormatFloat(f, 'e', -1, 64)
	if at := strings.IndexByte(exponent, 'e'); f != 0 {
		if e, _ := strconv.Atoi(exponent[at+1:]); e < -4 || e >= 16 {
			return exponent
		}
	}
	text = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
