//go:build !js

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/golden"
)

type verifyCommand struct {
	Dirs    []string `arg:"" name:"dir" help:"Folders of golden cases, each with a case.json."`
	Adapter string   `placeholder:"GPU" help:"${adapter_help}"`
}

// Run computes every case and prints how far each tensor is from what it must be.
func (c *verifyCommand) Run(p *program) error {
	device, err := host.Open(host.Options{Adapter: c.Adapter})
	if err != nil {
		return err
	}
	defer device.Close()
	p.say("adapter %s", device.Info)
	failed := 0
	for _, dir := range c.Dirs {
		if p.ctx.Err() != nil {
			return errInterrupted
		}
		if !p.verifyCase(device, dir) {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d cases failed", failed, len(c.Dirs))
	}
	fmt.Fprintf(p.stdout, "%s passed\n", counted(len(c.Dirs), "case"))
	return nil
}

// verifyCase prints the case's table and says whether it passed.
func (p *program) verifyCase(device *host.Device, dir string) bool {
	fmt.Fprintf(p.stdout, "%s\n", dir)
	absolute, err := filepath.Abs(dir) // "." has no name to look up in a file system of its own
	if err != nil {
		fmt.Fprintf(p.stdout, "  FAILED: %v\n", err)
		return false
	}
	checks, err := golden.Verify(device, os.DirFS(absolute))
	passed := err == nil && len(checks) > 0
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, check := range checks {
		mark := "ok"
		if !check.OK() {
			mark, passed = "FAILED", false
		}
		fmt.Fprintf(table, "  %s\t%.2e\tof %.0e\t%s\n", check.Name, check.Error, check.Bound, mark)
	}
	table.Flush()
	switch {
	case err != nil:
		fmt.Fprintf(p.stdout, "  FAILED: %v\n", err)
	case len(checks) == 0:
		fmt.Fprintln(p.stdout, "  FAILED: the case compares nothing")
	}
	return passed
}
