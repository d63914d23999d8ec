//go:build !js

package main

import (
	"errors"

	"github.com/minimind-gpu/minimind-gpu/host"
)

func (c *benchCommand) benchStep(p *program, d *host.Device, peak float64) error {
	return errors.New("bench --step is not there yet")
}
