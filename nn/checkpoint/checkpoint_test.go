package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/tinylib/msgp/msgp"
)

// smallModel makes a checkpoint of a few kilobytes.
func smallModel() config.Model {
	return config.Model{VocabSize: 5, HiddenSize: 4, NumHiddenLayers: 1, NumAttentionHeads: 1, NumKeyValueHeads: 1, HeadDim: 4,
		IntermediateSize: 4, RMSNormEps: 1e-5, RopeTheta: 1e6, MaxPositionEmbeddings: 8, TieWordEmbeddings: true,
		RopeScaling: &config.RopeScaling{Type: "yarn", Factor: 16, OriginalMaxPositionEmbeddings: 2048, BetaFast: 32, BetaSlow: 1}}
}

func smallHeader() *Header {
	return &Header{
		Model:         smallModel(),
		TokenizerHash: "d98595c6",
		Tokenizer:     []byte(`{"model":{"type":"BPE"}}`),
		State: State{Step: 1200, AppliedSteps: 1198, SkippedSteps: 2, MicroSteps: 9600, TotalSteps: 5000, Seed: math.MaxUint64,
			Cursor: Cursor{Epoch: 1, Document: 77, Offset: 340}, TokensSeen: 1 << 40,
			BestValidationLoss: math.Inf(1), BestStep: 1100,
			Kernels:  Settings{"gemm": "tile-64x64", "attention": "rows-4"},
			Settings: Settings{"learning-rate": "5e-4", "batch-size": "32", "seed": "42"}},
		Tensors: Tensors(smallModel(), GroupParameter, GroupMoment1, GroupMoment2),
	}
}

// values makes different bytes for each tensor.
func values(h *Header) [][]byte {
	list := make([][]byte, len(h.Tensors))
	for i, t := range h.Tensors {
		list[i] = make([]byte, t.Bytes)
		for at := 0; at < len(list[i]); at += 4 {
			binary.LittleEndian.PutUint32(list[i][at:], math.Float32bits(float32(i)+float32(at)/1000))
		}
	}
	return list
}

