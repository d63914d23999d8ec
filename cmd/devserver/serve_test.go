package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

func TestServeRelease(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	handler := serveRelease(fstest.MapFS{"index.html": file("plain"), "index.html.br": file("brotli"),
		"minimind.0123456789ab.wasm": file("plain"), "minimind.0123456789ab.wasm.gz": file("gzip"), "page.0123456789ab.js": file("plain")})
	for _, c := range []struct{ path, accepts, body, encoding, kind, caching string }{
		{"/", "gzip, br", "brotli", "br", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "", "plain", "", "text/html; charset=utf-8", "no-cache"},
		{"/minimind.0123456789ab.wasm", "gzip, br", "gzip", "gzip", "application/wasm", "public, max-age=31536000, immutable"},
		{"/page.0123456789ab.js", "br", "plain", "", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		if c.accepts != "" {
			r.Header.Set("Accept-Encoding", c.accepts)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		h := w.Result().Header
		got := []string{w.Body.String(), h.Get("Content-Encoding"), h.Get("Content-Type"), h.Get("Cache-Control")}
		if want := []string{c.body, c.encoding, c.kind, c.caching}; w.Code != http.StatusOK || strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %d %q, want %q", c.path, w.Code, got, want)
		}
		if h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("Cross-Origin-Embedder-Policy") != "require-corp" {
			t.Errorf("%s: not isolated: %v", c.path, h)
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/../serve.go", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("a file outside: %d", w.Code)
	}
}

// The source tree is served as it is now, and never cached.
func TestServeTree(t *testing.T) {
	source, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := source.serve()
	if err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"/": "<!doctype html>", "/page.js": "import", "/wasm_exec.js": "Go"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), says) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
	}
}

func TestExportRefusesAForeignFolder(t *testing.T) {
	folder := t.TempDir()
	mine := filepath.Join(folder, "thesis.txt")
	if err := os.WriteFile(mine, []byte("years of work"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := tree{}.export(folder, brotli.BestSpeed)
	if err == nil || !strings.Contains(err.Error(), "holds other files") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

func TestWrongUse(t *testing.T) {
	if err := run("", false, false, "", []string{"serve"}); err == nil || !strings.Contains(err.Error(), "serve") {
		t.Errorf("error %v", err)
	}
	if err := run("127.0.0.1:99999", false, true, "", nil); err == nil || !strings.Contains(err.Error(), "-addr 127.0.0.1:0") {
		t.Errorf("error %v", err)
	}
}
