package checkpoint

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

//go:generate go run github.com/tinylib/msgp -io=false -tests=false
//msgp:limit arrays:65536 marshal:true
//msgp:noduplicates
//msgp:ignore Settings

// Header is everything but the tensors' values: enough to rebuild the run, and to speak without any other file.
type Header struct {
	Model         config.Model `msg:"model"`
	TokenizerHash string       `msg:"tokenizer_hash"`           // names the tokenizer that the data was encoded with
	Tokenizer     []byte       `msg:"tokenizer,limit=67108864"` // its tokenizer.json, up to maxHeader
	State         State        `msg:"state"`
	Adapter       *Adapter     `msg:"adapter"` // nil: the tensors are a whole model's
	Tensors       []TensorInfo `msg:"tensors"` // in the order of the file
}

// Adapter describes LoRA adapters: a checkpoint of these holds them alone, in group "adapter", and Header.Model is that of
// the base, which is named by its weights.
type Adapter struct {
	LoRA config.LoRA `msg:"lora"`
	Base string      `msg:"base"` // SHA-256 of the base's parameters
}

// State is what a run must remember, besides its tensors, to go on as if it had never stopped. It is taken between two
// optimizer steps.
type State struct {
	Step         int64 `msg:"step"`          // optimizer steps done, the skipped ones included
	AppliedSteps int64 `msg:"applied_steps"` // those that changed the parameters: AdamW's t
	SkippedSteps int64 `msg:"skipped_steps"` // those left out because the gradient was not finite
	MicroSteps   int64 `msg:"micro_steps"`   // micro-batches done
	EmptyBatches int64 `msg:"empty_batches"` // passed over because no target in them counted
	TotalSteps   int64 `msg:"total_steps"`   // the learning-rate schedule's length

	Seed       uint64 `msg:"seed"`        // with the epoch and the step, all the randomness there is
	Cursor     Cursor `msg:"cursor"`      // the next token to train on
	TokensSeen int64  `msg:"tokens_seen"` // trained on so far, padding not counted

	BestValidationLoss float64 `msg:"best_validation_loss"` // +Inf before the first validation
	BestStep           int64   `msg:"best_step"`            // the step that it was measured after

	EarlyStop    EarlyStop `msg:"early_stop"`
	Trend        Trend     `msg:"trend"`
	Noise        Noise     `msg:"noise"`
	Accumulation int64     `msg:"accumulation"` // micro-batches of a step, as an adaptive batch has made them; 0: as the settings say
	LeaveOut     []Cursor  `msg:"leave_out"`    // batches that are passed over, since the loss jumped at them
	Rollbacks    int64     `msg:"rollbacks"`    // how often the run went back to leave batches out

	Kernels  Settings `msg:"kernels"`  // the kernel variants that were tuned: other ones would round otherwise
	Settings Settings `msg:"settings"` // the run's flags, resolved
}

// EarlyStop is what the rule that ends a run early has counted.
type EarlyStop struct {
	Reference float64 `msg:"reference"` // the validation loss that has to be improved on; +Inf before the first
	Since     int64   `msg:"since"`     // the step that it was measured after
	Stale     int64   `msg:"stale"`     // validations since then that did not improve on it
	Applied   int64   `msg:"applied"`   // applied steps at the last validation that counted
	Stopped   bool    `msg:"stopped"`   // the run has ended
	Last      float64 `msg:"last"`      // the validation loss that ended it
}

// Trend is the loss's recent course, from which a spike stands out (nn/train/diagnose).
type Trend struct {
	Mean     float64 `msg:"mean"`
	Variance float64 `msg:"variance"`
	Last     float64 `msg:"last"`
	Seen     int64   `msg:"seen"`
	Streak   int64   `msg:"streak"`
}

// Noise is what the gradient noise scale is computed from: averages over steps (nn/train).
type Noise struct {
	Signal  float64 `msg:"signal"`  // squared norm of the gradient without its noise
	Scatter float64 `msg:"scatter"` // variance of one target's gradient
	Seen    int64   `msg:"seen"`    // steps that were measured
}

// Reason says why the run was stopped.
func (e EarlyStop) Reason() string {
	return fmt.Sprintf("in %d validations the loss has not fallen far enough below the %.4f of step %d: it is %.4f", e.Stale, e.Reference, e.Since, e.Last)
}

// Cursor is a place in the data.
type Cursor struct {
	Epoch    int64 `msg:"epoch"`
	Document int64 `msg:"document"` // in the epoch's order
	Offset   int64 `msg:"offset"`   // in tokens, within the document
}

// The groups of tensors in a training checkpoint.
const (
	GroupParameter = "parameter"
	GroupAdapter   = "adapter"   // LoRA's matrices, instead of the parameters
	GroupMoment1   = "moment1"   // AdamW's mean of gradients
	GroupMoment2   = "moment2"   // AdamW's mean of squared gradients
	GroupReference = "reference" // of preferences: what the model that training began with says of each row
)

// TensorInfo describes one tensor: little-endian values, row-major.
type TensorInfo struct {
	Name  string `msg:"name"`
	Group string `msg:"group"` // GroupParameter, GroupMoment1, GroupMoment2, ...
	Shape []int  `msg:"shape"`
	DType string `msg:"dtype"` // "f32" or "u32"
	Bytes int64  `msg:"bytes"`
}

// Tensors lists the model's parameters once for each group, group by group.
func Tensors(m config.Model, groups ...string) []TensorInfo {
	return TensorsOf(m.Parameters(), groups...)
}

// TensorsOf lists the given parameters, such as those of adapters, once for each group.
func TensorsOf(parameters []config.Parameter, groups ...string) []TensorInfo {
	var list []TensorInfo
	for _, group := range groups {
		for _, p := range parameters {
			list = append(list, TensorInfo{Name: p.Name, Group: group, Shape: p.Shape, DType: "f32", Bytes: 4 * p.Elements()})
		}
	}
	return list
}
