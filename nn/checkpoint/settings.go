package checkpoint

import (
	"maps"
	"slices"

	"github.com/tinylib/msgp/msgp"
)

// Settings are names and their values. They are encoded in the order of the names, so that equal settings are equal
// bytes; the generated code for a map would write them in a random order.
type Settings map[string]string

// Msgsize is an upper bound of the encoded size in bytes.
func (s Settings) Msgsize() int {
	size := msgp.MapHeaderSize
	for name, value := range s {
		size += 2*msgp.StringPrefixSize + len(name) + len(value)
	}
	return size
}

// MarshalMsg appends the settings to b.
func (s Settings) MarshalMsg(b []byte) ([]byte, error) {
	b = msgp.AppendMapHeader(b, uint32(len(s)))
	for _, name := range slices.Sorted(maps.Keys(s)) {
		b = msgp.AppendString(b, name)
		b = msgp.AppendString(b, s[name])
	}
	return b, nil
}

// UnmarshalMsg reads the settings from the start of b and returns what follows them.
func (s *Settings) UnmarshalMsg(b []byte) ([]byte, error) {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return b, err
	}
	*s = Settings{} // grows with what is there: the count is not to be trusted
	for range n {
		var name, value string
		if name, b, err = msgp.ReadStringBytes(b); err != nil {
			return b, err
		}
		if value, b, err = msgp.ReadStringBytes(b); err != nil {
			return b, msgp.WrapError(err, name)
		}
		(*s)[name] = value
	}
	return b, nil
}
