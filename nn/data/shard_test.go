package data

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"strings"
	"testing"
)

func TestShardHoldsItsDocuments(t *testing.T) {
	shard := makeShard(t, 3, 0, 20000, 1)
	if shard.Tokens != 20004 || shard.Documents != 4 {
		t.Errorf("%d tokens, %d documents", shard.Tokens, shard.Documents)
	}
	for document, want := range []int64{3, 0, 20000, 1} {
		if got := shard.Length(document); got != want {
			t.Errorf("document %d has %d tokens, want %d", document, got, want)
		}
	}
	buf := make([]byte, 4)
	if err := shard.readTokens(buf, 2, 10); err != nil || binary.LittleEndian.Uint16(buf) != 13 || binary.LittleEndian.Uint16(buf[2:]) != 14 {
		t.Errorf("tokens 10 and 11 of document 2: %v, %v; want 13 and 14", buf, err)
	}
	if err := shard.Verify(); err != nil {
		t.Error(err)
	}
}

// withInfo replaces the header of a shard, with a right checksum.
func withInfo(t testing.TB, file []byte, change func(*ShardInfo)) []byte {
	t.Helper()
	info, size, err := readInfo(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	change(&info)
	encoded, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(file[:len(file)-tailSize-int(size)])
	out = append(out, encoded...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(encoded)))
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(encoded, castagnoli))
	return append(out, shardMagic...)
}

func TestOpenShardRefuses(t *testing.T) {
	file := encodeShard(t, 100, []int{3, 4})
	edited := func(at int, b byte) []byte {
		out := bytes.Clone(file)
		out[(at+len(out))%len(out)] = b
		return out
	}
	index := len(shardMagic) + 2*7
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "not a shard: it has only 0 bytes"},
		{"another file", []byte(strings.Repeat(`{"text": "one"}`, 10)), `not a shard: it starts with "{\"text\":"`},
		{"another version", edited(7, 1), "a shard of version 1, this program reads version 2"},
		{"cut short", file[:len(file)-1], "corrupt shard: its end is missing"},
		{"cut in half", file[:len(file)/2], "corrupt shard: its end is missing"},
		{"hostile header size", edited(-tailSize+3, 0x7f), "corrupt shard: a header of 213"},
		{"bit in the header", edited(-tailSize-5, '9'), "corrupt shard: its header's checksum"},
		{"bit in the index", edited(index, 2), "corrupt shard: its index's checksum"},
		{"index out of order", edited(index+1, 1), "corrupt shard: document 0 ends at token 259"},
		{"huge index", edited(index+7, 0xff), "corrupt shard: document 0 ends at token"},
		{"too many tokens", withInfo(t, file, func(i *ShardInfo) { i.Tokens = 1 << 62 }), "corrupt shard: 4611686018427387904 tokens and 2 documents do not make up"},
		{"too many documents", withInfo(t, file, func(i *ShardInfo) { i.Documents = 1 << 61 }), "corrupt shard: 7 tokens and 2305843009213693952 documents"},
		{"negative tokens", withInfo(t, file, func(i *ShardInfo) { i.Tokens, i.Documents = -1, 4 }), "corrupt shard: -1 tokens"},
		{"one document fewer", withInfo(t, file, func(i *ShardInfo) { i.Tokens, i.Documents = 11, 1 }), "corrupt shard: its index's checksum"},
		{"documents of no kind", withInfo(t, file, func(i *ShardInfo) { i.Kind = "poems" }), `corrupt shard: its documents are "poems"`},
		{"documents of another kind", withInfo(t, file, func(i *ShardInfo) { i.Kind = Conversations }), "corrupt shard: 7 tokens and 2 documents do not make up"},
		{"no vocabulary", withInfo(t, file, func(i *ShardInfo) { i.VocabSize = 0 }), "corrupt shard: a vocabulary of 0"},
		{"bytes in the middle", append(append(bytes.Clone(file[:index]), 0, 0), file[index:]...), "corrupt shard: 7 tokens and 2 documents do not make up"},
	} {
		if _, err := openBytes(c.file); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := openBytes(file); err != nil {
		t.Errorf("the shard itself: %v", err)
	}
}

func TestVerifyFindsAFlippedBit(t *testing.T) {
	file := encodeShard(t, 100, []int{3, 4})
	file[len(shardMagic)+5] ^= 1
	shard, err := openBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := shard.Verify(); err == nil || !strings.Contains(err.Error(), "its tokens' checksum is wrong") {
		t.Errorf("error %v", err)
	}
}

// A file that became shorter behind an open shard is an error, not a crash.
func TestTokensMissing(t *testing.T) {
	file := encodeShard(t, 100, []int{3, 4})
	shard, err := openBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	shard.r = bytes.NewReader(file[:len(shardMagic)+8])
	train, _ := Split(shard, 0, 0)
	stream := openStream(t, train, Layout{T: 8}, Cursor{})
	if err := stream.Next(NewBatch(1, 8)); err == nil || !strings.Contains(err.Error(), "reading document 1 of the shard: unexpected EOF") {
		t.Errorf("error %v", err)
	}
}

// No file makes OpenShard panic or allocate more than the file is large, and
// one that it accepts can be read to the end.
func FuzzOpenShard(f *testing.F) {
	f.Add(encodeShard(f, 100, []int{3, 4}))
	f.Add(encodeShard(f, 100, nil))
	f.Add(withInfo(f, encodeShard(f, 100, []int{3, 4}), func(i *ShardInfo) { i.Tokens = 1 << 62 }))
	f.Add([]byte(shardMagic))
	f.Fuzz(func(t *testing.T, file []byte) {
		shard, err := openBytes(file)
		if err != nil {
			return
		}
		if cap(shard.ends) > len(file) {
			t.Fatalf("%d documents out of %d bytes", cap(shard.ends), len(file))
		}
		train, _ := Split(shard, 0, 0)
		stream, err := train.Stream(Layout{T: 3}, Cursor{})
		if err != nil {
			return
		}
		b := NewBatch(2, 3)
		for stream.Cursor().Epoch == 0 {
			if stream.Next(b) != nil {
				return
			}
		}
	})
}
