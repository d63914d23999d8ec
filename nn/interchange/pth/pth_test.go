package pth

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func open(file []byte) ([]*interchange.Tensor, error) {
	return Open(bytes.NewReader(file), int64(len(file)))
}

// TestFilesOfPyTorch imports what PyTorch 2 wrote (testdata/make.py), value for value.
func TestFilesOfPyTorch(t *testing.T) {
	first := config.Model{VocabSize: 512, HiddenSize: 32, NumHiddenLayers: 2, NumAttentionHeads: 8, NumKeyValueHeads: 2, HeadDim: 4,
		IntermediateSize: 32, RMSNormEps: 1e-5, RopeTheta: 1e6, MaxPositionEmbeddings: 32768, TieWordEmbeddings: true}
	second := config.Model{VocabSize: 512, HiddenSize: 16, NumHiddenLayers: 1, NumAttentionHeads: 2, NumKeyValueHeads: 1, HeadDim: 12,
		IntermediateSize: 20, RMSNormEps: 1e-6, RopeTheta: 1e6, MaxPositionEmbeddings: 32768, TieWordEmbeddings: true, QKNorm: true,
		MoE: &config.MoE{NumExperts: 3, NumExpertsPerTok: 1, MoEIntermediateSize: 20, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}}
	narrow := second
	narrow.HiddenSize = 8
	for name, c := range map[string]struct {
		model config.Model
		bf16  bool
	}{"first_fp16.pth": {first, false}, "second_moe_bf16.pth": {second, true}, "second_moe_fp32.pth": {second, false}, "second_resume.pth": {narrow, false}} {
		tensors, err := open(fixture(t, name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		inferred, err := interchange.FromShapes(tensors)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, err := interchange.New(inferred, corpus.Tokenizer(), tensors)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got bytes.Buffer
		if err := m.WriteCheckpoint(&got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := interchangetest.Fixture(c.model)
		if c.bf16 {
			want = interchangetest.Edited(c.model, func(name string, values []byte) {
				copy(values, interchangetest.FixtureValues(name, len(values)/4))
				for at := 0; at < len(values); at += 4 { // to the nearest with a fraction of 7 bits, ties to even
					bits := binary.LittleEndian.Uint32(values[at:])
					binary.LittleEndian.PutUint32(values[at:], (bits+0x7fff+bits>>16&1)&0xffff0000)
				}
			})
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: another checkpoint (%+v)", name, inferred)
		}
	}
}

// TestRefusedFilesOfPyTorch gives files that PyTorch loads and this project does not.
func TestRefusedFilesOfPyTorch(t *testing.T) {
	for name, says := range map[string]string{
		"hostile.pth":    `"posix.system", which no state dict needs: refused, nothing of it was run`,
		"transposed.pth": "a lies in memory in strides of [1 6]",
		"integers.pth":   "a is of torch.LongStorage",
		"before_zip.pth": "not a PyTorch file of version 1.6",
	} {
		if _, err := open(fixture(t, name)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", name, err, says)
		}
	}
	tensors, err := open(fixture(t, "before_april_2025.pth"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := interchange.FromShapes(tensors); err == nil || !strings.Contains(err.Error(), "before April 2025") {
		t.Error(err)
	}
}

// member is a file of an archive.
type member struct {
	name, content string
	method        uint16
}

func archive(members ...member) []byte {
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for _, m := range members {
		f, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		if err == nil {
			_, err = f.Write([]byte(m.content))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return file.Bytes()
}

// stateDict is the pickle of {"a": tensor of floats}, in the text-like notation of the opcodes.
func stateDict(offset, shape, stride string) string {
	return "\x80\x02}X\x01\x00\x00\x00a" + "ctorch._utils\n_rebuild_tensor_v2\n" + "((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ" +
		offset + shape + stride + "\x89ccollections\nOrderedDict\n)RtRs."
}

func TestHostilePickles(t *testing.T) {
	values := member{"x/data/0", strings.Repeat("\x00", 16), zip.Store}
	with := func(pickle string) []byte { return archive(member{"x/data.pkl", pickle, zip.Store}, values) }
	if tensors, err := open(with(stateDict("K\x00", "K\x04\x85", "K\x01\x85"))); err != nil || len(tensors) != 1 || tensors[0].Shape[0] != 4 {
		t.Fatalf("the tensor that the others are made of: %v, %v", tensors, err)
	}
	for says, file := range map[string][]byte{
		"cut short: load it":                      []byte("PK\x03\x04"),
		"holds no data.pkl":                       archive(member{"x/data", "", zip.Store}),
		"more than one data.pkl":                  archive(member{"x/data.pkl", "", zip.Store}, member{"y/data.pkl", "", zip.Store}),
		"TorchScript":                             archive(member{"x/data.pkl", "", zip.Store}, member{"x/constants.pkl", "", zip.Store}),
		"is compressed":                           archive(member{"x/data.pkl", strings.Repeat("N", 1<<20), zip.Deflate}),
		"has 3000000 bytes":                       archive(member{"x/data.pkl", strings.Repeat("N", 3_000_000), zip.Store}),
		`"big"-endian`:                            archive(member{"x/data.pkl", "}.", zip.Store}, member{"x/byteorder", "big", zip.Store}),
		"at byte 0: the pickle is cut short":      with(""),
		"at byte 1: its stack is empty":           with("."),
		"protocol 200":                            with("\x80\xc8."),
		"opcode 0x69 ('i')":                       with("(ios\nsystem\n."),
		`"os.system", which`:                      with("cos\nsystem\n)\x81."),
		`"builtins.eval", which`:                  with("cbuiltins\neval\nX\x01\x00\x00\x001\x85R."),
		`"os.popen", which`:                       with("\x80\x04\x8c\x02os\x8c\x05popen\x93."),
		"the function that is called is none":     with("X\x01\x00\x00\x001)R."),
		"torch.FloatStorage is called: refused":   with("ctorch\nFloatStorage\n)R."),
		": the pickle is cut short":               with("X\xff\xff\xff\xffa"),
		"nothing is remembered under 4294967295":  with("j\xff\xff\xff\xff."),
		"its stack has no mark":                   with("t."),
		"what is set in as a dict is none":        with("]NNs."),
		"a dict has a key without a value":        with("}(Nu."),
		"an integer has 9 bytes":                  with("\x8a\x09123456789."),
		"it holds no state dict":                  with("N."),
		"its state dict is empty":                 with("}."),
		"a key that is no name":                   with("}NNs."),
		"a in its state dict is no tensor":        with("}X\x01\x00\x00\x00aNs."),
		"a persistent id is no storage's":         with(")Q."),
		"a has the shape [-1]":                    with(stateDict("K\x00", "J\xff\xff\xff\xff\x85", "K\x01\x85")),
		"a has the shape [0]":                     with(stateDict("K\x00", "K\x00\x85", "K\x01\x85")),
		"a has the shape [2147483647 2147483647]": with(stateDict("K\x00", "J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", "K\x01K\x01\x86")),
		"a takes 20 bytes from element 0":         with(stateDict("K\x00", "K\x05\x85", "K\x01\x85")),
		"a takes 16 bytes from element 1 ":        with(stateDict("K\x01", "K\x04\x85", "K\x01\x85")),
		"a takes 16 bytes from element -1 ":       with(stateDict("J\xff\xff\xff\xff", "K\x04\x85", "K\x01\x85")),
		"from element 9223372036854775807":        with(stateDict("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\x04\x85", "K\x01\x85")),
		"a lies in memory in strides of [2]":      with(stateDict("K\x00", "K\x04\x85", "K\x02\x85")),
		"a lies in memory in strides of []":       with(stateDict("K\x00", "K\x04\x85", ")")),
		"the archive holds no data/0":             archive(member{"x/data.pkl", stateDict("K\x00", "K\x04\x85", "K\x01\x85"), zip.Store}),
	} {
		err := interchangetest.Bounded(t, len(file), func() error { _, err := open(file); return err })
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

// TestTruncatedFile cuts a file of PyTorch's at every place.
func TestTruncatedFile(t *testing.T) {
	file := fixture(t, "second_resume.pth")
	for n := 0; n < len(file); n += 7 {
		if _, err := open(file[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for a file", n, len(file))
		}
	}
}

func FuzzUnpickle(f *testing.F) {
	for _, name := range []string{"first_fp16.pth", "second_moe_bf16.pth", "second_resume.pth", "hostile.pth"} {
		file := fixture(f, name)
		archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			f.Fatal(err)
		}
		pickle, err := archive.Open(strings.TrimSuffix(name, ".pth") + "/data.pkl")
		if err != nil {
			f.Fatal(err)
		}
		var text bytes.Buffer
		text.ReadFrom(pickle)
		f.Add(text.Bytes())
	}
	f.Add([]byte(stateDict("K\x00", "K\x04\x85", "K\x01\x85")))
	f.Fuzz(func(t *testing.T, program []byte) {
		root, err := unpickle(program)
		if err != nil {
			return
		}
		files := &archived{dir: new(string), files: map[string]*zip.File{}}
		if _, err := files.stateDict(root); err == nil {
			t.Fatal("tensors without values")
		}
	})
}

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"integers.pth", "hostile.pth", "before_april_2025.pth"} {
		f.Add(fixture(f, name))
	}
	f.Add(archive(member{"x/data.pkl", stateDict("K\x00", "K\x04\x85", "K\x01\x85"), zip.Store}, member{"x/data/0", strings.Repeat("\x00", 16), zip.Store}))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := open(file)
		if err != nil {
			return
		}
		for _, tensor := range tensors { // what was accepted can be read
			size, err := tensor.Bytes()
			if err != nil || size > int64(len(file)) {
				t.Fatal(fmt.Errorf("%s takes %d bytes of a file of %d, %w", tensor.Name, size, len(file), err))
			}
			if err := tensor.ReadFloat32(make([]byte, 4*size/tensor.DType.Bytes(1))); err != nil {
				t.Fatal(err)
			}
		}
	})
}
