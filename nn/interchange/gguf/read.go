package gguf

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Far above any vocabulary of 65,536 tokens.
const (
	maxHeader = 16 << 20 // bytes before the tensors
	maxArray  = 1 << 20  // elements
)

// Open reads the header of a GGUF file of size bytes. The tokenizer is the file's own, unless one is given.
func Open(r io.ReaderAt, size int64, tok *tokenizer.Tokenizer) (*interchange.Model, error) {
	f, err := parse(r, size)
	if err != nil {
		return nil, fmt.Errorf("the GGUF header: %w", err)
	}
	return f.model(tok)
}

// model is the model of the header, with its own tokenizer unless one is given.
func (f *file) model(tok *tokenizer.Tokenizer) (*interchange.Model, error) {
	embedding := f.tensors["token_embd.weight"]
	if embedding == nil || len(embedding.Shape) != 2 {
		return nil, errors.New("token_embd.weight is missing, or no matrix: not a language model")
	}
	c, err := f.settings.model(f.tensors["output.weight"] == nil, embedding.Shape[0])
	if err != nil {
		return nil, err
	}
	if tok == nil {
		if tok, err = f.settings.tokenizer(); err != nil {
			return nil, err
		}
	}
	if err := c.Validate(); err != nil { // before names are made of its counts
		return interchange.New(c, tok, nil)
	}
	if err := checkYaRN(c); err != nil {
		return nil, err
	}
	tensors, err := f.parameters(c)
	if err != nil {
		return nil, err
	}
	return interchange.New(c, tok, tensors)
}

// file is a parsed header.
type file struct {
	settings settings
	tensors  map[string]*interchange.Tensor // by llama.cpp's names
	names    []string                       // in the order of the file
}

// parameters gives the tensors Hugging Face's names, takes experts apart and says in what order rows are.
func (f *file) parameters(c config.Model) ([]*interchange.Tensor, error) {
	var list []*interchange.Tensor
	arch := architecture(c)
	for _, name := range f.names {
		t := f.tensors[name]
		renamed, ok := rename(name, 1, 0)
		if !ok {
			return nil, fmt.Errorf("%s, %v, belongs to no part of this model: it would be lost", name, t.Shape)
		}
		t.Name = renamed
		before, after, isExpert := strings.Cut(renamed, ".experts.")
		switch {
		case isExpert && (c.MoE == nil || len(t.Shape) != 3 || t.Shape[0] != c.MoE.NumExperts):
			return nil, fmt.Errorf("%s has the shape %v: not a layer's experts", name, t.Shape)
		case isExpert:
			whole, err := t.Bytes()
			if err != nil {
				return nil, err
			}
			bytes := whole / int64(t.Shape[0])
			for e := range t.Shape[0] {
				list = append(list, &interchange.Tensor{Name: fmt.Sprintf("%s.experts.%d.%s", before, e, after), Shape: t.Shape[1:], DType: t.DType,
					Data: io.NewSectionReader(t.Data, int64(e)*bytes, bytes)})
			}
			continue
		case permuted(arch, renamed):
			t.FileRow = func(row int) int { return fileRow(row, c.HeadDim) }
		}
		list = append(list, t)
	}
	return list, nil
}

// decoder reads GGUF's little-endian values. Its first error sticks; what is read after it is zero.
type decoder struct {
	r    *bufio.Reader
	left int64 // bytes that there can be
	read int64
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// take reads n bytes, which must be there.
func (d *decoder) take(n uint64) []byte {
	if d.err == nil && n > uint64(d.left) {
		d.fail("at byte %d: %d bytes are announced, and at most %d follow", d.read, n, d.left)
	}
	if d.err != nil {
		return make([]byte, 8)[:min(n, 8)]
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(d.r, b); err != nil {
		d.fail("at byte %d: %w", d.read, err)
	}
	d.left, d.read = d.left-int64(n), d.read+int64(n)
	return b
}

func (d *decoder) uint32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *decoder) uint64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }

func (d *decoder) string() string {
	n := d.uint64()
	if d.err != nil {
		return ""
	}
	return string(d.take(n))
}

// number reads a value of the type: int64, float64 or bool.
func (d *decoder) number(kind uint32) any {
	switch kind {
	case typeUint8:
		return int64(d.take(1)[0])
	case typeInt8:
		return int64(int8(d.take(1)[0]))
	case typeUint16:
		return int64(binary.LittleEndian.Uint16(d.take(2)))
	case typeInt16:
		return int64(int16(binary.LittleEndian.Uint16(d.take(2))))
	case typeUint32:
		return int64(d.uint32())
	case typeInt32:
		return int64(int32(d.uint32()))
	case typeFloat32:
		return float64(math.Float32frombits(d.uint32()))
	case typeBool:
		return d.take(1)[0] != 0
	case typeUint64, typeInt64:
		return int64(d.uint64())
	case typeFloat64:
		return math.Float64frombits(d.uint64())
	}
	d.fail("at byte %d: a value has the unknown type %d", d.read, kind)
	return nil
}

