// Package pth reads the state dicts that PyTorch writes with torch.save, as MiniMind's .pth files are.
//
// Such a file is a zip archive without compression: data.pkl, a Python pickle of the dict, and a file of values for
// each storage that its tensors lie in. A pickle is a program for a small machine that may call any function of
// Python's; this package knows the few that make tensors and refuses the rest. It calls nothing, and it allocates
// nothing larger than the pickle itself.
package pth

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
)

// maxPickle, in bytes, is room for some 8,000 tensors, without their values.
const maxPickle = 2 << 20

// Open lists the tensors of a state dict. What MiniMind's trainers save to go on from, {"model": state dict, ...}, is
// taken for the state dict in it.
func Open(r io.ReaderAt, size int64) ([]*interchange.Tensor, error) {
	archive, err := zip.NewReader(r, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, errors.New("not a PyTorch file of version 1.6 or later (a zip archive), or one that is cut short: load it in PyTorch and torch.save it again")
	}
	if err != nil {
		return nil, err
	}
	files := &archived{r: r, size: size, files: map[string]*zip.File{}}
	for _, f := range archive.File {
		if dir, ok := strings.CutSuffix(f.Name, "data.pkl"); ok {
			if files.dir != nil {
				return nil, errors.New("holds more than one data.pkl")
			}
			files.dir = &dir
		}
		files.files[f.Name] = f
	}
	if files.dir == nil {
		return nil, errors.New("a zip archive, but not PyTorch's: it holds no data.pkl")
	}
	if _, ok := files.files[*files.dir+"constants.pkl"]; ok {
		return nil, errors.New("a TorchScript program, not a state dict: torch.save the model's state_dict() instead")
	}
	if err := files.checkByteOrder(); err != nil {
		return nil, err
	}
	section, err := files.section("data.pkl")
	if err != nil {
		return nil, err
	}
	if section.Size() > maxPickle {
		return nil, fmt.Errorf("its data.pkl has %d bytes: not a state dict", section.Size())
	}
	program := make([]byte, section.Size())
	if _, err := io.ReadFull(section, program); err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	root, err := unpickle(program)
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	return files.stateDict(root)
}

// archived are the files of the archive.
type archived struct {
	r     io.ReaderAt
	size  int64
	dir   *string // the folder that all lie in
	files map[string]*zip.File
}

// section is a file's bytes, which lie in the archive as they are.
func (a *archived) section(name string) (*io.SectionReader, error) {
	f := a.files[*a.dir+name]
	if f == nil {
		return nil, fmt.Errorf("the archive holds no %s", name)
	}
	offset, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if f.Method != zip.Store || f.UncompressedSize64 > math.MaxInt64 || int64(f.UncompressedSize64) > a.size-offset {
		return nil, fmt.Errorf("%s is compressed, or longer than the archive: PyTorch writes it neither way", name)
	}
	return io.NewSectionReader(a.r, offset, int64(f.UncompressedSize64)), nil
}

func (a *archived) checkByteOrder() error {
	if a.files[*a.dir+"byteorder"] == nil { // PyTorch 1 has none
		return nil
	}
	section, err := a.section("byteorder")
	if err != nil {
		return err
	}
	order := make([]byte, min(section.Size(), 16))
	if _, err := io.ReadFull(section, order); err != nil {
		return err
	}
	if string(order) != "little" {
		return fmt.Errorf("its values are %q-endian: only little-endian ones can be read", order)
	}
	return nil
}

// stateDict makes the list of tensors.
func (a *archived) stateDict(root any) ([]*interchange.Tensor, error) {
	state, ok := root.(*dict)
	if !ok {
		return nil, errors.New("it holds no state dict: torch.save the model's state_dict()")
	}
	if inner, ok := state.get("model").(*dict); ok {
		state = inner
	}
	var list []*interchange.Tensor
	for _, item := range state.items {
		name, ok := item[0].(string)
		if !ok {
			return nil, errors.New("its state dict has a key that is no name")
		}
		t, ok := item[1].(*tensor)
		if !ok {
			return nil, fmt.Errorf("%s in its state dict is no tensor", name)
		}
		made, err := a.tensor(name, t)
		if err != nil {
			return nil, err
		}
		list = append(list, made)
	}
	if len(list) == 0 {
		return nil, errors.New("its state dict is empty")
	}
	return list, nil
}

// tensor finds the tensor's values.
func (a *archived) tensor(name string, t *tensor) (*interchange.Tensor, error) {
	d, ok := map[string]interchange.DType{"FloatStorage": interchange.F32, "HalfStorage": interchange.F16,
		"BFloat16Storage": interchange.BF16, "DoubleStorage": interchange.F64}[t.storage.class]
	if !ok {
		return nil, fmt.Errorf("%s is of torch.%s: only float, half, bfloat16 and double are weights", name, t.storage.class)
	}
	out := &interchange.Tensor{Name: name, Shape: t.shape, DType: d}
	bytes, err := out.Bytes()
	if err != nil {
		return nil, err
	}
	if !contiguous(t.shape, t.stride) {
		return nil, fmt.Errorf("%s lies in memory in strides of %v: save it with .contiguous()", name, t.stride)
	}
	values, err := a.section("data/" + t.storage.key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if t.offset < 0 || t.offset > math.MaxInt64/8 || d.Bytes(t.offset) > values.Size()-bytes {
		return nil, fmt.Errorf("%s takes %d bytes from element %d of a storage that has %d bytes", name, bytes, t.offset, values.Size())
	}
	out.Data = io.NewSectionReader(values, d.Bytes(t.offset), bytes)
	return out, nil
}

// contiguous reports whether a tensor's values lie in order without gaps. The stride of a dimension of 1 says nothing.
func contiguous(shape, stride []int) bool {
	if len(shape) != len(stride) {
		return false
	}
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && stride[i] != n {
			return false
		}
		n *= shape[i]
	}
	return true
}
