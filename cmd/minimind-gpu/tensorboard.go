//go:build !js

package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// eventWriter writes scalars as TensorBoard reads them: a file of records, each the length of an Event, the length's
// checksum, the Event as a protocol buffer, and its checksum.
type eventWriter struct{ f *os.File }

type scalar struct {
	tag   string
	value float64
}

// The numbers of the fields in TensorBoard's event.proto and summary.proto.
const (
	eventWallTime    = 1
	eventStep        = 2
	eventFileVersion = 3
	eventSummary     = 5
	eventSessionLog  = 7
	sessionStatus    = 1
	summaryValue     = 1
	valueTag         = 1
	valueSimple      = 2
)

// newEventWriter begins a file in the folder. With a step above 0 it says that a run goes on from there, so that
// TensorBoard forgets what other files say about later steps.
func newEventWriter(dir string, step int64) (*eventWriter, error) {
	name := fmt.Sprintf("events.out.tfevents.%d.%d.minimind-gpu", time.Now().Unix(), os.Getpid())
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	w := &eventWriter{f}
	version := protowire.AppendTag(nil, eventFileVersion, protowire.BytesType)
	err = w.record(0, protowire.AppendString(version, "brain.Event:2"))
	if step > 0 && err == nil {
		started := protowire.AppendVarint(protowire.AppendTag(nil, sessionStatus, protowire.VarintType), 1)
		err = w.record(step+1, protowire.AppendBytes(protowire.AppendTag(nil, eventSessionLog, protowire.BytesType), started))
	}
	return w, err
}

// write adds one event with all scalars of a step.
func (w *eventWriter) write(step int64, scalars []scalar) error {
	var summary []byte
	for _, s := range scalars {
		value := protowire.AppendTag(nil, valueTag, protowire.BytesType)
		value = protowire.AppendString(value, s.tag)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(s.value)))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, value)
	}
	return w.record(step, protowire.AppendBytes(protowire.AppendTag(nil, eventSummary, protowire.BytesType), summary))
}

// record writes an Event: the time, the step and one more field.
func (w *eventWriter) record(step int64, field []byte) error {
	event := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	event = protowire.AppendFixed64(event, math.Float64bits(float64(time.Now().UnixMicro())/1e6))
	event = protowire.AppendTag(event, eventStep, protowire.VarintType)
	event = protowire.AppendVarint(event, uint64(step))
	event = append(event, field...)

	length := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	out := binary.LittleEndian.AppendUint32(length, maskedChecksum(length))
	out = append(out, event...)
	out = binary.LittleEndian.AppendUint32(out, maskedChecksum(event))
	if _, err := w.f.Write(out); err != nil {
		return fmt.Errorf("cannot write TensorBoard events: %w", err)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedChecksum is the CRC-32C as record files hold it: turned and moved, since a checksum over checksums is weak.
func maskedChecksum(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}

func (w *eventWriter) close() error { return w.f.Close() }
