//go:build !js

package main

import (
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// announce says what will be done, and with what.
func (r *training) announce() {
	r.say("adapter    %s", r.device.Info)
	r.say("model      %s%d parameters, %s of width %d, vocabulary %d", r.called, r.model.NumParameters(),
		counted(r.model.NumHiddenLayers, "layer"), r.model.HiddenSize, r.model.VocabSize)
	if e := r.model.MoE; e != nil {
		r.say("           %s by a token, and %d shared: %d parameters", experts(e), e.NumSharedExperts, r.model.ActiveParameters())
	}
	if r.remark != "" {
		r.say("           (%s)", r.remark)
	}
	if r.from != nil {
		r.say("from       %s, of step %d", r.from.file, r.from.reader.Header.State.Step)
	}
	if r.teacher != nil {
		r.say("teacher    %s: %d parameters", r.teacher.file, r.teacherModel().NumParameters())
	}
	r.announceData()
	f := r.flags.Training
	rows, micro := f.BatchSize*f.AccumulationSteps, fmt.Sprint(f.BatchSize)
	if r.shard.Kind == data.Preferences {
		rows, micro = 2*rows, micro+" x 2"
	}
	epochs := float64(r.trainer.Steps()) * float64(rows) / float64(max(r.stream.RowsPerEpoch(), 1))
	r.say("steps      %d of %d x %s x %d = %d tokens, about %.2f epochs", r.trainer.Steps(), f.AccumulationSteps, micro, f.MaxSeqLen, rows*f.MaxSeqLen, epochs)
	r.say("schedule   %s", describeSchedule(r.trainer.Schedule()))
	if name := f.SchedulePlot; name != "" {
		if err := scheduleSketch(r.trainer.Schedule()).save(r.program, name); err != nil {
			r.say("warning: %v", err)
		} else {
			r.say("           drawn in %s", name)
		}
	}
	entries, total, _ := r.device.Ledger()
	var parts []string
	for _, e := range entries {
		parts = append(parts, e.Purpose+" "+host.Bytes(e.Bytes))
	}
	r.say("memory     %s: %s", host.Bytes(total), strings.Join(parts, ", "))
	r.say("run        %s", r.folder.dir)
	if r.resumed != nil {
		r.say("resumed    from %s, after step %d", r.resumed.file, r.resumed.reader.Header.State.Step)
	}
}

// announceData says what the data is, and what of it is left out.
func (r *training) announceData() {
	made := ""
	if !r.shard.Prepared {
		made = ", tokenised before"
	}
	things, per := "documents", int64(1)
	switch r.shard.Kind {
	case data.Conversations:
		things = "conversations"
	case data.Preferences:
		things, per = "pairs", 2
	}
	r.say("data       %s: %d %s, %s tokens%s; %d to train on", r.dataName(), r.shard.Documents/per, things, thousands(float64(r.shard.Tokens)), made, r.documents)
	if n := r.shard.EmptyDocuments; n > 0 && r.chat != nil {
		r.say("           %d lines are left out: they have no answer to learn", n)
	}
	if n := r.stream.Skipped(); n > 0 {
		r.say("           %d %s are left out: a row of %d tokens ends before there is anything to learn in them (--max-seq-len)", n, things, r.flags.Training.MaxSeqLen)
	}
	if n := r.stream.Cut(); n > 0 && r.chat != nil {
		r.say("           %d conversations are cut off at %d tokens (--max-seq-len)", n, r.flags.Training.MaxSeqLen)
	}
}
