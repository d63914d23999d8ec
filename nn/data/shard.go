package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// A shard is one file, little-endian:
//
//	"MMSHARD" and a version byte
//	the tokens of all documents, back to back: a uint16 id each, and in shards
//	of answers a byte more, its class
//	uint64 per document: the index behind its last token; in shards of answers
//	a uint32 more, the first of its (input, target) pairs that is to be learnt
//	ShardInfo as JSON
//	uint32 length and uint32 CRC-32C of that JSON, "MMSHARD" and a version byte
//
// What is only known at the end stands at the end, so a shard is written in one
// pass, and one that was cut short is recognised.

const shardMagic = "MMSHARD\x02"

const (
	tailSize    = 8 + len(shardMagic)
	maxInfoSize = 1 << 20 // of the JSON; it has a few hundred bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Kind is what the documents of a shard are.
type Kind string

const (
	Texts         Kind = "texts"         // all of a document is learnt
	Conversations Kind = "conversations" // the assistant's turns are
	// Preferences are conversations two by two, the chosen one first, which
	// differ in the last turn only.
	Preferences Kind = "preferences"
)

// answers says that only some tokens are learnt: the shard tells which.
func (k Kind) answers() bool { return k != Texts }

// tokenSize is the size of a token in the file, in bytes.
func (k Kind) tokenSize() int64 {
	if k.answers() {
		return 3
	}
	return 2
}

// entrySize is the size of a document's entry in the index, in bytes.
func (k Kind) entrySize() int64 {
	if k.answers() {
		return 12
	}
	return 8
}

// The classes of tokens in shards of answers.
const (
	given  = 0 // not learnt
	learnt = 1
	tagged = 2 // learnt, and part of a tag: Layout.TagWeight
)

// ShardInfo says what a shard holds and what it was made from. The same source
// and the same tokenizer always give the same shard.
type ShardInfo struct {
	Kind           Kind   `json:"kind"`
	Tokens         int64  `json:"tokens"`
	Documents      int64  `json:"documents"`
	EmptyDocuments int64  `json:"empty_documents"` // left out; of conversations those without an answer to learn
	Chat           string `json:"chat,omitempty"`  // how conversations became tokens: Chat.String

	VocabSize     int    `json:"vocab_size"`
	TokenizerHash string `json:"tokenizer_hash"`

	SourceSize int64  `json:"source_size"` // bytes
	SourceHash string `json:"source_sha256"`

	TokensCRC uint32 `json:"tokens_crc32c"`
	IndexCRC  uint32 `json:"index_crc32c"`
}

// Source names what a run learns from a shard: the content of its source, and
// how conversations became tokens.
func (i ShardInfo) Source() string {
	if !i.Kind.answers() {
		return i.SourceHash
	}
	sum := sha256.Sum256([]byte(i.SourceHash + " " + string(i.Kind) + " " + i.Chat))
	return hex.EncodeToString(sum[:])
}

// Shard reads a shard through io.ReaderAt. It keeps the document index in
// memory, 8 or 12 bytes a document, and no tokens.
type Shard struct {
	ShardInfo
	r      io.ReaderAt
	ends   []int64  // the index behind each document's last token
	firsts []uint32 // in shards of answers: each document's first pair to learn
}

// OpenShard checks a shard of size bytes and reads its index. The tokens are
// checked by Verify.
func OpenShard(r io.ReaderAt, size int64) (*Shard, error) {
	var head [len(shardMagic)]byte
	if size < int64(len(head)+tailSize) {
		return nil, fmt.Errorf("not a shard: it has only %d bytes; prepare the data again", size)
	}
	if err := readAt(r, head[:], 0); err != nil {
		return nil, fmt.Errorf("reading the shard's start: %w", err)
	}
	if err := checkMagic(head[:], "start"); err != nil {
		return nil, err
	}
	info, infoSize, err := readInfo(r, size)
	if err != nil {
		return nil, err
	}
	s := &Shard{ShardInfo: info, r: r}
	if !slices.Contains([]Kind{Texts, Conversations, Preferences}, info.Kind) {
		return nil, fmt.Errorf("corrupt shard: its documents are %q; prepare the data again", info.Kind)
	}
	room := size - int64(len(shardMagic)) - infoSize - int64(tailSize)
	token, entry := info.Kind.tokenSize(), info.Kind.entrySize()
	if info.Tokens < 0 || info.Documents < 0 || info.Tokens > room/token || info.Documents > room/entry ||
		token*info.Tokens+entry*info.Documents != room {
		return nil, fmt.Errorf("corrupt shard: %d tokens and %d documents do not make up its %d bytes; prepare the data again",
			info.Tokens, info.Documents, size)
	}
	if info.VocabSize < 1 || info.VocabSize > 1<<16 {
		return nil, fmt.Errorf("corrupt shard: a vocabulary of %d; prepare the data again", info.VocabSize)
	}
	if info.Kind == Preferences && info.Documents%2 != 0 {
		return nil, fmt.Errorf("corrupt shard: %d conversations cannot be pairs; prepare the data again", info.Documents)
	}
	if err := s.readIndex(); err != nil {
		return nil, err
	}
	return s, nil
}

// checkMagic checks the mark at a shard's start or end.
func checkMagic(got []byte, place string) error {
	name, version := shardMagic[:len(shardMagic)-1], shardMagic[len(shardMagic)-1]
	switch {
	case string(got) == shardMagic:
		return nil
	case string(got[:len(name)]) == name:
		return fmt.Errorf("a shard of version %d, this program reads version %d; prepare the data again", got[len(name)], version)
	case place == "end":
		return errors.New("corrupt shard: its end is missing, it was cut short; prepare the data again")
	default:
		return fmt.Errorf("not a shard: it starts with %q; prepare the data again", got)
	}
}

// readInfo reads the JSON at the shard's end, and returns its size too.
func readInfo(r io.ReaderAt, size int64) (info ShardInfo, infoSize int64, err error) {
	var tail [tailSize]byte
	if err := readAt(r, tail[:], size-int64(tailSize)); err != nil {
		return info, 0, fmt.Errorf("reading the shard's end: %w", err)
	}
	if err := checkMagic(tail[8:], "end"); err != nil {
		return info, 0, err
	}
	infoSize = int64(binary.LittleEndian.Uint32(tail[:]))
	if infoSize > min(maxInfoSize, size-int64(len(shardMagic)+tailSize)) {
		return info, 0, fmt.Errorf("corrupt shard: a header of %d bytes in a file of %d; prepare the data again", infoSize, size)
	}
	encoded := make([]byte, infoSize)
	if err := readAt(r, encoded, size-int64(tailSize)-infoSize); err != nil {
		return info, 0, fmt.Errorf("reading the shard's header: %w", err)
	}
	if crc32.Checksum(encoded, castagnoli) != binary.LittleEndian.Uint32(tail[4:]) {
		return info, 0, errors.New("corrupt shard: its header's checksum is wrong; prepare the data again")
	}
	if err := json.Unmarshal(encoded, &info); err != nil {
		return info, 0, fmt.Errorf("corrupt shard: its header: %w; prepare the data again", err)
	}
	return info, infoSize, nil
}

// readIndex reads and checks the ends of the documents.
func (s *Shard) readIndex() error {
	entry := s.Kind.entrySize()
	section := io.NewSectionReader(s.r, s.tokenOffset(s.Tokens), entry*s.Documents)
	checksum := crc32.New(castagnoli)
	buf := make([]byte, (64<<10)/entry*entry)
	s.ends = make([]int64, 0, s.Documents)
	last := int64(0)
	for int64(len(s.ends)) < s.Documents {
		chunk := buf[:min(int64(len(buf)), entry*(s.Documents-int64(len(s.ends))))]
		if _, err := io.ReadFull(section, chunk); err != nil {
			return fmt.Errorf("reading the shard's index: %w", err)
		}
		checksum.Write(chunk)
		for ; len(chunk) > 0; chunk = chunk[entry:] {
			end := binary.LittleEndian.Uint64(chunk)
			if end < uint64(last) || end > uint64(s.Tokens) {
				return fmt.Errorf("corrupt shard: document %d ends at token %d; prepare the data again", len(s.ends), end)
			}
			last = int64(end)
			s.ends = append(s.ends, last)
			if s.Kind.answers() {
				s.firsts = append(s.firsts, binary.LittleEndian.Uint32(chunk[8:]))
			}
		}
	}
	if last != s.Tokens || checksum.Sum32() != s.IndexCRC {
		return errors.New("corrupt shard: its index's checksum is wrong; prepare the data again")
	}
	return nil
}

// Verify reads every token and compares the checksum.
func (s *Shard) Verify() error {
	checksum := crc32.New(castagnoli)
	if _, err := io.Copy(checksum, io.NewSectionReader(s.r, s.tokenOffset(0), s.Kind.tokenSize()*s.Tokens)); err != nil {
		return fmt.Errorf("reading the shard's tokens: %w", err)
	}
	if checksum.Sum32() != s.TokensCRC {
		return errors.New("corrupt shard: its tokens' checksum is wrong; prepare the data again")
	}
	return nil
}

// Length is the number of tokens of a document.
func (s *Shard) Length(document int) int64 { return s.ends[document] - s.start(document) }

// start is the index of a document's first token.
func (s *Shard) start(document int) int64 {
	if document == 0 {
		return 0
	}
	return s.ends[document-1]
}

// tokenOffset is the place of a token in the file, in bytes.
func (s *Shard) tokenOffset(token int64) int64 {
	return int64(len(shardMagic)) + s.Kind.tokenSize()*token
}

// readTokens reads the bytes of a document's tokens from offset on into buf.
func (s *Shard) readTokens(buf []byte, document int, offset int64) error {
	if err := readAt(s.r, buf, s.tokenOffset(s.start(document)+offset)); err != nil {
		return fmt.Errorf("reading document %d of the shard: %w", document, err)
	}
	return nil
}

// readAt fills buf. A file that ends early is an error, one that ends exactly
// behind buf is not.
func readAt(r io.ReaderAt, buf []byte, offset int64) error {
	n, err := r.ReadAt(buf, offset)
	if n == len(buf) {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
