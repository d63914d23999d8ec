package train

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// makeModel makes the model with its first weights: those of From, or fresh ones. Those of a run that goes on are loaded
// later, except those of its adapters' base.
func (t *Trainer) makeModel(m config.Model, resumed *checkpoint.Reader) (err error) {
	if t.data.From != nil {
		t.model, err = nn.LoadModel(t.dev, t.data.From)
	} else if t.model, err = nn.NewModel(t.dev, m); err == nil && resumed == nil {
		t.model.Init(t.config.Seed)
	}
	if err != nil || t.config.LoRA.Rank == 0 {
		return err
	}
	if resumed != nil {
		if err := t.model.CheckBase(resumed.Header); err != nil {
			return err
		}
	}
	if err := t.adapt(); err != nil {
		return err
	}
	t.adapter, err = t.model.Adapters().Header()
	return err
}

// adapt gives the model the adapters that are to train, if any are.
func (t *Trainer) adapt() error {
	l := t.config.LoRA
	if l.Rank == 0 {
		return nil
	}
	if l.Targets == "" {
		l.Targets = t.model.Config.DefaultLoRA().Targets
	}
	_, err := nn.NewAdapters(t.model, l, t.config.Seed)
	return err
}

// makeTeacher loads the teacher of a distillation, which is the same all through a run.
func (t *Trainer) makeTeacher(resumed *checkpoint.Reader) (err error) {
	r := t.data.Teacher
	if t.config.Distillation.Temperature == 0 {
		return nil
	}
	if r.Header.TokenizerHash != t.data.Tokenizer.Hash() {
		return fmt.Errorf("the teacher was trained with another tokenizer, of which the same numbers are other tokens: take a teacher with the student's")
	}
	if t.teacher, err = nn.LoadModel(t.dev, r); err != nil {
		return fmt.Errorf("the teacher: %w", err)
	}
	hash, err := t.teacher.Hash()
	if err != nil {
		return err
	}
	if resumed == nil {
		t.state.Settings[teacherSetting] = hash
	} else if was := t.state.Settings[teacherSetting]; was != hash {
		return fmt.Errorf("this teacher (%.12s) is not the run's (%.12s): give the checkpoint that the run began with", hash, was)
	}
	return nil
}
