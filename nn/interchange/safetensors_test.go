package interchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
	"github.com/nlpodyssey/safetensors"
)

func toSafetensors(t testing.TB, ckpt []byte, d DType) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WriteSafetensors(&out, openCheckpoint(t, ckpt), d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openSafetensors(t testing.TB, file []byte) *Safetensors {
	t.Helper()
	f, err := OpenSafetensors(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSafetensorsAreOthers reads a file with another implementation, and writes one for ours.
func TestSafetensorsAreOthers(t *testing.T) {
	c := interchangetest.Models()["llama"]
	ckpt := interchangetest.Checkpoint(c, true)
	file := toSafetensors(t, ckpt, F32)
	theirs, err := safetensors.Deserialize(file)
	if err != nil {
		t.Fatal(err)
	}
	err = EachParameter(openCheckpoint(t, ckpt), func(p config.Parameter, values []byte) error {
		view, ok := theirs.Tensor(p.Name)
		if !ok || view.DType() != safetensors.F32 || fmt.Sprint(view.Shape()) != fmt.Sprint(p.Shape) || !bytes.Equal(view.Data(), values) {
			t.Errorf("%s is not the same", p.Name)
		}
		return nil
	})
	if err != nil || theirs.Len() != len(c.Parameters()) {
		t.Fatalf("%d tensors, %v", theirs.Len(), err)
	}
	if file[8+binary.LittleEndian.Uint64(file)-1] > ' ' || binary.LittleEndian.Uint64(file)%8 != 0 {
		t.Error("the values are not aligned to 8 bytes")
	}

	views := map[string]safetensors.TensorView{}
	for _, tensor := range theirs.Tensors() {
		views[tensor.Name] = tensor.TensorView
	}
	again, err := safetensors.Serialize(views, openSafetensors(t, file).Metadata)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := openSafetensors(t, again).Model()
	if !bytes.Equal(toCheckpoint(t, m, err), ckpt) {
		t.Error("their file is another checkpoint")
	}
}

// TestRounding takes values that fit no 16 bits: they come back rounded to the nearest.
func TestRounding(t *testing.T) {
	c := interchangetest.Models()["llama"]
	ckpt := interchangetest.Checkpoint(c, true)
	for d, step := range map[DType]float64{F16: 0x1p-11, BF16: 0x1p-8} {
		f := openSafetensors(t, toSafetensors(t, ckpt, d))
		byName, _ := named(f.Tensors)
		err := EachParameter(openCheckpoint(t, ckpt), func(p config.Parameter, values []byte) error {
			got := make([]byte, len(values))
			if err := byName[p.Name].ReadFloat32(got); err != nil {
				return err
			}
			for at := 0; at < len(values); at += 4 {
				g, w := float64(float(got[at:])), float64(float(values[at:]))
				if math.Abs(g-w) > step*math.Abs(w)+0x1p-25 {
					t.Fatalf("%s of %s: %v, want %v", d, p.Name, g, w)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func float(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// safetensorsFile puts a header and values together.
func safetensorsFile(header string, values int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, values)...)
}

func TestHostileSafetensors(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	long := binary.LittleEndian.AppendUint64(nil, maxHeader)
	for says, file := range map[string][]byte{
		"its first 8 bytes":                       []byte("{}"),
		"a header of 18446744073":                 append(huge, "{}"...),
		"a header of 100000000 bytes":             append(long, "{}"...),
		"invalid character":                       safetensorsFile("nonsense", 0),
		`a has the type "I64"`:                    safetensorsFile(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, 8),
		"a has the shape [-1]":                    safetensorsFile(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4),
		"a has the shape [4294967296 4294967296]": safetensorsFile(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"a is said to lie at bytes 0 to 8 of 4":   safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4),
		"a is said to lie at bytes -4 to 4":       safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-4,4]}}`, 8),
		"a is said to lie at bytes 8 to 0":        safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8),
		"as F16 of shape [2] it takes 4":          safetensorsFile(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}`, 8),
		"overlap or leave a gap":                  safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12),
		"b begins at byte 8 of the values":        safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12),
		"4 bytes follow the last":                 safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8),
		"__metadata__":                            safetensorsFile(`{"__metadata__":{"a":1}}`, 0),
		"cannot unmarshal":                        safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808]}}`, 8),
	} {
		err := interchangetest.Bounded(t, len(file), func() error {
			_, err := OpenSafetensors(bytes.NewReader(file), int64(len(file)))
			return err
		})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

// TestTruncatedSafetensors cuts a file at every length.
func TestTruncatedSafetensors(t *testing.T) {
	file := safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}}`, 12)
	for n := range file {
		if _, err := OpenSafetensors(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Fatalf("%d of %d bytes were taken for a file", n, len(file))
		}
	}
}

func FuzzOpenSafetensors(f *testing.F) {
	f.Add(safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}}`, 12))
	f.Add(safetensorsFile(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[],"data_offsets":[0,2]}}`, 2))
	f.Add(binary.LittleEndian.AppendUint64(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := OpenSafetensors(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		for _, tensor := range s.Tensors { // what was accepted can be read
			size, err := tensor.Bytes()
			if err != nil || size > int64(len(file)) {
				t.Fatalf("%s takes %d bytes of a file of %d, %v", tensor.Name, size, len(file), err)
			}
			if err := tensor.ReadFloat32(make([]byte, 4*size/tensor.DType.Bytes(1))); err != nil {
				t.Fatal(err)
			}
		}
		FromShapes(s.Tensors)
	})
}

// TestReadByRows holds tensors in another order of rows, with chunks that end within them.
func TestReadByRows(t *testing.T) {
	const rows, columns = 300, 1100 // 1.3 MB: more than a chunk
	values := make([]byte, 4*rows*columns)
	r := rand.NewChaCha8([32]byte{})
	r.Read(values)
	plain, reversed := make([]byte, len(values)), make([]byte, len(values))
	tensor := memoryTensor("a", values, rows, columns)
	if err := tensor.ReadFloat32(plain); err != nil || !bytes.Equal(plain, values) {
		t.Fatalf("values are not read as they are, %v", err)
	}
	tensor.FileRow = func(row int) int { return rows - 1 - row }
	if err := tensor.ReadFloat32(reversed); err != nil {
		t.Fatal(err)
	}
	for row := range rows {
		if !bytes.Equal(reversed[4*columns*row:][:4*columns], values[4*columns*(rows-1-row):][:4*columns]) {
			t.Fatalf("row %d is not the file's row %d", row, rows-1-row)
		}
	}
}
