//go:build !js

package main

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

type infoCommand struct {
	Checkpoint string `arg:"" optional:"" name:"checkpoint|run" help:"Checkpoint or run's folder to look into."`
}

// Run prints what there is.
func (c *infoCommand) Run(p *program) error {
	if c.Checkpoint != "" {
		return p.describeCheckpoint(c.Checkpoint)
	}
	fmt.Fprintf(p.stdout, "minimind-gpu %s, %s, checkpoint format %d\n\nadapters (--adapter NUMBER, or a part of the name)\n", version(), runtime.Version(), checkpoint.Version)
	adapters := host.Adapters()
	if len(adapters) == 0 {
		fmt.Fprintln(p.stdout, "  none: install a GPU driver with Vulkan, or the software adapter (Debian and Ubuntu: apt install mesa-vulkan-drivers)")
	}
	for i, a := range adapters {
		l := a.Limits
		fmt.Fprintf(p.stdout, "  %d  %s\n     binding %s, buffer %s, %d storage buffers a kernel, workgroup memory %s, workgroup size %d, %d workgroups\n     f16 %s, timestamps %s\n     memory %s\n",
			i, a, host.Bytes(l.StorageBinding), host.Bytes(l.Buffer), l.StorageBuffers, host.Bytes(int64(l.WorkgroupMemory)), l.WorkgroupSize, l.GroupsPerDispatch,
			yesNo(a.F16), yesNo(a.Timestamps), p.machine.memoryOf(a))
	}
	fmt.Fprintln(p.stdout, "\npresets (--preset NAME)")
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, preset := range config.Presets() {
		m := preset.Model
		fmt.Fprintf(table, "  %s\t%d\tL %d, C %d, H %d, K %d, F %d, V %d\t%s\n", preset.Name, m.NumParameters(),
			m.NumHiddenLayers, m.HiddenSize, m.NumAttentionHeads, m.NumKeyValueHeads, m.FeedForwardWidth(), m.VocabSize, preset.Description)
	}
	return table.Flush()
}

// experts says how many there are.
func experts(e *config.MoE) string {
	used := "are"
	if e.NumExpertsPerTok == 1 {
		used = "is"
	}
	return fmt.Sprintf("%d experts of which %d %s used", e.NumExperts, e.NumExpertsPerTok, used)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// version is the module's version, or the commit that the program was built from.
func version() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" && len(s.Value) > 12 {
			return build.Main.Version + " (" + s.Value[:12] + ")"
		}
	}
	return build.Main.Version
}

// describeCheckpoint prints a checkpoint's header.
func (p *program) describeCheckpoint(path string) error {
	_, file, err := findCheckpoint(path)
	if err != nil {
		return err
	}
	reader, f, err := openCheckpoint(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := reader.Header
	m, s := h.Model, h.State
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("file", "%s", file)
	row("model", "%d parameters: L %d, C %d, H %d, K %d, D %d, F %d, V %d, tied head %s, QK-norm %s", m.NumParameters(), m.NumHiddenLayers,
		m.HiddenSize, m.NumAttentionHeads, m.NumKeyValueHeads, m.HeadDim, m.FeedForwardWidth(), m.VocabSize, yesNo(m.TieWordEmbeddings), yesNo(m.QKNorm))
	if e := m.MoE; e != nil {
		row("experts", "%s, each of width %d, %d shared; %d parameters are used by a token", experts(e), e.MoEIntermediateSize, e.NumSharedExperts, m.ActiveParameters())
	}
	if s := m.RopeScaling; s != nil {
		row("context", "YaRN %g x %d tokens", s.Factor, s.OriginalMaxPositionEmbeddings)
	}
	row("tokenizer", "%.12s", h.TokenizerHash)
	row("step", "%d of %d (%d skipped)", s.Step, s.TotalSteps, s.SkippedSteps)
	row("tokens", "%d", s.TokensSeen)
	row("data", "epoch %d, document %d, token %d", s.Cursor.Epoch, s.Cursor.Document, s.Cursor.Offset)
	row("best", "validation loss %.4f after step %d", s.BestValidationLoss, s.BestStep)
	groups := map[string]int64{}
	for _, t := range h.Tensors {
		groups[t.Group] += t.Bytes
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		row(group+"s", "%s", host.Bytes(groups[group]))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Settings)) {
		row("setting "+name, "%s", s.Settings[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Kernels)) {
		row("kernel "+name, "%s", s.Kernels[name])
	}
	return table.Flush()
}
