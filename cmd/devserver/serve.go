package main

import (
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lpar/gzipped/v2"
)

func init() {
	// not what this machine's tables say: a browser compiles wasm while it loads only if it comes as such
	for ext, kind := range map[string]string{".wasm": "application/wasm", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"} {
		mime.AddExtensionType(ext, kind)
	}
}

// withHeaders adds what all answers have: the page is isolated from others, which gives it precise clocks.
func withHeaders(h http.Handler, caching func(name string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			r.URL.Path += "index.html"
		}
		header := w.Header()
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Embedder-Policy", "require-corp")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", caching(path.Base(r.URL.Path)))
		h.ServeHTTP(w, r)
	})
}

// serveRelease serves an exported page, compressed as the browser likes. Names with a hash never change.
func serveRelease(site fs.FS) http.Handler {
	return withHeaders(gzipped.FileServer(gzipped.FS(site)), func(name string) string {
		if _, err := fs.Stat(site, name); err == nil && hashed.MatchString(name) { // that it is not there may change
			return "public, max-age=31536000, immutable"
		}
		return "no-cache"
	})
}

// serve serves the source tree: each load sees the files as they are now, and the program is built again when its
// sources have changed.
func (t tree) serve() (http.Handler, error) {
	folder := filepath.Join(t.root, "dist", "dev")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	files := http.NewServeMux()
	files.Handle("/", http.FileServer(http.Dir(filepath.Join(t.root, "static"))))
	files.HandleFunc("/"+wasmName, func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Join(folder, wasmName)
		if err := t.build(name); err != nil {
			fmt.Fprintln(os.Stderr, "devserver:", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.ServeFile(w, r, name)
	})
	files.HandleFunc("/"+supportName, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, t.support()) })
	return withHeaders(serveIndex(files), func(string) string { return "no-store" }), nil
}

// serveIndex lets http.FileServer serve index.html by its name, which it would redirect.
func serveIndex(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "index.html")
		h.ServeHTTP(w, r)
	})
}
