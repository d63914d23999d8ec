package runs

import (
	"fmt"
	"strconv"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
)

// View is how curves are shown: the flags that watching and plotting share.
type View struct {
	X         string  `name:"x" default:"step" enum:"step,tokens,time" help:"What the horizontal axis counts: step, tokens or time."`
	Log       bool    `help:"Logarithmic vertical axes."`
	Smoothing float64 `default:"0.9" help:"How smooth the curves are, from 0 (not at all) to below 1: the weight of a point against that of its neighbour."`
	Theme     string  `default:"light" enum:"light,dark" help:"Colours: light or dark."`
}

// Validate says what cannot be, before the command runs.
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

// Apply lets a chart be shown this way.
func (v View) Apply(c *chart.Chart) {
	c.SetTheme(map[string]chart.Theme{"light": chart.Light, "dark": chart.Dark}[v.Theme])
	c.SetX(map[string]chart.X{"step": chart.ByStep, "tokens": chart.ByTokens, "time": chart.ByTime}[v.X])
	c.SetLog(v.Log)
	c.SetSmoothing(v.Smoothing)
}

// Chart is a chart of the runs as they are now, shown this way. Their ids are their places in the list.
func (v View) Chart(all []*Run) (*chart.Chart, error) {
	c := chart.New()
	v.Apply(c)
	for i, name := range Names(all) {
		c.SetName(ID(i), name)
		if err := all[i].Follow(c, ID(i)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ID is the id of the i-th run in a Chart.
func ID(i int) string { return strconv.Itoa(i) }

// Differences is a table of the settings in which the runs differ.
func Differences(all []*Run) [][]string {
	var settings []map[string]string
	for _, r := range all {
		settings = append(settings, r.Settings)
	}
	return chart.Differences(settings)
}
