//go:build !js

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

type doctorCommand struct {
	Folder string `arg:"" name:"run" help:"Folder of a run, finished or not."`
}

// Run prints what a run suffers from, and what to change.
func (c *doctorCommand) Run(p *program) error {
	records, run, err := readRun(c.Folder)
	if err != nil {
		return err
	}
	printReport(p, diagnose.Diagnose(records, run))
	return nil
}

// finding is a diagnosis in a line.
func finding(r diagnose.Report) string {
	if r.Advice == "" {
		return string(r.Cause)
	}
	return fmt.Sprintf("%s: %s", r.Cause, r.Advice)
}

// printReport prints a diagnosis.
func printReport(p *program, report diagnose.Report) {
	p.print("diagnosis  %s\n", report.Cause)
	if report.Advice != "" {
		p.print("change     %s\n", report.Advice)
	}
	p.print("stability  %d of 5\n", report.Stability)
	list := func(title string, checks []diagnose.Check) {
		p.print("\n%s\n", title)
		for _, check := range checks {
			p.print("  %-8s %s: %s\n           good: %s\n", check.Verdict, check.Name, check.Measure, check.Threshold)
			if check.Advice != "" {
				p.print("           change: %s\n", check.Advice)
			}
		}
	}
	list("the five checks", report.Checks)
	list("the three troubles", report.Troubles)
}

// memoryFile tells what a run took of its adapter's memory.
const memoryFile = "memory.json"

// memoryUse is what is in it.
type memoryUse struct {
	Adapter string `json:"adapter"`
	Peak    int64  `json:"peak_bytes"`
	Limit   int64  `json:"limit_bytes"` // 0: not known
}

// readRun reads what a run's folder says of it: its metrics, its planned length, which the newest checkpoint tells, and
// its memory.
func readRun(dir string) ([]metrics.Record, diagnose.Run, error) {
	var run diagnose.Run
	if _, err := runs.Open(dir); err != nil {
		return nil, run, err
	}
	name := filepath.Join(dir, metricsFile)
	f, err := os.Open(name)
	if err != nil {
		return nil, run, fmt.Errorf("the run has no metrics: %w", err)
	}
	defer f.Close()
	records, err := metrics.Read(name, f)
	if err != nil {
		return nil, run, err
	}
	if len(records) == 0 {
		return nil, run, fmt.Errorf("%s: no step has been recorded yet", name)
	}
	if opened, err := openRun(dir); err == nil {
		run.Steps = opened.reader.Header.State.TotalSteps
		opened.close()
	} else if len(checkpointSteps(filepath.Join(dir, checkpointsFolder))) > 0 {
		return nil, run, err
	}
	var use memoryUse
	text, err := os.ReadFile(filepath.Join(dir, memoryFile))
	if err == nil {
		err = json.Unmarshal(text, &use)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, run, fmt.Errorf("%s: %w", filepath.Join(dir, memoryFile), err)
	}
	run.Memory, run.MemoryLimit = use.Peak, use.Limit
	return records, run, nil
}

// doctor watches a run while it goes.
type doctor struct {
	records []metrics.Record
	run     diagnose.Run
	last    diagnose.Cause
}

// newDoctor begins with what an earlier sitting recorded, and writes down what the run takes of the memory.
func (r *training) newDoctor() (*doctor, error) {
	limit := r.memory.bytes
	if r.memory.shared {
		limit = 0 // all of the machine's memory is nothing to fill
	}
	_, _, peak := r.device.Ledger()
	d := &doctor{run: diagnose.Run{Memory: peak, MemoryLimit: limit}}
	text, err := json.Marshal(memoryUse{r.device.Info.Name, peak, limit})
	if err != nil {
		return nil, err
	}
	if err := r.saveAtomically(filepath.Join(r.folder.dir, memoryFile), writeBytes(append(text, '\n'))); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(r.folder.dir, metricsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if d.records, err = metrics.Read(f.Name(), f); err != nil {
		return nil, err
	}
	r.doctor = d
	return d, nil
}

// see takes a step, and says once in a while what the run has come to suffer from; "" if nothing new.
func (d *doctor) see(s train.Step) string {
	if s.RolledBack {
		for len(d.records) > 0 && d.records[len(d.records)-1].Step > s.BackTo {
			d.records = d.records[:len(d.records)-1]
		}
		return ""
	}
	line := recordOf(s)
	for _, name := range diagnose.Reads { // all values would fill the memory
		v, measured := s.Value(name)
		if measured && line.Values == nil {
			line.Values = map[string]float64{}
		}
		if measured {
			line.Values[name] = v
		}
	}
	d.records = append(d.records, line)
	if s.Validation == nil && !s.SaveDue {
		return ""
	}
	d.run.Steps = s.Steps
	report := diagnose.Diagnose(d.records, d.run)
	known := d.last
	d.last = report.Cause
	if report.Advice == "" || report.Cause == known {
		return ""
	}
	return finding(report)
}
