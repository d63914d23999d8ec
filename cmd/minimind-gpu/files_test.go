//go:build !js

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// fullDisk takes so many bytes and then no more.
type fullDisk struct {
	*os.File
	room int
}

var errFull = errors.New("no space left on device")

func (f *fullDisk) Write(b []byte) (int, error) {
	if len(b) > f.room {
		return 0, errFull
	}
	f.room -= len(b)
	return f.File.Write(b)
}

// onFullDisk creates files that have room for so many bytes.
func onFullDisk(room int) func(string) (outputFile, error) {
	return func(path string) (outputFile, error) {
		f, err := os.Create(path)
		return &fullDisk{f, room}, err
	}
}

func TestSavingKeepsTheOldFileWhenTheDiskIsFull(t *testing.T) {
	path := file(t, "a.ckpt", "old")
	p := &program{create: onFullDisk(10)}
	for _, size := range []int{11, 3 << 20} { // fails in Flush, in Write
		err := p.saveAtomically(path, writeBytes(make([]byte, size)))
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), path) {
			t.Fatalf("error %v", err)
		}
	}
	writing := errors.New("the GPU was lost")
	if err := p.saveAtomically(path, func(io.Writer) error { return writing }); !errors.Is(err, writing) {
		t.Fatalf("error %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "old" {
		t.Fatalf("the old file holds %q, %v", content, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Fatalf("%v were left behind", left)
	}
	p.create = createFile
	if err := p.saveAtomically(path, writeBytes([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(path); string(content) != "new" {
		t.Fatalf("the new file holds %q", content)
	}
}

func TestRunFolderForgetsLaterSteps(t *testing.T) {
	p := &program{create: createFile}
	r, err := p.newRun(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.create(nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.newRun(r.dir, 3); err == nil {
		t.Error("a folder that holds a run was taken for a new one")
	}
	metrics := ""
	for step := 1; step <= 12; step++ {
		metrics += fmt.Sprintf("{\"step\":%d,\"loss\":1}\n", step)
	}
	samples := "=== step 5 ===\nfive\n=== step 10 ===\nten\n"
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(metricsFile, metrics+`{"step":13,"lo`) // killed while writing
	write(samplesFile, samples)
	write(filepath.Join(checkpointsFolder, "step-00000013.ckpt.tmp"), "half")
	if err := r.open(9); err != nil {
		t.Fatal(err)
	}
	defer r.close()
	fmt.Fprintln(r.metrics, `{"step":10}`)
	got, _ := os.ReadFile(filepath.Join(r.dir, metricsFile))
	end := strings.Index(metrics, `{"step":10`)
	if want := metrics[:end] + "{\"step\":10}\n"; string(got) != want {
		t.Errorf("metrics.jsonl holds\n%swant\n%s", got, want)
	}
	if got, _ := os.ReadFile(filepath.Join(r.dir, samplesFile)); string(got) != "=== step 5 ===\nfive\n" {
		t.Errorf("samples.txt holds\n%s", got)
	}
	if left, _ := os.ReadDir(filepath.Join(r.dir, checkpointsFolder)); len(left) > 0 {
		t.Errorf("%v is still there", left)
	}
}

func TestCheckpointsOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"step-00000100.ckpt", "step-00000020.ckpt", "step-00000300.ckpt.tmp", "best.ckpt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := checkpointSteps(dir); !slices.Equal(got, []int64{20, 100}) {
		t.Fatalf("checkpoints of steps %v, want 20 and 100", got)
	}
}

// TestTensorBoardEvents reads the records back: their framing, checksums and fields.
func TestTensorBoardEvents(t *testing.T) {
	dir := t.TempDir()
	w, err := newEventWriter(dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write(8, []scalar{{"train/loss", 1.5}, {"train/grad_norm", 0.25}}); err != nil {
		t.Fatal(err)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*tfevents*"))
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var events []map[protowire.Number][]byte
	for len(content) > 0 {
		n := binary.LittleEndian.Uint64(content)
		if binary.LittleEndian.Uint32(content[8:]) != maskedChecksum(content[:8]) ||
			binary.LittleEndian.Uint32(content[12+n:]) != maskedChecksum(content[12:12+n]) {
			t.Fatal("a checksum is wrong")
		}
		events = append(events, fields(t, content[12:12+n]))
		content = content[16+n:]
	}
	if len(events) != 3 || string(events[0][eventFileVersion]) != "brain.Event:2" || events[1][eventSessionLog] == nil {
		t.Fatalf("events %v", events)
	}
	if step := events[2][eventStep]; len(step) != 1 || step[0] != 8 {
		t.Errorf("step %v, want 8", step)
	}
	first := fields(t, fields(t, events[2][eventSummary])[summaryValue]) // of two, the last
	if string(first[valueTag]) != "train/grad_norm" || math.Float32frombits(binary.LittleEndian.Uint32(first[valueSimple])) != 0.25 {
		t.Errorf("value %q", first)
	}
}

// fields splits a message; the last of a repeated field stays.
func fields(t *testing.T, message []byte) map[protowire.Number][]byte {
	t.Helper()
	all := map[protowire.Number][]byte{}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if n < 0 || size < 0 {
			t.Fatal("not a protocol buffer")
		}
		value := message[n : n+size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		all[number], message = value, message[n+size:]
	}
	return all
}

// TestMaskedChecksum is held against a value of TensorFlow's: the mask of the checksum of "foo".
func TestMaskedChecksum(t *testing.T) {
	if sum := maskedChecksum([]byte("foo")); sum == 0xcfc4ae1d || (sum-0xa282ead8)>>17|(sum-0xa282ead8)<<15 != 0xcfc4ae1d {
		t.Fatalf("masked checksum %#x", sum)
	}
}

func TestProgressIsPlainWithoutATerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	for i := range 100 {
		p.show(float64(i)/100, i == 99, func() string { return fmt.Sprint("at ", i) })
	}
	p.clear()
	if got := out.String(); got != "at 0\nat 99\n" {
		t.Fatalf("printed %q", got)
	}
	out.Reset()
	p = &progress{w: &out, width: func() int { return 24 }}
	p.show(0.5, true, func() string { return "a line that is too long" })
	if got := out.String(); got != "\r████░░░░ a line that is\x1b[K\n" {
		t.Fatalf("printed %q", got)
	}
	const whole = "step 220/220 · loss 0.6219 · val 0.5514 (ppl 1.7) · lr 2.00e-04 · grad norm 0.557 · 3814 tok/s · 29.9 MiB · 0:07 left"
	for width, want := range map[int]string{
		140: "\r████████████████ " + whole + "\x1b[K\n",
		80:  "\r████████ step 220/220 · loss 0.6219 · val 0.5514 (ppl 1.7) · 0:07 left\x1b[K\n",
	} {
		out.Reset()
		p.width = func() int { return width }
		if p.show(1, true, func() string { return whole }); out.String() != want {
			t.Errorf("printed %q", out.String())
		}
	}
}

func TestRate(t *testing.T) {
	var r rate
	if got := r.add(0, 0) + r.add(0.001, 4); got != 0 {
		t.Fatalf("%v a second of what came together, want 0 for unknown", got)
	}
	for i := range 30 {
		r.add(float64(i), 100*float64(i))
	}
	for i := range 20 {
		if got := r.add(30+float64(i), 3000+500*float64(i)); i == 19 && math.Abs(got-500) > 1e-9 {
			t.Fatalf("%v a second, want 500", got)
		}
	}
	if first, second := r.add(50, 10), r.add(51, 40); first != 0 || second != 30 {
		t.Fatalf("%v and then %v a second after a run went back, want 0 for unknown and 30", first, second)
	}
}
