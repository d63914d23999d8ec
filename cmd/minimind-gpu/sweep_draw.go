//go:build !js

package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"

	"github.com/alecthomas/kong"
)

// gridOf is every combination of the values, the last setting changing fastest.
func gridOf(grid map[string][]any, known map[string]*kong.Flag) ([]map[string]any, error) {
	if err := checkSettings("grid", &grid, known); err != nil {
		return nil, err
	}
	all := []map[string]any{{}}
	for _, name := range slices.Sorted(maps.Keys(grid)) {
		if len(grid[name]) == 0 {
			return nil, fmt.Errorf("grid: %s has no values", name)
		}
		if len(all)*len(grid[name]) > mostRuns {
			return nil, fmt.Errorf("grid: these are more than %d combinations: vary less, or draw some of them by random", mostRuns)
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
func (r *sweepRandom) draw(known map[string]*kong.Flag) ([]map[string]any, error) {
	if r.Runs < 1 || len(r.From) == 0 {
		return nil, fmt.Errorf("random: runs is %d of %d settings: there must be at least one of each, as in\n  random:\n    runs: 8\n    from:\n      learning_rate: {low: 1e-4, high: 1e-2, scale: log}", r.Runs, len(r.From))
	}
	if r.Runs > mostRuns {
		return nil, fmt.Errorf("random: runs is %d: at most %d", r.Runs, mostRuns)
	}
	if err := checkSettings("random", &r.From, known); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(r.Seed, 0))
	all := make([]map[string]any, r.Runs)
	for i := range all {
		all[i] = map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(r.From)) {
			value, err := r.From[name].draw(random, isWhole(known[name]))
			if err != nil {
				return nil, fmt.Errorf("random: %s %w", name, err)
			}
			all[i][name] = value
		}
	}
	return all, nil
}

// draw draws a value: a whole number, where only that is possible.
func (r sweepRange) draw(random *rand.Rand, whole bool) (any, error) {
	var drawn float64
	switch {
	case len(r.Values) > 0:
		return r.Values[random.IntN(len(r.Values))], nil
	case !(r.High > r.Low) || r.Scale == "log" && r.Low <= 0:
		return nil, fmt.Errorf("is from %v to %v: it needs values, or low and high with low below high (and above 0 on a log scale)", r.Low, r.High)
	case r.Scale == "log":
		drawn = r.Low * math.Pow(r.High/r.Low, random.Float64())
	case r.Scale == "" || r.Scale == "linear":
		drawn = r.Low + (r.High-r.Low)*random.Float64()
	default:
		return nil, fmt.Errorf("has the scale %q: linear or log", r.Scale)
	}
	if whole {
		return int64(math.Round(drawn)), nil
	}
	return threeDigits(drawn), nil
}

// isWhole says that a flag takes whole numbers only.
func isWhole(flag *kong.Flag) bool {
	of := flag.Target.Type()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	return of.Kind() == reflect.Int || of.Kind() == reflect.Uint64
}

// threeDigits rounds a number: more say nothing, and make long names.
func threeDigits(v float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return rounded
}
