package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

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
	for _, missing := range []string{"/../serve.go", "/page.aaaaaaaaaaaa.js"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", missing, nil))
		if caching := w.Header().Get("Cache-Control"); w.Code != http.StatusNotFound || strings.Contains(caching, "immutable") {
			t.Errorf("%s, which is not there: %d, kept %q", missing, w.Code, caching)
		}
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
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, address := range []string{"127.0.0.1:99999", taken.Addr().String()} {
		if err := run(address, false, true, "", nil); err == nil || !strings.Contains(err.Error(), address) && !strings.Contains(err.Error(), "99999") || !strings.Contains(err.Error(), "-addr 127.0.0.1:0") {
			t.Errorf("%s: error %v", address, err)
		}
	}
}

// The address that is printed, and opened, is one that a browser here can open.
func TestOpen(t *testing.T) {
	if url := urlOf(&net.TCPAddr{IP: net.IPv6zero, Port: 80}); url != "http://localhost:80/" {
		t.Error(url)
	}
	if runtime.GOOS != "linux" {
		return // other systems' programs are not found by PATH
	}
	folder := t.TempDir()
	opened := filepath.Join(folder, "opened")
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte("#!/bin/sh\necho $1 >"+opened+".new && mv "+opened+".new "+opened+"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	url := urlOf(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080})
	if err := openBrowser(url); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(opened); err == nil {
			if string(text) != "http://127.0.0.1:8080/\n" {
				t.Errorf("opened %q", text)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("no browser was opened")
		}
	}
}
