//go:build !js

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// settingsFiles gives flags that the command line leaves out their values from the file named by --config, then from
// the config.yaml of the run named by --resume. Names are written with underscores or dashes.
type settingsFiles struct {
	files []settings // the first that has a name wins
	err   error
	read  bool
}

type settings map[string]any

// notSettings are flags that a file cannot hold: they say where the run is and who looks on, not what it does.
var notSettings = []string{"help", "config", "resume", "out", "watch", "schedule-plot"}

// Validate has nothing to say: names are checked against the command's flags when files are read.
func (s *settingsFiles) Validate(*kong.Application) error { return nil }

// Resolve returns the flag's value, or nil.
func (s *settingsFiles) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !s.read {
		s.read = true
		s.err = s.readFiles(ctx)
	}
	if s.err != nil || slices.Contains(notSettings, flag.Name) {
		return nil, nil // run returns err; kong would put the name of any flag before it
	}
	for _, file := range s.files {
		switch value := file[flag.Name].(type) {
		case nil:
		case []any:
			return value, nil
		default:
			return fmt.Sprint(value), nil
		}
	}
	return nil, nil
}

func (s *settingsFiles) readFiles(ctx *kong.Context) error {
	given := map[string]string{}
	for _, path := range ctx.Path {
		if path.Flag != nil && (path.Flag.Name == "config" || path.Flag.Name == "resume") {
			given[path.Flag.Name] = fmt.Sprint(ctx.FlagValue(path.Flag))
		}
	}
	if name := given["config"]; name != "" {
		if err := s.add(name, ctx); err != nil {
			return err
		}
	}
	if given["resume"] != "" {
		return s.addRun(given["resume"], ctx)
	}
	return nil
}

// addRun takes the settings of the run that a folder or a checkpoint is of. A checkpoint in no run's folder holds them
// itself, all but the place of its data.
func (s *settingsFiles) addRun(path string, ctx *kong.Context) error {
	dir, file, err := findCheckpoint(path)
	if err != nil {
		return err
	}
	reader, f, err := openCheckpoint(file)
	if err == nil {
		defer f.Close()
		if len(reader.Header.State.Settings) == 0 {
			return fmt.Errorf("%s holds a model but no run to go on with: begin one from it, as by minimind-gpu sft --from %s", file, path)
		}
		if is := stageOf(reader.Header); is != commandOf(ctx) {
			return fmt.Errorf("%s is a run of %s: go on with it by minimind-gpu %s --resume %s", path, is, is, path)
		}
	}
	if dir != "" { // a checkpoint that cannot be read is said when it is to be loaded
		if err := s.add(filepath.Join(dir, configFile), ctx); err != nil {
			return err
		}
		delete(s.files[len(s.files)-1], "tokenizer") // the checkpoint holds it, wherever that file went
		return nil
	}
	if err != nil {
		return err
	}
	header := reader.Header
	text, err := yaml.Marshal(header.Model)
	if err != nil {
		return err
	}
	var kept settings
	if err := yaml.Unmarshal(text, &kept); err != nil {
		return err
	}
	for name, value := range header.State.Settings {
		kept[name] = value
	}
	delete(kept, "data") // a hash there
	of := settings{}
	for name, value := range kept {
		if flag, value := flagOf(commandOf(ctx), name, value); value != nil && value != "" && slices.Contains(namesOf(ctx), flag) {
			of[flag] = value
		}
	}
	for _, p := range config.Presets() {
		if p.Model.VocabSize = header.Model.VocabSize; reflect.DeepEqual(p.Model, header.Model) {
			of["preset"] = p.Name
		}
	}
	s.files = append(s.files, of)
	return nil
}

// flagOf is the flag that sets what a command's checkpoint keeps under a name, and its value.
func flagOf(command, name string, value any) (string, any) {
	own, ok := strings.CutPrefix(name, command+"_")
	switch {
	case ok && own == "targets":
		return "target", value
	case ok && own == "mean":
		return "log-prob", map[any]string{"true": "mean", "false": "sum"}[value]
	case ok:
		return own, value
	}
	return strings.ReplaceAll(name, "_", "-"), value
}

// commandOf is the name of the selected command: the first, of one with commands of its own.
func commandOf(ctx *kong.Context) string {
	for _, path := range ctx.Path {
		if path.Command != nil {
			return path.Command.Name
		}
	}
	return ""
}

// namesOf are the settings that the command has flags for.
func namesOf(ctx *kong.Context) (names []string) {
	for _, f := range ctx.Flags() {
		if !slices.Contains(notSettings, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// add reads a file, whose names must all be flags of the command.
func (s *settingsFiles) add(name string, ctx *kong.Context) error {
	known := namesOf(ctx)
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("cannot read the settings: %w", err)
	}
	var written settings
	if err := yaml.Unmarshal(text, &written); err != nil {
		what, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		return fmt.Errorf("%s: not a YAML map of settings: %s", name, what)
	}
	file := settings{}
	for _, key := range slices.Sorted(maps.Keys(written)) {
		flag := strings.ReplaceAll(key, "_", "-")
		if !slices.Contains(known, flag) {
			return fmt.Errorf("%s: there is no setting %q%s", name, key, didYouMean(flag, known))
		}
		if _, twice := file[flag]; twice {
			return fmt.Errorf("%s: %s is there twice, with underscores and with dashes", name, key)
		}
		file[flag] = written[key]
	}
	s.files = append(s.files, file)
	return nil
}

// settingsOf lists the selected command's flags with their values, in the order of the help.
func settingsOf(ctx *kong.Context) yaml.MapSlice {
	var all yaml.MapSlice
	for _, f := range ctx.Selected().Flags {
		if value := valueOf(f); value != nil && !slices.Contains(notSettings, f.Name) {
			all = append(all, yaml.MapItem{Key: strings.ReplaceAll(f.Name, "-", "_"), Value: value})
		}
	}
	return all
}

// valueOf is a flag's value, nil when it has none.
func valueOf(f *kong.Flag) any {
	value := f.Target
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return nil
		}
		value = value.Elem()
	}
	return value.Interface()
}

// didYouMean suggests the known name that shares the most with the given one.
func didYouMean(name string, known []string) string {
	best, shared := "", 2
	for _, k := range known {
		prefix := 0
		for prefix < min(len(k), len(name)) && k[prefix] == name[prefix] {
			prefix++
		}
		if prefix > shared {
			best, shared = k, prefix
		}
	}
	if best == "" {
		return "; `minimind-gpu pretrain --help` lists them"
	}
	return fmt.Sprintf(", did you mean %q?", strings.ReplaceAll(best, "-", "_"))
}
