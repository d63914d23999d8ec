//go:build !js

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// sweepFile is what a sweep's YAML file says. Settings are named as flags are, with underscores or dashes.
type sweepFile struct {
	Command string           `yaml:"command"` // a training command; default pretrain
	Set     map[string]any   `yaml:"set"`     // settings of all runs
	Grid    map[string][]any `yaml:"grid"`    // every combination is a run
	Random  *sweepRandom     `yaml:"random"`  // or so many draws
	Halving *sweepHalving    `yaml:"halving"` // stop the worse runs on the way
}

// sweepRandom draws runs.
type sweepRandom struct {
	Runs int                   `yaml:"runs"`
	Seed uint64                `yaml:"seed"`
	From map[string]sweepRange `yaml:"from"`
}

// sweepRange is what a setting is drawn from: a list of values, or the numbers between two, evenly by their size or by
// their logarithm.
type sweepRange struct {
	Values    []any   `yaml:"values"`
	Low, High float64 `yaml:",omitempty"`
	Scale     string  `yaml:"scale"` // linear, or log
}

// sweepHalving stops runs: of those that have come to a rung only the best share goes on.
type sweepHalving struct {
	Rungs []int64 `yaml:"rungs"` // steps, growing
	Keep  float64 `yaml:"keep"`  // share that goes on; default 0.5
}

// sweepRun is one of the runs.
type sweepRun struct {
	name            string // of its folder
	varied          map[string]string
	args            []string // of the command, without --out
	adapter, memory string   // of its settings
}

