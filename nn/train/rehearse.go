package train

import (
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// Rehearse makes all the buffers of a run, with data and weights of no meaning. On a host.Planner, the ledger and the
// limits then say what the run takes and whether the adapter can do it; on a device, its step can be timed. The trainer
// that it returns is for that only. validationRows are those of the validation data, 0 for none, and teacher is a
// distillation's, else nil.
func Rehearse(dev *host.Device, m config.Model, teacher *config.Model, c Config, validationRows int64) (t *Trainer, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.AccumulationSteps = 1 // micro-batches come one after the other: they take no memory on the device
	t = &Trainer{config: c, dev: dev}
	if teacher != nil {
		if t.teacher, err = nn.NewModel(dev, *teacher); err != nil {
			return nil, err
		}
	}
	if t.model, err = nn.NewModel(dev, m); err != nil {
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
	return t, dev.Err()
}
