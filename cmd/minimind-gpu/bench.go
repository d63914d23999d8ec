//go:build !js

package main

import "errors"

type benchCommand struct {
	Adapter string `help:"GPU to use; see pretrain."`
}

// Run measures.
func (c *benchCommand) Run(p *program) error { return errors.New("bench is not there yet") }