func write(t testing.TB, h *Header, tensors [][]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range tensors {
		if err := w.Tensor(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// read reads a whole checkpoint of which size bytes are said to be there.
func read(file io.Reader, size int64) (*Header, [][]byte, error) {
	r, err := NewReader(file, size)
	if err != nil {
		return nil, nil, err
	}
	var tensors [][]byte
	for _, t := range r.Header.Tensors {
		data := make([]byte, t.Bytes)
		if _, err := r.Next(data); err != nil {
			return r.Header, tensors, err
		}
		tensors = append(tensors, data)
	}
	return r.Header, tensors, nil
}

func readBytes(file []byte) (*Header, [][]byte, error) {
	return read(bytes.NewReader(file), int64(len(file)))
}

func TestRoundTrip(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	got, tensors, err := readBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("the header changed: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(values(h), tensors); diff != "" {
		t.Errorf("the tensors changed: (-want +got)\n%s", diff)
	}
	// Maps have a random order; the bytes must not.
	for range 20 {
		if again := write(t, got, tensors); !bytes.Equal(file, again) {
			t.Fatal("the same checkpoint, written again, has other bytes")
		}
	}
}

// Published tokenizers have some 450 KB.
// A copy of the model holds its parameters, and none of what a run needs besides.
func TestCopyModel(t *testing.T) {
	h := smallHeader()
	tensors := values(h)
	file := write(t, h, tensors)
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var model bytes.Buffer
	if err := CopyModel(&model, r); err != nil {
		t.Fatal(err)
	}
	alone := write(t, ModelHeader(h.Model, h.TokenizerHash, h.Tokenizer), tensors[:len(h.Model.Parameters())])
	if !bytes.Equal(model.Bytes(), alone) {
		t.Errorf("the copy has %d bytes, want %d, or others", model.Len(), len(alone))
	}
	file[len(file)-20] ^= 1 // in the last moment, which is not copied
	if r, err = NewReader(bytes.NewReader(file), int64(len(file))); err == nil {
		err = CopyModel(io.Discard, r)
	}
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged checkpoint: %v", err)
	}
}

func TestLargeTokenizer(t *testing.T) {
	h := smallHeader()
	h.Tokenizer = bytes.Repeat([]byte("token "), 1<<18)
	got, _, err := readBytes(write(t, h, values(h)))
	if err != nil || !bytes.Equal(got.Tokenizer, h.Tokenizer) {
		t.Fatalf("a tokenizer of %d bytes comes back as another, %v", len(h.Tokenizer), err)
	}
}

func TestEveryPresetRoundTripsItsHeader(t *testing.T) {
	for _, p := range config.Presets() {
		h := &Header{Model: p.Model, State: State{BestValidationLoss: 2.5}, Tensors: Tensors(p.Model, GroupParameter, GroupMoment1, GroupMoment2)}
		body, err := h.MarshalMsg(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeHeader(body)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if got.Model.NumParameters() != p.Model.NumParameters() || !cmp.Equal(got.Tensors, h.Tensors) || !cmp.Equal(got.Model, p.Model) {
			t.Errorf("%s: the header changed", p.Name)
		}
	}
}

// Any MessagePack library can walk over a checkpoint.
func TestFileIsASequenceOfMessagePackObjects(t *testing.T) {
	h := smallHeader()
	r := msgp.NewReader(bytes.NewReader(write(t, h, values(h))))
	for i := range 2 + 2 + 2*len(h.Tensors) + 1 {
		if err := r.Skip(); err != nil {
			t.Fatalf("object %d: %v", i, err)
		}
	}
	if _, err := r.NextType(); err != io.EOF {
		t.Errorf("after the last object: %v", err)
	}
}

func TestACheckpointWithoutTensors(t *testing.T) {
	h := &Header{Model: smallModel()}
	file := write(t, h, nil)
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(nil); err != io.EOF {
		t.Errorf("the first tensor of none: %v, want io.EOF", err)
	}
	if _, err := NewReader(bytes.NewReader(append(file, 0)), int64(len(file))); err == nil {
		t.Error("a byte after the end went unnoticed")
	}
}

func TestNextEnds(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range h.Tensors {
		got, err := r.Next(make([]byte, want.Bytes))
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("tensor %d: %v, %v, want %v", i, got, err, want)
		}
	}
	for range 2 {
		if _, err := r.Next(nil); err != io.EOF {
			t.Errorf("after the last tensor: %v, want io.EOF", err)
		}
	}
}

func TestReaderRefusesAWrongBuffer(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(make([]byte, 79)); err == nil || !strings.Contains(err.Error(), "a buffer of 79 bytes for 80") {
		t.Errorf("a short buffer: %v", err)
	}
}

func TestWriterMisuse(t *testing.T) {
	h := smallHeader()
	tensors := values(h)
	begin := func() *Writer {
		w, err := NewWriter(io.Discard, h)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	expect := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want it to say %q", err, want)
		}
	}

	w := begin()
	expect(w.Tensor(tensors[0][:76]), "tensor 1 of 33 (parameter model.embed_tokens.weight): 76 bytes to write, but the index says 80")
	expect(w.Tensor(tensors[0]), "76 bytes") // the error sticks
	expect(w.Close(), "76 bytes")

	w = begin()
	if err := w.Tensor(tensors[0]); err != nil {
		t.Fatal(err)
	}
	expect(w.Close(), "not complete: tensor 2 of 33 (parameter model.layers.0.self_attn.q_proj.weight) is still to be written")

	w = begin()
	for _, data := range tensors {
		if err := w.Tensor(data); err != nil {
			t.Fatal(err)
		}
	}
	expect(w.Tensor(nil), "all 33 tensors")

	full := errors.New("no space left on device")
	size := len(write(t, h, tensors))
	for room := 0; room < size; room += 97 {
		w, err := NewWriter(&limitedWriter{room, full}, h)
		for i := 0; err == nil && i < len(tensors); i++ {
			err = w.Tensor(tensors[i])
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, full) {
			t.Fatalf("the disk is full after %d bytes: %v", room, err)
		}
	}
}

// limitedWriter fails when room bytes are written.
type limitedWriter struct {
	room int
	err  error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return w.room, w.err
	}
	w.room -= len(p)
	return len(p), nil
}

func TestCheckFinite(t *testing.T) {
	info := TensorInfo{Name: "model.norm.weight", Group: GroupParameter, Shape: []int{2, 3, 4}, DType: "f32", Bytes: 96}
	for _, c := range []struct {
		bits uint32
		want string // "": finite
	}{
		{0, ""}, {0x80000000, ""}, {1, ""}, {0x7f7fffff, ""}, {0xff7fffff, ""},
		{0x7f800000, "+Inf"}, {0xff800000, "-Inf"}, {0x7fc00000, "NaN"}, {0x7f800001, "NaN"}, {0xffffffff, "NaN"},
	} {
		data := make([]byte, 96)
		binary.LittleEndian.PutUint32(data[4*18:], c.bits)
		err := CheckFinite(info, data)
		if c.want == "" && err != nil {
			t.Errorf("%08x: %v", c.bits, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), "parameter model.norm.weight is "+c.want+" at [1 1 2] (element 18 of 24)")) {
			t.Errorf("%08x: %v", c.bits, err)
		}
	}
}
