package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/tinylib/msgp/msgp"
)

// A checkpoint that ends after any number of bytes is refused, whether or not its size gives it away.
func TestTruncationAtEveryLength(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	for n := range len(file) {
		_, _, err := readBytes(file[:n])
		_, _, late := read(bytes.NewReader(file[:n]), int64(len(file)))
		for _, err := range []error{err, late} {
			switch {
			case err == nil:
				t.Fatalf("%d of %d bytes were taken for a whole checkpoint", n, len(file))
			case n == 0 && !strings.Contains(err.Error(), "it is empty"):
				t.Fatalf("no byte: %v", err)
			case n > 0 && !strings.Contains(err.Error(), "cut short"):
				t.Fatalf("%d of %d bytes: %v", n, len(file), err)
			}
		}
	}
}

func TestTruncationSaysWhere(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	last := len(file) - len(endMarker) - 2*frameBytes - 16 // where the last tensor, model.norm.weight, begins
	for _, c := range []struct {
		length int
		want   string
	}{
		{len(file) - 1, "in its end marker: at least 1 bytes are missing"},
		{last + 1, "in tensor 33 of 33 (moment2 model.norm.weight): at least 29 bytes are missing"},
		{last, "in tensor 33 of 33 (moment2 model.norm.weight): at least 30 bytes are missing"},
		{last - 1, "in tensor 32 of 33 (moment2 model.layers.0.mlp.down_proj.weight): at least 31 bytes are missing"},
		{40, "in its header"},
		{10, "in its first bytes: at least 19 bytes are missing"},
	} {
		if _, _, err := readBytes(file[:c.length]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d of %d bytes: %v, want it to say %q", c.length, len(file), err, c.want)
		}
	}
	// A stream that ends before the promised size is only found out while reading.
	_, tensors, err := read(bytes.NewReader(file[:last+8]), int64(len(file)))
	if err == nil || !strings.Contains(err.Error(), "in tensor 33 of 33 (moment2 model.norm.weight): at least 13 bytes are missing") || len(tensors) != 32 {
		t.Errorf("a stream that ends early: %v after %d tensors", err, len(tensors))
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	for at := range file {
		for bit := range 8 {
			file[at] ^= 1 << bit
			if _, _, err := readBytes(file); err == nil {
				t.Fatalf("bit %d of byte %d of %d was flipped and nobody noticed", bit, at, len(file))
			}
			file[at] ^= 1 << bit
		}
	}
}

func TestDamageNamesItsPlace(t *testing.T) {
	h := smallHeader()
	tensors := values(h)
	good := write(t, h, tensors)
	last := len(good) - len(endMarker) - 2*frameBytes - 16
	flip := func(at int) []byte {
		file := bytes.Clone(good)
		file[at] ^= 0x10
		return file
	}
	swapped := values(h)
	swapped[1], swapped[2] = swapped[2], swapped[1] // q_proj and k_proj have one shape here
	spliced := write(t, h, swapped)
	copy(spliced[last:], good[last:])

	other := bytes.Clone(good)
	binary.BigEndian.PutUint32(other[len(magic)+1:], 7)

	for _, c := range []struct {
		what string
		file []byte
		want string
	}{
		{"another file", []byte("PK\x03\x04 a zip archive, for once"), `not a minimind-gpu checkpoint: it begins with "PK\x03\x04 a zip archive, fo`},
		{"a short other file", []byte("{}"), `not a minimind-gpu checkpoint: it begins with "{}"`},
		{"no file", nil, "it is empty"},
		{"another version", other, "has format version 7 and this minimind-gpu reads version 1: use the release that wrote it"},
		{"the header", flip(100), "damaged in its header"},
		{"a value", flip(last + 9), "damaged in tensor 33 of 33 (moment2 model.norm.weight)"},
		{"a tensor's length", flip(last + 4), "damaged in tensor 33 of 33 (moment2 model.norm.weight)"},
		{"a checksum", flip(last - 1), "damaged in tensor 32 of 33"},
		{"the end", flip(len(good) - 1), "damaged in its end marker"},
		{"a tensor of another file", spliced, "damaged in tensor 33 of 33"},
		{"more bytes", append(bytes.Clone(good), 0, 0), "2 bytes follow its end"},
	} {
		if _, _, err := readBytes(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", c.what, err, c.want)
		}
	}
	if _, _, err := read(bytes.NewReader(append(good, 0)), int64(len(good))); err == nil || !strings.Contains(err.Error(), "bytes follow its end") {
		t.Errorf("more bytes than the size says: %v", err)
	}
}

// A failing disk is not a damaged checkpoint: its own error comes through, and stays.
func TestReadErrors(t *testing.T) {
	h := smallHeader()
	file := write(t, h, values(h))
	broken := errors.New("input/output error")
	for n := range len(file) + 1 {
		stream := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
		if _, _, err := read(stream, int64(len(file))); !errors.Is(err, broken) {
			t.Fatalf("the disk fails after %d bytes: %v", n, err)
		}
	}

	file[len(file)-200] ^= 1 // in a tensor
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var first error
	for i := 0; first == nil; i++ {
		_, first = r.Next(make([]byte, h.Tensors[i].Bytes))
	}
	if _, again := r.Next(nil); again != first {
		t.Errorf("after the error %v: %v", first, again)
	}
}

// frameHeader wraps an encoded header, however hostile, in right lengths and checksums, with nothing behind it.
func frameHeader(body []byte) []byte {
	file := append(bytes.Clone(magic), frame(tagUint32, Version)...)
	file = append(file, frame(tagBin32, uint32(len(body)))...)
	file = append(file, body...)
	return append(file, frame(tagUint32, crc32.Checksum(file, castagnoli))...)
}

// Headers made to hurt: the checksum is right, but lengths, counts or shapes are not. Each is refused, and no more
// memory is asked for than the file could fill.
func TestHostileHeaders(t *testing.T) {
	encode := func(change func(*Header)) []byte {
		h := smallHeader()
		change(h)
		body, err := h.MarshalMsg(nil)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	field := func(name string, value ...byte) []byte { // a header of one field
		return append(msgp.AppendString([]byte{0x81}, name), value...)
	}
	array32, map32, bin32 := byte(0xdd), byte(0xdf), byte(0xc6)
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	for _, c := range []struct {
		what string
		body []byte
		want string
	}{
		{"four billion tensors", field("tensors", append([]byte{array32}, huge...)...), "MessagePack"},
		{"four billion fields", append([]byte{map32}, huge...), "MessagePack"},
		{"four billion bytes of tokenizer", field("tokenizer", append([]byte{bin32}, huge...)...), "MessagePack"},
		{"four billion settings", field("state", append(append(msgp.AppendString([]byte{0x81}, "settings"), map32), huge...)...), "MessagePack"},
		{"100,000 empty tensors", field("tensors", append(msgp.AppendArrayHeader(nil, 100_000), bytes.Repeat([]byte{0x80}, 100_000)...)...), "limit"},
		{"lists in lists", bytes.Repeat([]byte{0x91}, 200_000), "more than 16 deep"},
		{"lists in lists in a field that is not known", append(field("later", bytes.Repeat([]byte{0x91}, 200_000)...), 0), "more than 16 deep"},
		{"two objects", append(encode(func(*Header) {}), 0), "1 bytes follow"},
		{"nothing", nil, "MessagePack"},
		{"a number", []byte{7}, "header"},
		{"no field", []byte{0x80}, "vocab_size"},
		{"a field twice", append(append([]byte{0x82}, field("tokenizer_hash", 0xa0)[1:]...), field("tokenizer_hash", 0xa0)[1:]...), "uplicate"},
		{"a model that does not divide", encode(func(h *Header) { h.Model.HeadDim = 5 }), "head_dim is 5"},
		{"a shape that overflows", encode(func(h *Header) { h.Tensors[0].Shape = []int{1 << 31, 1 << 31, 4} }), "tensor 1 of 33 (parameter model.embed_tokens.weight): its shape"},
		{"a shape below zero", encode(func(h *Header) { h.Tensors[0].Shape = []int{-5, -4} }), "its shape [-5 -4]"},
		{"too many bytes", encode(func(h *Header) { h.Tensors[0].Bytes = 1 << 60 }), "its shape [5 4] takes 80 bytes, but the index says 1152921504606846976"},
		{"another type", encode(func(h *Header) { h.Tensors[0].DType = "f16" }), `its type is "f16"`},
		{"a parameter too few", encode(func(h *Header) { h.Tensors = h.Tensors[1:] }), "the index has 10 parameters and the model 11"},
		{"a parameter of another name", encode(func(h *Header) { h.Tensors[0].Name = "lm_head.weight" }), "where the model has model.embed_tokens.weight, [5 4]"},
		{"a parameter of another shape", encode(func(h *Header) { h.Tensors[0].Shape = []int{4, 5} }), "has the shape [4 5] where the model has"},
		{"a model of 65,536 experts", encode(func(h *Header) {
			h.Model.NumHiddenLayers = 256
			h.Model.MoE = &config.MoE{NumExperts: 1, NumExpertsPerTok: 1, NumSharedExperts: 256, MoEIntermediateSize: 4, NormTopKProb: "never", Aux: "batch"}
		}), "too few for a model of 256 layers"},
		{"adapters that cannot be", encode(func(h *Header) { h.Adapter = &Adapter{LoRA: config.LoRA{Rank: 6, Targets: "q_proj,head"}} }),
			`the adapters' rank is 6: it must be a multiple of 4, such as 8; there is no linear layer "head" to adapt`},
		{"adapters beside parameters", encode(func(h *Header) { h.Adapter = &Adapter{LoRA: smallModel().DefaultLoRA()} }), "the index has 11 parameters beside the adapters"},
		{"adapters that are not there", encode(func(h *Header) {
			h.Adapter, h.Tensors = &Adapter{LoRA: smallModel().DefaultLoRA()}, nil
		}), "the index has 0 adapters, too few for a model of 1 layers"},
		{"tensors that are not there", encode(func(h *Header) {
			h.Tensors = []TensorInfo{{Name: "x", Group: "adapter", Shape: []int{1 << 29}, DType: "f32", Bytes: 1 << 31}}
		}), "cut short in tensor 1 of 1 (adapter x): at least 2147483662 bytes are missing"},
	} {
		file := frameHeader(c.body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := readBytes(file)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", c.what, err, c.want)
		}
		if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+4*len(file)); used > limit {
			t.Errorf("%s: a file of %d bytes made the reader allocate %d", c.what, len(file), used)
		}
	}
}

// A header longer than what is left is refused before it is allocated.
func TestHostileHeaderLength(t *testing.T) {
	for _, c := range []struct {
		length uint32
		want   string
	}{{1<<32 - 1, "damaged in its header"}, {maxHeader, "cut short in its header: at least 67108864 bytes are missing"}} {
		file := append(bytes.Clone(magic), frame(tagUint32, Version)...)
		file = append(append(file, frame(tagBin32, c.length)...), frame(tagUint32, 0)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := readBytes(file)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a header of %d bytes: %v, want it to say %q", c.length, err, c.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
			t.Errorf("a header of %d bytes in a file of %d: %d bytes were allocated", c.length, len(file), used)
		}
	}
}

func TestWriterRefusesWhatTheReaderWould(t *testing.T) {
	for _, c := range []struct {
		change func(*Header)
		want   string
	}{
		{func(h *Header) { h.Model.VocabSize = 70000 }, "vocab_size is 70000"},
		{func(h *Header) { h.Tensors[3].Bytes++ }, "tensor 4 of 33"},
		{func(h *Header) { h.Tokenizer = make([]byte, maxHeader) }, "above the limit"},
		{func(h *Header) {
			h.Tensors = slices.Repeat([]TensorInfo{{Name: "x", Group: "adapter", DType: "f32", Bytes: 4}}, 65537)
		}, "limit"},
	} {
		h := smallHeader()
		c.change(h)
		var file bytes.Buffer
		if _, err := NewWriter(&file, h); err == nil || !strings.Contains(err.Error(), c.want) || file.Len() > 0 {
			t.Errorf("%v after %d bytes, want no byte and %q", err, file.Len(), c.want)
		}
	}
}

// FuzzReader reads any bytes, as a file and as the header of a file with right lengths and checksums. What can be read
// must say the same when written again.
func FuzzReader(f *testing.F) {
	h := smallHeader()
	file := write(f, h, values(h))
	body, err := h.MarshalMsg(nil)
	if err != nil {
		f.Fatal(err)
	}
	bare, err := (&Header{Model: smallModel()}).MarshalMsg(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{file, file[:len(file)/2], body, bare, magic, nil, {0x81, 0xa7, 't', 'e', 'n', 's', 'o', 'r', 's', 0xdd, 0xff, 0xff, 0xff, 0xff}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, file := range [][]byte{data, frameHeader(data), append(frameHeader(data), endMarker...)} {
			h, tensors, err := readBytes(file)
			if err != nil {
				continue
			}
			again := write(t, h, tensors)
			h2, tensors2, err := readBytes(again)
			if err != nil {
				t.Fatalf("written again, it cannot be read: %v", err)
			}
			if third := write(t, h2, tensors2); !bytes.Equal(again, third) {
				t.Fatal("written and read again, it says something else")
			}
		}
	})
}
