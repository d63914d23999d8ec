package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Prepare tokenises the documents of r into a shard written to w, on every
// core, in one pass; memory grows by 8 bytes a document. Each is stored as BOS, its
// tokens, EOS (a tokenizer without these stores the tokens alone). progress, if
// not nil, is called now and then with the bytes of r that are done. name is
// for errors, which also name the line; after an error w holds no shard.
func Prepare(name string, r io.Reader, format Format, tok *tokenizer.Tokenizer, w io.Writer, progress func(bytes int64)) (ShardInfo, error) {
	info := ShardInfo{Kind: Texts, VocabSize: tok.VocabSize(), TokenizerHash: tok.Hash()}
	return prepare(name, r, format, info, func(j *job) error { return j.tokenise(tok) }, w, progress)
}

// prepare is Prepare for documents that encode turns into tokens.
func prepare(name string, r io.Reader, format Format, info ShardInfo, encode func(*job) error, w io.Writer, progress func(bytes int64)) (ShardInfo, error) {
	sw, err := newShardWriter(w, info)
	if err != nil {
		return ShardInfo{}, fmt.Errorf("writing the shard of %s: %w", name, err)
	}
	source := sha256.New()
	blocks := newBlockReader(name, io.TeeReader(r, source), format)

	// Jobs go round: read in order, tokenised by any worker, written in order.
	workers := runtime.GOMAXPROCS(0)
	free := make(chan *job, 2*workers)
	work := make(chan *job, cap(free))
	inOrder := make(chan *job, cap(free))
	stop := make(chan struct{})
	for range cap(free) {
		free <- &job{done: make(chan struct{}, 1)}
	}
	var running sync.WaitGroup
	running.Go(func() {
		defer close(inOrder)
		defer close(work)
		for {
			var j *job
			select {
			case j = <-free:
			case <-stop:
				return
			}
			if j.err = blocks.next(&j.block); j.err == io.EOF {
				return
			}
			inOrder <- j
			if j.err != nil {
				j.done <- struct{}{}
				return
			}
			work <- j
		}
	})
	for range workers {
		running.Go(func() {
			for j := range work {
				j.tokens, j.lengths, j.firsts = j.tokens[:0], j.lengths[:0], j.firsts[:0]
				j.err = encode(j)
				j.done <- struct{}{}
			}
		})
	}

	for j := range inOrder {
		<-j.done
		if err != nil {
			continue // of an earlier block; let the workers come to an end
		}
		if err = j.err; err == nil {
			sw.info.EmptyDocuments += j.empty
			if err = sw.write(j.tokens, j.lengths, j.firsts); err != nil {
				err = fmt.Errorf("writing the shard of %s: %w", name, err)
			}
		}
		if err != nil {
			close(stop)
			continue
		}
		if progress != nil {
			progress(j.end)
		}
		free <- j
	}
	running.Wait()
	if err == nil && sw.info.Documents == 0 {
		err = noDocuments(name, blocks.offset, info.Kind)
	}
	if err != nil {
		return ShardInfo{}, err
	}
	sw.info.SourceSize = blocks.offset
	sw.info.SourceHash = hex.EncodeToString(source.Sum(nil))
	if err := sw.finish(); err != nil {
		return ShardInfo{}, fmt.Errorf("writing the shard of %s: %w", name, err)
	}
	return sw.info, nil
}

// job is a block on its way through prepare.
type job struct {
	block
	tokens  []byte   // as the shard holds them
	lengths []int    // tokens of each document
	firsts  []uint32 // the first pair to learn of each, in shards of answers
	err     error
	done    chan struct{} // one value when tokens, or err, are ready
}

// tokenise fills tokens and lengths from the block's text.
func (j *job) tokenise(tok *tokenizer.Tokenizer) error {
	bos, eos := tok.BOS(), tok.EOS()
	return j.documents(func(text string) bool {
		start := len(j.tokens)
		if bos >= 0 {
			j.tokens = binary.LittleEndian.AppendUint16(j.tokens, uint16(bos))
		}
		for _, id := range tok.Encode(text) {
			j.tokens = binary.LittleEndian.AppendUint16(j.tokens, uint16(id))
		}
		if eos >= 0 {
			j.tokens = binary.LittleEndian.AppendUint16(j.tokens, uint16(eos))
		}
		j.lengths = append(j.lengths, (len(j.tokens)-start)/2)
		return true
	})
}
