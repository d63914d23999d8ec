package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// corpusFile is n documents of the corpus as a JSONL file.
func corpusFile(t testing.TB, n int) []byte {
	t.Helper()
	var file bytes.Buffer
	for document := range corpus.Documents(1, n) {
		if err := json.NewEncoder(&file).Encode(map[string]string{"text": document}); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// tokensOf reads one document of a shard.
func tokensOf(t testing.TB, s *Shard, document int) []int {
	t.Helper()
	buf := make([]byte, 2*s.Length(document))
	if err := s.readTokens(buf, document, 0); err != nil {
		t.Fatal(err)
	}
	ids := make([]int, len(buf)/2)
	for i := range ids {
		ids[i] = int(buf[2*i]) | int(buf[2*i+1])<<8
	}
	return ids
}

// A shard holds BOS, the tokens and EOS of every document in the file's order,
// however many cores made it.
func TestPrepare(t *testing.T) {
	tok := corpus.Tokenizer()
	const documents = 12000
	file := append(corpusFile(t, documents), "{\"text\": \"\"}\n\n{\"text\": \"\"}"...)
	var first []byte
	for _, cores := range []int{1, 7} {
		before := runtime.GOMAXPROCS(cores)
		var out bytes.Buffer
		var done []int64
		info, err := Prepare("some.file", bytes.NewReader(file), JSONL, tok, &out, func(n int64) { done = append(done, n) })
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		hash := sha256.Sum256(file)
		if info.Documents != documents || info.EmptyDocuments != 2 || info.SourceSize != int64(len(file)) ||
			info.SourceHash != hex.EncodeToString(hash[:]) || info.TokenizerHash != tok.Hash() || info.VocabSize != 512 {
			t.Errorf("%+v", info)
		}
		if !slices.IsSorted(done) || len(done) < 3 || done[len(done)-1] != int64(len(file)) {
			t.Errorf("progress %v of %d bytes", done, len(file))
		}
		shard, err := openBytes(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := shard.Verify(); err != nil {
			t.Error(err)
		}
		if shard.ShardInfo != info {
			t.Errorf("shard of %+v, Prepare said %+v", shard.ShardInfo, info)
		}
		for i := range documents {
			want := append(append([]int{1}, tok.Encode(corpus.Document(1, i))...), 2)
			if got := tokensOf(t, shard, i); !slices.Equal(got, want) {
				t.Fatalf("document %d: %v, want %v", i, got, want)
			}
		}
		if first == nil {
			first = out.Bytes()
		} else if !bytes.Equal(first, out.Bytes()) {
			t.Error("another number of cores gave another shard")
		}
	}
}

// Tokens that mark turns are single ids when a document spells them, as in
// MiniMind's own data.
func TestPrepareKeepsSpecialTokens(t *testing.T) {
	shard := prepareText(t, corpus.Tokenizer(), "<|im_start|>Tom<|im_end|>")
	tom := corpus.Tokenizer().Encode("Tom")
	if got, want := tokensOf(t, shard, 0), slices.Concat([]int{1, 1}, tom, []int{2, 2}); !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
}

func TestPrepareWithoutSpecialTokens(t *testing.T) {
	tok, err := tokenizer.Train(slices.Values([]string{"one two"}), 260, nil)
	if err != nil {
		t.Fatal(err)
	}
	shard := prepareText(t, tok, "one two")
	if got, want := tokensOf(t, shard, 0), tok.Encode("one two"); !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
}

// prepareText makes a shard of plain text.
func prepareText(t testing.TB, tok *tokenizer.Tokenizer, text string) *Shard {
	t.Helper()
	var out bytes.Buffer
	if _, err := Prepare("some.file", strings.NewReader(text), Text, tok, &out, nil); err != nil {
		t.Fatal(err)
	}
	shard, err := openBytes(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return shard
}

// Whatever the cores do, the error is the first in the file; and what was
// written until then is no shard.
func TestPrepareErrors(t *testing.T) {
	for _, c := range badFiles {
		var out bytes.Buffer
		_, err := Prepare("some.file", strings.NewReader(c.file), c.format, corpus.Tokenizer(), &out, nil)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if _, err := openBytes(out.Bytes()); err == nil {
			t.Errorf("%s: half a shard can be opened", c.name)
		}
	}
	many := strings.Repeat(good, 40000) + "{}\n" + strings.Repeat(good, 40000) + "[]\n" + strings.Repeat(good, 400000)
	for range 5 {
		_, err := Prepare("some.file", strings.NewReader(many), JSONL, corpus.Tokenizer(), io.Discard, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "some.file: line 40001: ") {
			t.Errorf("error %v, want the one of line 40001", err)
		}
	}
}

// fullDisk fails after a number of bytes.
type fullDisk struct{ left int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestPreparePassesWriteErrors(t *testing.T) {
	file := corpusFile(t, 12000)
	var out bytes.Buffer
	if _, err := Prepare("some.file", bytes.NewReader(file), JSONL, corpus.Tokenizer(), &out, nil); err != nil {
		t.Fatal(err)
	}
	// The start, the first block, a later one, the index and the end.
	for _, room := range []int{0, 100, 400000, out.Len() - 1000, out.Len() - 1} {
		_, err := Prepare("some.file", bytes.NewReader(file), JSONL, corpus.Tokenizer(), &fullDisk{room}, nil)
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "writing the shard of some.file") {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

// BenchmarkPrepare tokenises English and Chinese of the corpus on one core;
// what is measured is bytes of the JSONL file.
func BenchmarkPrepare(b *testing.B) {
	file := corpusFile(b, 50000)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Prepare("some.file", bytes.NewReader(file), JSONL, corpus.Tokenizer(), io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}
