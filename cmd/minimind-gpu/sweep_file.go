//go:build !js

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

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
	name   string // of its folder
	varied map[string]string
	args   []string // of the command, without --out
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

// runs are the sweep's, checked.
func (f *sweepFile) runs() ([]sweepRun, error) {
	f.Command = cmp.Or(f.Command, "pretrain")
	known, err := trainingFlags(f.Command)
	if err != nil {
		return nil, err
	}
	for name := range f.Set {
		if err := checkSetting(name, known); err != nil {
			return nil, fmt.Errorf("set: %w", err)
		}
	}
	if h := f.Halving; h != nil {
		h.Keep = cmp.Or(h.Keep, 0.5)
		if !(h.Keep > 0 && h.Keep < 1) {
			return nil, fmt.Errorf("halving: keep is %v: must be between 0 and 1", h.Keep)
		}
		if len(h.Rungs) == 0 || h.Rungs[0] < 1 || !slices.IsSorted(h.Rungs) {
			return nil, fmt.Errorf("halving: rungs are %v: they are the steps, growing, after which the worse runs are stopped", h.Rungs)
		}
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
	for i, c := range combinations {
		run := sweepRun{varied: map[string]string{}, args: strings.Fields(f.Command)}
		settings := maps.Clone(f.Set)
		if settings == nil {
			settings = map[string]any{}
		}
		parts := []string{fmt.Sprintf("%03d", i+1)}
		for _, name := range slices.Sorted(maps.Keys(c)) {
			if _, both := f.Set[name]; both {
				return nil, fmt.Errorf("%s is both set for all runs and varied", name)
			}
			settings[name], run.varied[name] = c[name], textOf(c[name])
			parts = append(parts, name+"-"+run.varied[name])
		}
		run.name = strings.Map(func(r rune) rune {
			if strings.ContainsRune("/\\ :*?\"<>|,", r) {
				return '_'
			}
			return r
		}, strings.Join(parts, "-"))
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			run.args = append(run.args, "--"+strings.ReplaceAll(name, "_", "-")+"="+textOf(settings[name]))
		}
		if err := checkArguments(run.args); err != nil {
			return nil, fmt.Errorf("run %s: %w", run.name, err)
		}
		runs = append(runs, run)
	}
	return runs, nil
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

// gridOf is every combination of the values, the last setting changing fastest.
func gridOf(grid map[string][]any, known []string) ([]map[string]any, error) {
	all := []map[string]any{{}}
	for _, name := range slices.Sorted(maps.Keys(grid)) {
		if err := checkSetting(name, known); err != nil {
			return nil, fmt.Errorf("grid: %w", err)
		}
		if len(grid[name]) == 0 {
			return nil, fmt.Errorf("grid: %s has no values", name)
		}
		var next []map[string]any
		for _, c := range all {
			for _, v := range grid[name] {
				with := maps.Clone(c)
				with[name] = v
				next = append(next, with)
			}
		}
		all = next
	}
	return all, nil
}

// draw draws the runs: the same ones for the same seed.
func (r *sweepRandom) draw(known []string) ([]map[string]any, error) {
	if r.Runs < 1 || len(r.From) == 0 {
		return nil, fmt.Errorf("random: runs is %d of %d settings: there must be at least one of each, as in\n  random:\n    runs: 8\n    from:\n      learning_rate: {low: 1e-4, high: 1e-2, scale: log}", r.Runs, len(r.From))
	}
	random := rand.New(rand.NewPCG(r.Seed, 0))
	all := make([]map[string]any, r.Runs)
	for i := range all {
		all[i] = map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(r.From)) {
			if err := checkSetting(name, known); err != nil {
				return nil, fmt.Errorf("random: %w", err)
			}
			from := r.From[name]
			switch {
			case len(from.Values) > 0:
				all[i][name] = from.Values[random.IntN(len(from.Values))]
			case !(from.High > from.Low) || from.Scale == "log" && from.Low <= 0:
				return nil, fmt.Errorf("random: %s is from %v to %v: it needs values, or low and high with low below high (and above 0 on a log scale)", name, from.Low, from.High)
			case from.Scale == "log":
				all[i][name] = threeDigits(from.Low * math.Pow(from.High/from.Low, random.Float64()))
			case from.Scale == "" || from.Scale == "linear":
				all[i][name] = threeDigits(from.Low + (from.High-from.Low)*random.Float64())
			default:
				return nil, fmt.Errorf("random: %s has the scale %q: linear or log", name, from.Scale)
			}
		}
	}
	return all, nil
}

// threeDigits rounds a number: more say nothing, and make long names.
func threeDigits(v float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return rounded
}

// trainingFlags are the flags of a training command.
func trainingFlags(command string) ([]string, error) {
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
	var names []string
	for _, f := range node.Flags {
		names = append(names, f.Name)
	}
	if !slices.Contains(names, "max-steps") || !slices.Contains(names, "out") {
		return nil, fmt.Errorf("%q does not train: pretrain, sft, lora and the like do", command)
	}
	return names, nil
}

// checkSetting says that a setting is no flag of the command.
func checkSetting(name string, known []string) error {
	flag := strings.ReplaceAll(name, "_", "-")
	if slices.Contains(notSettings, flag) {
		return fmt.Errorf("%s is not for a sweep to set: each run has its own folder", name)
	}
	if !slices.Contains(known, flag) {
		return fmt.Errorf("there is no setting %q%s", name, didYouMean(flag, known))
	}
	return nil
}

// checkArguments parses the arguments without running anything.
func checkArguments(args []string) error {
	var files settingsFiles
	_, err := newParser(&program{stdout: io.Discard, stderr: io.Discard}, &commandLine{}, &files).Parse(dashed(args))
	return cmp.Or(files.err, err)
}
