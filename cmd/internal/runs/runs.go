// Package runs reads the folders of runs, also while they are being written: their settings and their metrics.
package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// What a run's folder holds.
const (
	ConfigFile  = "config.yaml"   // every setting
	MetricsFile = "metrics.jsonl" // a line a step
)

// SweepFile is in the folder of a sweep, beside the folders of its runs.
const SweepFile = "sweep.yaml"

// Run is a run's folder.
type Run struct {
	Dir      string
	Settings map[string]string

	follower *metrics.Follower
}

// Open opens the folder of a run, which may have just begun.
func Open(dir string) (*Run, error) {
	stat, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such folder of a run", dir)
	}
	if err != nil {
		return nil, err
	}
	if !stat.IsDir() {
		return nil, fmt.Errorf("%s is a file: name the folder of a run, such as runs/20261123-120000-tiny", dir)
	}
	if exists(filepath.Join(dir, SweepFile)) {
		return nil, fmt.Errorf("%s is the folder of a sweep: name one of the runs in it", dir)
	}
	r := &Run{Dir: dir, follower: metrics.NewFollower(filepath.Join(dir, MetricsFile))}
	if r.Settings, err = readSettings(filepath.Join(dir, ConfigFile)); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, MetricsFile)); r.Settings == nil && err != nil {
		return nil, fmt.Errorf("%s is not the folder of a run: it holds neither %s nor %s", dir, MetricsFile, ConfigFile)
	}
	return r, nil
}

// find lists the folders of runs: those that are named, and in place of a sweep's the runs in it that have begun.
func find(dirs []string) []string {
	var all []string
	for _, dir := range dirs {
		if !exists(filepath.Join(dir, SweepFile)) {
			all = append(all, dir)
			continue
		}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if path := filepath.Join(dir, e.Name()); exists(filepath.Join(path, ConfigFile)) {
				all = append(all, path)
			}
		}
	}
	return all
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// OpenAll opens the folders of runs, and of sweeps all of whose runs that have begun: none, perhaps.
func OpenAll(dirs []string) ([]*Run, error) {
	var all []*Run
	for _, dir := range find(dirs) {
		r, err := Open(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// readSettings reads a config.yaml as names and values; nil if there is none.
func readSettings(name string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var written map[string]any
	if err := yaml.Unmarshal(text, &written); err != nil {
		return nil, fmt.Errorf("%s: not a YAML map of settings: %s", name, yaml.FormatError(err, false, false))
	}
	settings := map[string]string{}
	for name, value := range written {
		settings[name] = fmt.Sprint(value)
	}
	return settings, nil
}

// Next returns the steps that were recorded since the last call, all of them at first. After again, those returned so far
// hold no more: the run was resumed from an earlier step. It is no error that there are none yet.
func (r *Run) Next() (records []metrics.Record, again bool, err error) {
	f, err := os.Open(filepath.Join(r.Dir, MetricsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	return r.follower.Next(f)
}

// Names gives each run a short name: its folder's, with as many of those above as tell them apart.
func Names(all []*Run) []string {
	var paths []string
	for _, r := range all {
		path, err := filepath.Abs(r.Dir)
		if err != nil {
			path = r.Dir
		}
		paths = append(paths, path)
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i], path = filepath.Base(path), filepath.Dir(path)
		for k, other := range paths {
			for k != i && other != paths[i] && hasSuffix(other, names[i]) && path != filepath.Dir(path) {
				names[i], path = filepath.Join(filepath.Base(path), names[i]), filepath.Dir(path)
			}
		}
	}
	return names
}

// hasSuffix says whether a path ends in the elements of another.
func hasSuffix(path, end string) bool {
	return path == end || len(path) > len(end) && path[len(path)-len(end):] == end && os.IsPathSeparator(path[len(path)-len(end)-1])
}
