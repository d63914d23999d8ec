package data

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
)

// shardWriter writes a shard in one pass.
type shardWriter struct {
	w      io.Writer
	info   ShardInfo
	ends   []int64
	firsts []uint32
}

func newShardWriter(w io.Writer, info ShardInfo) (*shardWriter, error) {
	_, err := io.WriteString(w, shardMagic)
	return &shardWriter{w: w, info: info}, err
}

// write appends whole documents: their tokens as bytes, each one's length in
// tokens, and in shards of answers each one's first pair to learn.
func (sw *shardWriter) write(tokens []byte, lengths []int, firsts []uint32) error {
	for _, length := range lengths {
		sw.info.Tokens += int64(length)
		sw.ends = append(sw.ends, sw.info.Tokens)
	}
	sw.firsts = append(sw.firsts, firsts...)
	sw.info.Documents += int64(len(lengths))
	sw.info.TokensCRC = crc32.Update(sw.info.TokensCRC, castagnoli, tokens)
	_, err := sw.w.Write(tokens)
	return err
}

// finish writes what follows the tokens.
func (sw *shardWriter) finish() error {
	var buf bytes.Buffer
	for i, end := range sw.ends {
		buf.Write(binary.LittleEndian.AppendUint64(buf.AvailableBuffer(), uint64(end)))
		if sw.info.Kind.answers() {
			buf.Write(binary.LittleEndian.AppendUint32(buf.AvailableBuffer(), sw.firsts[i]))
		}
		if buf.Len() >= 64<<10 {
			if err := sw.writeIndex(&buf); err != nil {
				return err
			}
		}
	}
	if err := sw.writeIndex(&buf); err != nil {
		return err
	}
	encoded, err := json.Marshal(sw.info)
	if err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint32(encoded, uint32(len(encoded)))
	tail = binary.LittleEndian.AppendUint32(tail, crc32.Checksum(encoded, castagnoli))
	_, err = sw.w.Write(append(tail, shardMagic...))
	return err
}

func (sw *shardWriter) writeIndex(buf *bytes.Buffer) error {
	sw.info.IndexCRC = crc32.Update(sw.info.IndexCRC, castagnoli, buf.Bytes())
	_, err := buf.WriteTo(sw.w)
	return err
}