// value reads a setting.
func (d *decoder) value() any {
	switch kind := d.uint32(); kind {
	case typeString:
		return d.string()
	case typeArray:
		return d.array()
	default:
		return d.number(kind)
	}
}

// array reads a list.
func (d *decoder) array() any {
	kind, n := d.uint32(), d.uint64()
	if n > maxArray {
		d.fail("at byte %d: an array of %d elements is announced: at most %d can be", d.read, n, maxArray)
	}
	var texts []string
	var numbers []int64
	for range n {
		if d.err != nil {
			return nil
		}
		if kind == typeString {
			texts = append(texts, d.string())
		} else if v, ok := d.number(kind).(int64); ok {
			numbers = append(numbers, v)
		} // nothing here wants a list of floats
	}
	if kind == typeString {
		return texts
	}
	return numbers
}

func newDecoder(r io.ReaderAt, size int64) *decoder {
	return &decoder{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16), left: min(size, maxHeader)}
}

// parse reads everything before the tensors' values.
func parse(r io.ReaderAt, size int64) (*file, error) {
	d := newDecoder(r, size)
	if start := d.take(4); d.err != nil || string(start) != magic {
		return nil, fmt.Errorf("it begins with %q, not with %q", start, magic)
	}
	if v := d.uint32(); d.err == nil && v != 2 && v != version {
		return nil, fmt.Errorf("its version is %d: 2 and 3 can be read", v)
	}
	tensors, count := d.uint64(), d.uint64()
	f := &file{settings: settings{}, tensors: map[string]*interchange.Tensor{}}
	for range count {
		name := d.string()
		if f.settings[name] != nil {
			d.fail("the setting %s is there twice", name)
		}
		if f.settings[name] = d.value(); d.err != nil {
			return nil, d.err
		}
	}
	alignment := int64(defaultAlignment)
	if v, ok := f.settings["general.alignment"].(int64); ok {
		alignment = v
	}
	if alignment < 1 || alignment > 1<<16 || alignment&(alignment-1) != 0 {
		d.fail("general.alignment is %d: it must be a power of two up to 65536", alignment)
	}
	offsets := map[string]int64{}
	for range tensors {
		t, offset := d.tensor()
		if d.err != nil {
			return nil, d.err
		}
		if f.tensors[t.Name] != nil {
			return nil, fmt.Errorf("%s is there twice", t.Name)
		}
		f.tensors[t.Name], offsets[t.Name], f.names = t, offset, append(f.names, t.Name)
	}
	if d.err != nil {
		return nil, d.err
	}
	begin := (d.read + alignment - 1) / alignment * alignment
	return f, f.place(r, begin, size, alignment, offsets)
}

// tensor reads the description of a tensor.
func (d *decoder) tensor() (t *interchange.Tensor, offset int64) {
	t = &interchange.Tensor{Name: d.string()}
	dimensions := d.uint32()
	if dimensions > maxDimensions {
		d.fail("%.200q has %d dimensions", t.Name, dimensions)
		return t, 0
	}
	for range dimensions {
		n := d.uint64()
		if n > math.MaxUint32 {
			d.fail("%.200q has a dimension of %d", t.Name, n)
		}
		t.Shape = append(t.Shape, int(n))
	}
	slices.Reverse(t.Shape)
	kind, at := d.uint32(), d.uint64()
	dtype, ok := ggmlTypes[kind]
	if d.err == nil && !ok {
		name := otherTypes[kind]
		if name == "" {
			name = strconv.Itoa(int(kind))
		}
		d.fail("%.200q is quantized as %s: F32, F16, BF16 and Q8_0 can be imported; convert the model to one of them", t.Name, name)
	}
	if at > math.MaxInt64 {
		d.fail("%.200q lies at byte %d", t.Name, at)
	}
	t.DType = dtype
	return t, int64(at)
}

// place finds each tensor's values, which must lie in the file and apart from one another.
func (f *file) place(r io.ReaderAt, begin, size, alignment int64, offsets map[string]int64) error {
	slices.SortStableFunc(f.names, func(a, b string) int { return cmp.Compare(offsets[a], offsets[b]) })
	end := int64(0)
	for _, name := range f.names {
		t, offset := f.tensors[name], offsets[name]
		bytes, err := t.Bytes()
		if err != nil {
			return err
		}
		switch {
		case offset%alignment != 0:
			return fmt.Errorf("%s lies at byte %d, which is no multiple of %d", name, offset, alignment)
		case offset < end:
			return fmt.Errorf("%s lies at byte %d, where the tensor before it goes on to %d", name, offset, end)
		case offset > size-begin-bytes:
			return fmt.Errorf("%s takes %d bytes from byte %d, and the file's tensors have %d: it is cut short", name, bytes, offset, max(size-begin, 0))
		}
		end = offset + bytes
		t.Data = io.NewSectionReader(r, begin+offset, bytes)
	}
	return nil
}

// decimal is the shortest decimal that a float32 stands for: 1e-5 was written, not 9.999999747378752e-06.
func decimal(v float64) float64 {
	d, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
	return d
}
