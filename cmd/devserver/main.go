// Command devserver serves the page.
//
//	go run ./cmd/devserver                  the page as it is in this source tree: edit, reload
//	go run ./cmd/devserver -export DIR      the page as files for any static host, also below a path
//	make server                             bin/devserver, which holds the page and needs nothing else
package main

import (
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/andybalholm/brotli"
)

// release is the page that this program was built with, if any.
//
//go:embed all:site
var release embed.FS

const usage = `devserver serves the page on which a language model learns in the browser, or writes it as files.

  devserver                     serve it, at an address that is printed
  devserver -open               and open it in a browser
  devserver -export dist/site   write it for any static host, also below a path

`

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "listen on `HOST:PORT`; 0.0.0.0:8080 lets other machines in (their browsers want https for WebGPU)")
	open := flag.Bool("open", false, "open the page in a browser")
	export := flag.String("export", "", "write the page to `DIR` for a static host, instead of serving it")
	dev := flag.Bool("dev", false, "serve the source tree, even if this program holds a page")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*address, *open, *dev, *export, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

func run(address string, open, dev bool, export string, rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("%q is not understood; -help shows what is", rest)
	}
	if export != "" {
		tree, err := sourceTree()
		if err != nil {
			return err
		}
		return tree.export(export, brotli.BestCompression)
	}
	handler, err := page(dev)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%w; -addr 127.0.0.1:0 takes a free port", err)
	}
	url := urlOf(listener.Addr().(*net.TCPAddr))
	fmt.Println(url)
	if open {
		if err := openBrowser(url); err != nil {
			fmt.Fprintf(os.Stderr, "devserver: no browser could be opened (%v): please open %s\n", err, url)
		}
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	return server.Serve(listener)
}

// urlOf is where a browser on this machine finds what listens there.
func urlOf(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d/", a.Port)
	}
	return "http://" + a.String() + "/"
}

// page serves the page that this program holds, or else that of the source tree.
func page(dev bool) (http.Handler, error) {
	site, err := fs.Sub(release, "site")
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(site, "index.html"); err == nil && !dev {
		return serveRelease(site), nil
	}
	tree, err := sourceTree()
	if err != nil {
		return nil, err
	}
	return tree.serve()
}

func openBrowser(url string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", url).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", url).Start()
	}
	return exec.Command("xdg-open", url).Start()
}
