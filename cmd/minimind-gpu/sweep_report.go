//go:build !js

package main

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// stabilityMeans defines the score.
const stabilityMeans = "Stability is 5, less 1 if a step was left out, less 1 for a spike and 1 more if spikes are above 1 % of the steps, " +
	"less 1 if the loss scatters by more than 8 % and 1 more if by more than 15 %; 0 if the loss did not fall."

// report prints the table, best first, and writes the picture and the page.
func (s *sweep) report() error {
	slices.SortStableFunc(s.results, func(a, b *sweepResult) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.score(), b.score()))
	})
	rows := s.rows()
	table := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	s.print("%s\n", stabilityMeans)
	var dirs []string
	for _, r := range s.results {
		if r.problem == "" {
			dirs = append(dirs, r.dir)
		}
	}
	if len(dirs) == 0 {
		return fmt.Errorf("all runs have failed; the first: %s", s.results[0].problem)
	}
	picture := filepath.Join(s.dir, sweepPicture)
	quiet := &program{ctx: s.ctx, stdout: io.Discard, stderr: s.stderr, create: s.create}
	plot := plotCommand{Runs: dirs, Out: picture, Series: []string{"loss", "learning_rate"}, Width: 960, Height: 600, View: usualView}
	if err := plot.Run(quiet); err != nil {
		return err
	}
	if err := s.writePage(rows, picture); err != nil {
		return err
	}
	s.say("\ncurves  %s\nreport  %s\nwindow  minimind-gpu watch %s", picture, filepath.Join(s.dir, sweepReport), s.dir)
	for _, r := range s.results {
		if r.problem != "" {
			return fmt.Errorf("%s has failed: %s; mend it and give the same command again", r.name, r.problem)
		}
	}
	return nil
}

// rows are the table: its heading, then a row a run.
func (s *sweep) rows() [][]string {
	names := slices.Sorted(maps.Keys(s.results[0].varied))
	rows := [][]string{append(slices.Clone(names), "steps", "time", "loss", "validation", "PPL", "stability", "status")}
	for _, r := range s.results {
		var row []string
		for _, name := range names {
			row = append(row, r.varied[name])
		}
		perplexity := "-"
		if r.validation != 0 {
			perplexity = fmt.Sprintf("%.2f", math.Exp(r.validation))
		}
		rows = append(rows, append(row, fmt.Sprint(r.steps), clock(r.seconds), fmt.Sprintf("%.4f", r.loss), r.validationText(), perplexity, fmt.Sprint(r.stability), r.status))
	}
	return rows
}

// page is the report, whole in one file.
var page = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Sweep {{.Name}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c1917}
table{border-collapse:collapse}th,td{padding:.3rem .8rem;border-bottom:1px solid #d6d3d1;text-align:right}
th:last-child,td:last-child{text-align:left}tbody tr:first-child{background:#ecfccb}img{max-width:100%}pre{background:#f5f5f4;padding:1rem;overflow:auto}</style>
<h1>Sweep {{.Name}}</h1>
<table><thead><tr>{{range index .Rows 0}}<th>{{.}}</th>{{end}}</tr></thead>
<tbody>{{range slice .Rows 1}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody></table>
<p>Best first, by validation loss. The loss is the mean of the last tenth of the steps. {{.Stability}}</p>
<img alt="The runs' loss and learning rate over one another" src="{{.Picture}}">
<h2>The sweep</h2><pre>{{.File}}</pre></html>
`))

// writePage writes the report.
func (s *sweep) writePage(rows [][]string, picture string) error {
	drawn, err := os.ReadFile(picture)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(filepath.Join(s.dir, sweepRecord))
	if err != nil {
		return err
	}
	return s.saveAtomically(filepath.Join(s.dir, sweepReport), func(w io.Writer) error {
		return page.Execute(w, map[string]any{"Name": filepath.Base(s.dir), "Rows": rows, "Stability": stabilityMeans, "File": string(file),
			"Picture": template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(drawn))})
	})
}
