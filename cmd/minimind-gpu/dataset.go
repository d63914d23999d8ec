//go:build !js

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// textSource is a text, or conversations, to learn from.
type textSource struct {
	kind   data.Kind
	name   string // for people
	base   string // of its shard's name
	format data.Format
	// folders are where its shard may be; it is written to the first that is not read-only.
	folders []string
	open    func() (text io.ReadCloser, size int64, err error)
}

// fileSource is a file of documents of a kind. Text is plain if the file is named so, all else JSONL.
func fileSource(name string, kind data.Kind) (*textSource, error) {
	stat, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such file (--data names a .jsonl or .txt file)", name)
	}
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: --data takes one .jsonl or .txt file", name)
	}
	format := data.JSONL
	if ext := strings.ToLower(filepath.Ext(name)); ext == ".txt" || ext == ".md" {
		if format = data.Text; kind != data.Texts {
			return nil, fmt.Errorf("%s: conversations come as .jsonl, a JSON object a line", name)
		}
	}
	return &textSource{kind: kind, name: name, base: filepath.Base(name), format: format, folders: []string{filepath.Dir(name), cacheFolder()},
		open: func() (io.ReadCloser, int64, error) {
			f, err := os.Open(name)
			return f, stat.Size(), err
		}}, nil
}

// kindOf tells what a file's documents are, from its first line. What is wrong with the file is said when it is prepared.
func kindOf(name string) data.Kind {
	f, err := os.Open(name)
	if err != nil || strings.ToLower(filepath.Ext(name)) != ".jsonl" {
		return data.Texts
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, data.MaxDocument)).ReadBytes('\n')
	var fields map[string]json.RawMessage
	json.Unmarshal(line, &fields)
	switch {
	case fields["conversations"] != nil || fields["messages"] != nil:
		return data.Conversations
	case fields["chosen"] != nil:
		return data.Preferences
	}
	return data.Texts
}

// corpusSource is the embedded corpus.
func corpusSource() *textSource {
	return embeddedSource("the embedded corpus", "corpus", data.Texts, data.Text, corpus.Text)
}

// embeddedSource is documents that come with the program, which are made when they are first opened.
func embeddedSource(name, base string, kind data.Kind, format data.Format, text func() []byte) *textSource {
	text = sync.OnceValue(text)
	return &textSource{kind: kind, name: name, base: base, format: format, folders: []string{cacheFolder()},
		open: func() (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(text())), int64(len(text())), nil
		}}
}

// cacheFolder is for what can be made again.
func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "minimind-gpu")
}

// shardFile is an open shard.
type shardFile struct {
	*data.Shard
	Path     string
	Prepared bool // it was made just now, not found
	f        *os.File
}

func (s *shardFile) close() { s.f.Close() }

// prepare opens the shard of the source, the tokenizer and the chat format (nil for texts), after making it if it is not
// there. Its name holds the beginnings of their hashes, so that a file that changed is never taken for the old one.
func (p *program) prepare(src *textSource, tok *tokenizer.Tokenizer, chat *chatFormat) (*shardFile, error) {
	hash, err := p.hash(src)
	if err != nil {
		return nil, err
	}
	want := data.ShardInfo{Kind: src.kind, TokenizerHash: tok.Hash(), SourceHash: hash}
	name := fmt.Sprintf("%s.%s.%s.shard", src.base, tok.Hash()[:8], hash[:8])
	if chat != nil {
		want.Chat = chat.String()
		name = fmt.Sprintf("%s.%s.%s.%s-%.4x.shard", src.base, tok.Hash()[:8], hash[:8], src.kind, sha256.Sum256([]byte(want.Chat)))
	}
	for _, folder := range src.folders {
		path := filepath.Join(folder, name)
		s, err := openShard(path, want)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			p.say("%s is made anew: %v", path, err)
		}
	}
	for i, folder := range src.folders {
		path := filepath.Join(folder, name)
		if err = os.MkdirAll(folder, 0o777); err == nil {
			err = p.makeShard(path, src, tok, chat)
		}
		readOnly := errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
		if readOnly && i+1 < len(src.folders) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := openShard(path, want)
		if err != nil {
			return nil, fmt.Errorf("%s changed while it was read, or its shard is not what was written (%w): try again", src.name, err)
		}
		s.Prepared = true
		return s, nil
	}
	return nil, err
}

// hash is the source's SHA-256.
func (p *program) hash(src *textSource) (string, error) {
	r, _, err := src.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", fmt.Errorf("reading %s: %w", src.name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// openShard opens a shard and makes sure that it was made from the wanted source in the wanted way.
func openShard(path string, want data.ShardInfo) (*shardFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	s, err := data.OpenShard(f, stat.Size())
	if err == nil && (s.TokenizerHash != want.TokenizerHash || s.SourceHash != want.SourceHash || s.Kind != want.Kind || s.Chat != want.Chat) {
		err = errors.New("it was made from another text or by another tokenizer")
	}
	if err == nil {
		err = s.Verify()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &shardFile{Shard: s, Path: path, f: f}, nil
}

// makeShard tokenises the source.
func (p *program) makeShard(path string, src *textSource, tok *tokenizer.Tokenizer, chat *chatFormat) error {
	r, size, err := src.open()
	if err != nil {
		return err
	}
	defer r.Close()
	bar := newProgress(p.stderr)
	defer bar.clear()
	start := time.Now()
	progress := func(done int64) {
		if size < 1e6 {
			return // it is done at once
		}
		bar.show(float64(done)/float64(size), done == size, func() string {
			return fmt.Sprintf("tokenising %s: %.0f of %.0f MB, %.1f MB/s", src.name, float64(done)/1e6, float64(size)/1e6,
				float64(done)/1e6/time.Since(start).Seconds())
		})
	}
	var bad error // with the documents: nothing to do with the shard's file
	err = p.saveAtomically(path, func(w io.Writer) error {
		if chat != nil {
			_, bad = data.PrepareChat(src.name, &interruptible{p, r}, src.kind, chat.Chat, w, progress)
		} else {
			_, bad = data.Prepare(src.name, &interruptible{p, r}, src.format, tok, w, progress)
		}
		return bad
	})
	return cmp.Or(bad, err)
}

// interruptible reads until Ctrl-C.
type interruptible struct {
	p *program
	r io.Reader
}

func (i *interruptible) Read(b []byte) (int, error) {
	if i.p.ctx.Err() != nil {
		return 0, errInterrupted
	}
	return i.r.Read(b)
}
