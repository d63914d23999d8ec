package gguf

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Write writes a checkpoint's model as F32, F16, BF16 or Q8_0. Norms and routers stay F32, as llama.cpp wants them,
// and in Q8_0 what has rows that are not whole blocks is F16. The error says that llama.cpp does not know the model.
func Write(w io.Writer, r *checkpoint.Reader, tok *tokenizer.Tokenizer, d interchange.DType) error {
	c := r.Header.Model
	if err := checkKnown(c); err != nil {
		return err
	}
	files := plan(c, d)
	var head encoder
	head.WriteString(magic)
	head.uint32(version)
	settings, err := settingsOf(c, tok, d)
	if err != nil {
		return err
	}
	head.uint64(uint64(len(files)))
	head.uint64(uint64(settings.count))
	head.Write(settings.Bytes())
	offset := int64(0)
	for _, t := range files {
		head.string(t.name)
		head.uint32(uint32(len(t.shape)))
		for i := range t.shape { // fastest first
			head.uint64(uint64(t.shape[len(t.shape)-1-i]))
		}
		head.uint32(ggmlType(t.dtype))
		head.uint64(uint64(offset))
		offset += align(t.bytes())
	}
	out := bufio.NewWriterSize(w, 1<<20)
	out.Write(head.Bytes())
	out.Write(make([]byte, align(int64(head.Len()))-int64(head.Len())))
	err = writeTensors(out, r, files)
	return cmp.Or(err, out.Flush())
}

func align(n int64) int64 { return (n + defaultAlignment - 1) / defaultAlignment * defaultAlignment }

// checkKnown says what llama.cpp would compute otherwise.
func checkKnown(c config.Model) error {
	if err := interchange.CheckClass(c); err != nil {
		return err
	}
	if err := checkYaRN(c); err != nil {
		return err
	}
	if e := c.MoE; e != nil && !interchange.Normalizes(e) {
		return errors.New("llama.cpp scales the weights of the chosen experts to sum to one, and this model does not (norm_topk_prob): export it as hf")
	}
	return nil
}

// fileTensor is a tensor of the file to be.
type fileTensor struct {
	name   string
	shape  []int
	dtype  interchange.DType
	parts  int // parameters that it is made of: experts, or one
	values []byte
}

func (t *fileTensor) bytes() int64 {
	n := int64(1)
	for _, d := range t.shape {
		n *= int64(d)
	}
	return t.dtype.Bytes(n)
}

// plan lists the file's tensors, in the order in which the checkpoint's parameters complete them.
func plan(c config.Model, d interchange.DType) []*fileTensor {
	var files []*fileTensor
	byName := map[string]*fileTensor{}
	for _, p := range c.Parameters() {
		stacked, _, isExpert := expertOf(p.Name)
		name, ok := rename(stacked, 0, 1)
		if !ok {
			panic("gguf: no name for " + p.Name)
		}
		if t := byName[name]; t != nil {
			t.shape[0]++
			t.parts++
			continue
		}
		t := &fileTensor{name: name, shape: p.Shape, dtype: d, parts: 1}
		if isExpert {
			t.shape = append([]int{1}, p.Shape...)
		}
		switch {
		case len(p.Shape) == 1 || name[len(name)-len("inp.weight"):] == "inp.weight":
			t.dtype = interchange.F32
		case !d.Fits(p.Shape[len(p.Shape)-1]):
			t.dtype = interchange.F16
		}
		files, byName[name] = append(files, t), t
	}
	return files
}

// writeTensors goes through the parameters once. A layer's experts come one after another, the file wants the gates of
// all, then the ups, then the downs: these wait until they are complete.
func writeTensors(out io.Writer, r *checkpoint.Reader, files []*fileTensor) error {
	byName := map[string]*fileTensor{}
	for _, t := range files {
		byName[t.name] = t
	}
	c := r.Header.Model
	arch := architecture(c)
	var ordered []byte
	return interchange.EachParameter(r, func(p config.Parameter, values []byte) error {
		if permuted(arch, p.Name) {
			ordered = append(ordered[:0], values...)
			rowBytes := 4 * p.Shape[1]
			for row := range p.Shape[0] {
				copy(ordered[fileRow(row, c.HeadDim)*rowBytes:], values[row*rowBytes:][:rowBytes])
			}
			values = ordered
		}
		stacked, _, _ := expertOf(p.Name)
		name, _ := rename(stacked, 0, 1)
		t := byName[name]
		var err error
		if t.values, err = t.dtype.Encode(t.values, values); err != nil {
			return err
		}
		t.parts--
		for len(files) > 0 && files[0].parts == 0 {
			padding := align(int64(len(files[0].values))) - int64(len(files[0].values))
			if _, err := out.Write(append(files[0].values, make([]byte, padding)...)); err != nil {
				return err
			}
			files[0].values = nil
			files = files[1:]
		}
		return nil
	})
}

// encoder writes GGUF's little-endian values.
type encoder struct {
	bytes.Buffer
	count int // settings
}

func (e *encoder) uint32(v uint32) { e.Write(binary.LittleEndian.AppendUint32(nil, v)) }
func (e *encoder) uint64(v uint64) { e.Write(binary.LittleEndian.AppendUint64(nil, v)) }

func (e *encoder) string(s string) {
	e.uint64(uint64(len(s)))
	e.WriteString(s)
}

// set writes a setting.
func (e *encoder) set(name string, value any) {
	e.count++
	e.string(name)
	switch v := value.(type) {
	case string:
		e.uint32(typeString)
		e.string(v)
	case int:
		e.uint32(typeUint32)
		e.uint32(uint32(v))
	case float64:
		e.uint32(typeFloat32)
		e.uint32(math.Float32bits(float32(v)))
	case bool:
		e.uint32(typeBool)
		e.WriteByte(map[bool]byte{true: 1}[v])
	case []string:
		e.array(typeString, len(v))
		for _, s := range v {
			e.string(s)
		}
	case []int32:
		e.array(typeInt32, len(v))
		for _, n := range v {
			e.uint32(uint32(n))
		}
	default:
		panic(fmt.Sprintf("gguf: no setting of type %T", value))
	}
}

func (e *encoder) array(elements uint32, n int) {
	e.uint32(typeArray)
	e.uint32(elements)
	e.uint64(uint64(n))
}
