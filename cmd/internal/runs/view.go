package runs

import (
	"fmt"
	"strconv"
)

// View is how curves are shown: the flags that watching and plotting share.
type View struct {
	X         string  `name:"x" default:"step" enum:"step,tokens,time" help:"What the horizontal axis counts: step, tokens or time."`
	Log       bool    `help:"Logarithmic vertical axes."`
	Smoothing float64 `default:"0.9" help:"How smooth the curves are, from 0 (not at all) to below 1: the mean of all points, each weighing that factor less than the one beside it."`
	Theme     string  `default:"light" enum:"light,dark" help:"Colours: light or dark."`
}

// Validate says what cannot be.
func (v View) Validate() error {
	if !(v.Smoothing >= 0 && v.Smoothing < 1) {
		return fmt.Errorf("--smoothing is %v: must be from 0 to below 1", v.Smoothing)
	}
	return nil
}

// Args are the flags, for another program.
func (v View) Args() []string {
	return []string{"--x=" + v.X, "--log=" + strconv.FormatBool(v.Log), "--smoothing=" + strconv.FormatFloat(v.Smoothing, 'g', -1, 64), "--theme=" + v.Theme}
}
