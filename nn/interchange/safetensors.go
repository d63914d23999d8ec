package interchange

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// A safetensors file is 8 bytes with the header's length, the header, and the tensors' bytes without gaps. The header
// is JSON: for each tensor its type, shape and the range of its bytes, and in __metadata__ strings for anything else.

// maxHeader is the format's own limit on the header's length, in bytes.
const maxHeader = 100_000_000

// What this project's files say about themselves in their metadata, so that one file is a whole model.
const (
	metadataConfig    = "minimind_gpu.config"    // config.Model
	metadataTokenizer = "minimind_gpu.tokenizer" // tokenizer.json
)

// Safetensors is a safetensors file.
type Safetensors struct {
	Tensors  []*Tensor // in the order of their bytes
	Metadata map[string]string
}

type safetensorsEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// OpenSafetensors reads the header of a safetensors file of size bytes.
func OpenSafetensors(r io.ReaderAt, size int64) (*Safetensors, error) {
	var start [8]byte
	if n, err := r.ReadAt(start[:], 0); n < len(start) {
		return nil, fmt.Errorf("not a safetensors file: its first 8 bytes: %w", err)
	}
	length := binary.LittleEndian.Uint64(start[:])
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("not a safetensors file, or one that is cut short: its first 8 bytes announce a header of %d bytes, and %d follow", length, size-8)
	}
	text := make([]byte, length)
	if n, err := r.ReadAt(text, 8); n < len(text) {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	f, err := parseSafetensors(text, io.NewSectionReader(r, 8+int64(length), size-8-int64(length)))
	if err != nil {
		return nil, fmt.Errorf("the safetensors header: %w", err)
	}
	return f, nil
}

func parseSafetensors(header []byte, data *io.SectionReader) (*Safetensors, error) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, err
	}
	f := &Safetensors{}
	begins := map[*Tensor]int64{}
	for name, text := range entries {
		if name == "__metadata__" {
			if err := json.Unmarshal(text, &f.Metadata); err != nil {
				return nil, fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		var e safetensorsEntry
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t := &Tensor{Name: name, Shape: e.Shape, DType: DType(e.DType)}
		if t.DType != F32 && t.DType != F16 && t.DType != BF16 && t.DType != F64 {
			return nil, fmt.Errorf("%s has the type %q: only F32, F16, BF16 and F64 are weights", name, e.DType)
		}
		bytes, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		begin, end := e.Offsets[0], e.Offsets[1]
		if begin < 0 || end < begin || end > data.Size() || end-begin != bytes {
			return nil, fmt.Errorf("%s is said to lie at bytes %d to %d of %d: as %s of shape %v it takes %d", name, begin, end, data.Size(), t.DType, t.Shape, bytes)
		}
		t.Data = io.NewSectionReader(data, begin, bytes)
		begins[t] = begin
		f.Tensors = append(f.Tensors, t)
	}
	slices.SortFunc(f.Tensors, func(a, b *Tensor) int { return cmp.Compare(begins[a], begins[b]) })
	at := int64(0)
	for _, t := range f.Tensors {
		if begins[t] != at {
			return nil, fmt.Errorf("%s begins at byte %d of the values, where %d was next: tensors overlap or leave a gap", t.Name, begins[t], at)
		}
		bytes, _ := t.Bytes()
		at += bytes
	}
	if at != data.Size() {
		return nil, fmt.Errorf("%d bytes follow the last tensor", data.Size()-at)
	}
	return f, nil
}

// Model is the model of a file that says itself what it is, as WriteSafetensors writes them. ok is false when it does
// not: its configuration and tokenizer are to be found elsewhere.
func (f *Safetensors) Model() (m *Model, ok bool, err error) {
	text, ok := f.Metadata[metadataConfig]
	if !ok {
		return nil, false, nil
	}
	var c config.Model
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, true, fmt.Errorf("metadata %s: %w", metadataConfig, err)
	}
	tok, err := tokenizer.Load(bytes.NewReader([]byte(f.Metadata[metadataTokenizer])))
	if err != nil {
		return nil, true, fmt.Errorf("metadata %s: %w", metadataTokenizer, err)
	}
	m, err = New(c, tok, f.Tensors)
	return m, true, err
}

// WriteSafetensors writes a checkpoint's parameters as F32, F16 or BF16, under Hugging Face's names. The metadata holds
// configuration and tokenizer, so that the file can be imported with nothing beside it.
func WriteSafetensors(w io.Writer, r *checkpoint.Reader, d DType) error {
	c, err := json.Marshal(r.Header.Model)
	if err != nil {
		return err
	}
	return writeParameters(w, r, d, map[string]string{metadataConfig: string(c), metadataTokenizer: string(r.Header.Tokenizer)})
}

// WriteWeights writes the same parameters without saying what they are, for a folder that has FolderFiles beside them.
func WriteWeights(w io.Writer, r *checkpoint.Reader, d DType) error {
	return writeParameters(w, r, d, map[string]string{})
}

func writeParameters(w io.Writer, r *checkpoint.Reader, d DType, metadata map[string]string) error {
	if err := checkWhole(r.Header); err != nil {
		return err
	}
	return writeGroup(w, r, checkpoint.GroupParameter, d, metadata, func(name string) string { return name })
}

// writeGroup writes a group of a checkpoint's tensors, renamed.
func writeGroup(w io.Writer, r *checkpoint.Reader, group string, d DType, metadata map[string]string, rename func(string) string) error {
	if d != F32 && d != F16 && d != BF16 {
		return fmt.Errorf("a safetensors file holds F32, F16 or BF16, not %s", d)
	}
	metadata["format"] = "pt" // transformers asks for it
	entries := map[string]any{"__metadata__": metadata}
	at := int64(0)
	for _, t := range r.Header.Tensors {
		if t.Group == group {
			bytes := d.Bytes(t.Bytes / 4)
			entries[rename(t.Name)] = safetensorsEntry{string(d), t.Shape, [2]int64{at, at + bytes}}
			at += bytes
		}
	}
	header, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	header = append(header, bytes.Repeat([]byte{' '}, (8-len(header)%8)%8)...) // the format recommends alignment
	if len(header) > maxHeader {
		return errors.New("the tokenizer is too large for a safetensors header")
	}
	out := bufio.NewWriterSize(w, chunk)
	out.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header))))
	out.Write(header)
	var encoded []byte
	err = each(r, group, func(_ config.Parameter, values []byte) error {
		var err error
		if encoded, err = d.Encode(encoded[:0], values); err != nil {
			return err
		}
		_, err = out.Write(encoded)
		return err
	})
	return cmp.Or(err, out.Flush())
}
