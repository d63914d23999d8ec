package train

import (
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// Rehearse makes all the buffers of a run on a host.Planner, whose ledger and limits then say what the run takes and
// whether the adapter can do it. validationRows are those of the validation data, 0 for none, and teacher is a
// distillation's, else nil.
func Rehearse(planner *host.Device, m config.Model, teacher *config.Model, c Config, validationRows int64) (model *nn.Model, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.AccumulationSteps = 1 // micro-batches come one after the other: they take no memory on the device
	t := &Trainer{config: c, dev: planner}
	if teacher != nil {
		if t.teacher, err = nn.NewModel(planner, *teacher); err != nil {
			return nil, err
		}
	}
	if t.model, err = nn.NewModel(planner, m); err != nil {
		return nil, err
	}
	if err := t.adapt(); err != nil {
		return nil, err
	}
	if c.DPO.Beta > 0 { // what referencesOf takes, before the first step
		e, err := nn.NewEvaluation(t.model, nn.CrossEntropy{}, c.validationRows(), c.MaxSeqLen)
		if err != nil {
			return nil, err
		}
		e.Release()
	}
	if err := t.allocate(validationRows); err != nil {
		return nil, err
	}
	return t.model, planner.Err()
}
