//go:build js

package main

import (
	"errors"
	"io"
	"syscall/js"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// store is the browser's own storage for this page (OPFS): files that outlive the tab.
type store struct{ folder js.Value }

var errOtherTab = worded("another tab with this page has the storage")

// openStore opens the storage. One tab at a time may have it; the lock is given back with the tab.
func openStore() (*store, error) {
	navigator := js.Global().Get("navigator")
	if !navigator.Get("storage").Truthy() || !navigator.Get("storage").Get("getDirectory").Truthy() || !navigator.Get("locks").Truthy() {
		return nil, worded("this browser offers no storage here")
	}
	for attempt := 0; ; attempt++ {
		locked, err := lock(navigator.Get("locks"))
		if err != nil {
			return nil, worded("this browser offers no storage here: %w", err)
		}
		if locked {
			break
		}
		if attempt == 10 { // a tab that is being closed needs a moment
			return nil, errOtherTab
		}
		time.Sleep(200 * time.Millisecond)
	}
	folder, err := host.Await(navigator.Get("storage").Call("getDirectory"))
	if err != nil {
		return nil, worded("this browser offers no storage here: %w", err)
	}
	return &store{folder}, nil
}

// lock takes the page's lock, if it is free, for as long as this worker lives.
func lock(locks js.Value) (bool, error) {
	type answer struct {
		locked bool
		err    error
	}
	answers := make(chan answer, 1)
	callback := js.FuncOf(func(_ js.Value, args []js.Value) any {
		answers <- answer{locked: args[0].Truthy()}
		if !args[0].Truthy() {
			return nil
		}
		never := js.FuncOf(func(js.Value, []js.Value) any { return nil })
		return js.Global().Get("Promise").New(never)
	})
	refused := js.FuncOf(func(_ js.Value, args []js.Value) any {
		answers <- answer{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	locks.Call("request", "minimind-gpu", map[string]any{"ifAvailable": true}, callback).Call("catch", refused)
	a := <-answers
	return a.locked, a.err
}

// file is an open file of the store.
type file struct {
	handle js.Value // FileSystemSyncAccessHandle
	end    int64    // where the next Write goes
}

// create makes an empty file; open opens one that is there.
func (s *store) create(name string) (*file, error) {
	f, err := s.handle(name, true)
	if err != nil {
		return nil, err
	}
	if err := catch(func() { f.handle.Call("truncate", 0) }); err != nil {
		f.close()
		return nil, worded("%s: %w", name, err)
	}
	return f, nil
}

func (s *store) open(name string) (*file, error) { return s.handle(name, false) }

func (s *store) handle(name string, create bool) (*file, error) {
	entry, err := host.Await(s.folder.Call("getFileHandle", name, map[string]any{"create": create}))
	if err != nil {
		return nil, worded("%s: %w", name, err)
	}
	handle, err := host.Await(entry.Call("createSyncAccessHandle"))
	if err != nil {
		return nil, worded("%s: %w", name, err)
	}
	return &file{handle: handle}, nil
}

// remove removes a file, if it is there.
func (s *store) remove(name string) { host.Await(s.folder.Call("removeEntry", name)) }

// names lists the files.
func (s *store) names() (names []string) {
	for keys := s.folder.Call("keys"); ; {
		next, err := host.Await(keys.Call("next"))
		if err != nil || next.Get("done").Bool() {
			return names
		}
		names = append(names, next.Get("value").String())
	}
}

// chunk is how many bytes cross over to JavaScript at a time.
const chunk = 1 << 20

// catch turns an exception that f throws, such as that of a full disk, into an error.
func catch(f func()) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			e, ok := thrown.(js.Error)
			if !ok {
				panic(thrown)
			}
			err = errors.New(e.Get("message").String())
		}
	}()
	f()
	return nil
}

func at(offset int64) map[string]any { return map[string]any{"at": offset} }

// Write writes behind what was written before.
func (f *file) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		part := p[n:min(n+chunk, len(p))]
		err = catch(func() {
			array := js.Global().Get("Uint8Array").New(len(part))
			js.CopyBytesToJS(array, part)
			wrote := f.handle.Call("write", array, at(f.end)).Int()
			n, f.end = n+wrote, f.end+int64(wrote)
			if wrote < len(part) {
				err = io.ErrShortWrite
			}
		})
	}
	return n, err
}

// ReadAt reads from an offset in bytes.
func (f *file) ReadAt(p []byte, offset int64) (n int, err error) {
	for n < len(p) && err == nil {
		array := js.Global().Get("Uint8Array").New(min(chunk, len(p)-n))
		read := 0
		err = catch(func() { read = f.handle.Call("read", array, at(offset+int64(n))).Int() })
		js.CopyBytesToGo(p[n:], array.Call("subarray", 0, read))
		n += read
		if read == 0 && err == nil {
			err = io.EOF
		}
	}
	return n, err
}

func (f *file) section() *io.SectionReader { return io.NewSectionReader(f, 0, f.size()) }

func (f *file) size() int64 { return int64(f.handle.Call("getSize").Float()) }

// close makes what was written last, and lets others open the file.
func (f *file) close() error {
	err := catch(func() { f.handle.Call("flush") })
	f.handle.Call("close")
	return err
}