// readSweep reads a sweep's file and makes its runs. Everything that can be known before a run is checked.
func readSweep(name string) (text []byte, f sweepFile, runs []sweepRun, err error) {
	if text, err = os.ReadFile(name); err != nil {
		return nil, f, nil, fmt.Errorf("cannot read the sweep: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		what, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		return nil, f, nil, fmt.Errorf("%s: not a sweep: %s (it has command, set, grid or random, and halving)", name, what)
	}
	if runs, err = f.runs(); err != nil {
		return nil, f, nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, f, runs, nil
}

// mostRuns is more than anybody waits for: a grid with more is a mistake, and is not made.
const mostRuns = 1000

// runs are the sweep's, checked.
func (f *sweepFile) runs() ([]sweepRun, error) {
	f.Command = cmp.Or(f.Command, "pretrain")
	known, err := trainingFlags(f.Command)
	if err != nil {
		return nil, err
	}
	if err := checkSettings("set", &f.Set, known); err != nil {
		return nil, err
	}
	if err := f.Halving.check(); err != nil {
		return nil, err
	}
	var combinations []map[string]any
	switch {
	case f.Grid != nil && f.Random != nil:
		return nil, errors.New("grid and random exclude each other")
	case f.Random != nil:
		combinations, err = f.Random.draw(known)
	case len(f.Grid) > 0:
		combinations, err = gridOf(f.Grid, known)
	default:
		err = errors.New("the grid is empty: name at least one setting with its values, as in\n  grid:\n    learning_rate: [1e-3, 2e-3]")
	}
	if err != nil {
		return nil, err
	}
	var runs []sweepRun
	for i, varied := range combinations {
		run, err := f.run(i+1, varied, known)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// run is the run of a number with some settings of its own.
func (f *sweepFile) run(number int, varied map[string]any, known map[string]*kong.Flag) (sweepRun, error) {
	run := sweepRun{varied: map[string]string{}, args: strings.Fields(f.Command)}
	settings := maps.Clone(f.Set)
	name := fmt.Sprintf("%03d", number)
	for _, setting := range slices.Sorted(maps.Keys(varied)) {
		if _, both := f.Set[setting]; both {
			return run, fmt.Errorf("%s is both set for all runs and varied", setting)
		}
		settings[setting], run.varied[setting] = varied[setting], textOf(varied[setting])
		name += "-" + setting + "-" + run.varied[setting]
	}
	run.name = folderName(name)
	for _, setting := range slices.Sorted(maps.Keys(settings)) {
		flag, value := known[setting], settings[setting]
		list, several := value.([]any)
		if !several || flag.Target.Kind() != reflect.Slice {
			list = []any{value}
		}
		for _, v := range list {
			run.args = append(run.args, "--"+flag.Name+"="+textOf(v))
		}
		switch flag.Name {
		case "adapter":
			run.adapter = textOf(value)
		case "memory":
			run.memory = textOf(value)
		}
	}
	if err := checkArguments(run.args); err != nil {
		return run, fmt.Errorf("run %s: %w", run.name, err)
	}
	if h, steps := f.Halving, settings["max_steps"]; h != nil && steps != nil {
		if n, err := strconv.ParseInt(textOf(steps), 10, 64); err == nil && n > 0 && h.Rungs[len(h.Rungs)-1] >= n {
			return run, fmt.Errorf("halving: rungs are %v, and run %s has %d steps: rungs come before the end", h.Rungs, run.name, n)
		}
	}
	return run, nil
}

// folderName is a name that a folder can have on every system. Runs' names begin with their number, so those that are cut
// off differ still.
func folderName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\\ :*?\"<>|,", r) || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, name)
	for len(name) > 100 {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return name
}

// check says what is wrong with a halving; nil is none.
func (h *sweepHalving) check() error {
	if h == nil {
		return nil
	}
	h.Keep = cmp.Or(h.Keep, 0.5)
	if !(h.Keep > 0 && h.Keep < 1) {
		return fmt.Errorf("halving: keep is %v: must be between 0 and 1", h.Keep)
	}
	last := int64(0)
	for _, rung := range h.Rungs {
		if rung <= last {
			last = 0
			break
		}
		last = rung
	}
	if last == 0 {
		return fmt.Errorf("halving: rungs are %v: they are the steps, growing, after which the worse runs are stopped", h.Rungs)
	}
	return nil
}

// textOf writes a value as a flag takes it.
func textOf(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, textOf(e))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}

// trainingFlags are the flags of a training command, under their names as settings.
func trainingFlags(command string) (map[string]*kong.Flag, error) {
	parser := newParser(&program{stdout: io.Discard, stderr: io.Discard}, &commandLine{}, &settingsFiles{})
	node := parser.Model.Node
	for _, word := range strings.Fields(command) {
		i := slices.IndexFunc(node.Children, func(c *kong.Node) bool { return c.Name == word })
		if i < 0 {
			return nil, fmt.Errorf("there is no command %q", command)
		}
		node = node.Children[i]
	}
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	known := map[string]*kong.Flag{}
	for _, f := range node.Flags {
		known[settingName(f.Name)] = f
	}
	if known["max_steps"] == nil || known["out"] == nil {
		return nil, fmt.Errorf("%q does not train: pretrain, sft, lora and the like do", command)
	}
	return known, nil
}

// settingName is a flag's name as settings are written.
func settingName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// checkSettings says which settings are no flags of the command, or there twice, and names them all with underscores.
func checkSettings[V any](where string, settings *map[string]V, known map[string]*kong.Flag) error {
	named := map[string]V{}
	for _, given := range slices.Sorted(maps.Keys(*settings)) {
		name := settingName(given)
		_, twice := named[name]
		switch {
		case slices.Contains(notSettings, strings.ReplaceAll(name, "_", "-")):
			return fmt.Errorf("%s: %s is not for a sweep's runs to set: the sweep says where they are and who looks on", where, given)
		case known[name] == nil:
			return fmt.Errorf("%s: there is no setting %q%s", where, given, didYouMean(name, slices.Sorted(maps.Keys(known))))
		case twice:
			return fmt.Errorf("%s: %s is there twice, with underscores and with dashes", where, name)
		}
		named[name] = (*settings)[given]
	}
	*settings = named
	return nil
}

// checkArguments parses the arguments without running anything.
func checkArguments(args []string) error {
	var files settingsFiles
	_, err := newParser(&program{stdout: io.Discard, stderr: io.Discard}, &commandLine{}, &files).Parse(dashed(args))
	return cmp.Or(files.err, err)
}
