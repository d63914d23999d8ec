package train

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// Value is a number that only some steps measure, under its name in the metrics.
type Value struct {
	Name  string
	Value float64
}

// Names of what objectives measure besides their loss; those of a validation begin with "validation_".
const (
	CrossEntropy   = "cross_entropy" // of a distillation
	RewardMargin   = "reward_margin" // of preferences, as are these; see nn.Preference
	RewardAccuracy = "reward_accuracy"
	RewardChosen   = "reward_chosen"
	RewardRejected = "reward_rejected"
)

// Names of the values of a step in which mixtures of experts were trained. Each expert's share of its layer's choices is
// under ExpertLoad.
const (
	AuxLoss   = "aux_loss"        // balance losses of all layers, which the loss leaves out
	LeastUsed = "expert_load_min" // the smallest share of all layers
	MostUsed  = "expert_load_max"
)

// ExpertLoad names the share of an expert in its layer's choices: expert_load_layer_LAYER_expert_EXPERT.
func ExpertLoad(layer, expert int) string {
	return fmt.Sprintf("expert_load_layer_%d_expert_%d", layer, expert)
}

// layerNames are the names of what is measured of each layer, made once.
type layerNames struct {
	updateRatio, largestActivation []string
	expertLoad                     []string // (L, E)
}

func namesOf(m config.Model) (n layerNames) {
	for l := range m.NumHiddenLayers {
		n.updateRatio = append(n.updateRatio, fmt.Sprintf("update_ratio_layer_%d", l))
		n.largestActivation = append(n.largestActivation, fmt.Sprintf("largest_activation_layer_%d", l))
		for e := 0; m.MoE != nil && e < m.MoE.NumExperts; e++ {
			n.expertLoad = append(n.expertLoad, ExpertLoad(l, e))
		}
	}
	return n
}

// Value is what the step measured under a name.
func (s *Step) Value(name string) (value float64, measured bool) {
	for _, v := range s.Values {
		if v.Name == name {
			return v.Value, true
		}
	}
	return 0, false
}

func (s *Step) add(name string, value float64) { s.Values = append(s.Values, Value{name, value}) }

// addObjective adds what the objective measures besides the loss.
func (t *Trainer) addObjective(s *Step, told nn.State) {
	switch {
	case t.config.Distillation.Temperature > 0:
		s.add(CrossEntropy, told.CrossEntropy)
	case t.config.DPO.Beta > 0:
		s.addPreference("", told.Preference)
	}
}

func (s *Step) addPreference(prefix string, p nn.Preference) {
	s.add(prefix+RewardMargin, p.Margin())
	s.add(prefix+RewardAccuracy, p.Accuracy)
	s.add(prefix+RewardChosen, p.ChosenReward)
	s.add(prefix+RewardRejected, p.RejectedReward)
}

// addExperts adds how a mixture's layers spread the tokens over their experts.
func (t *Trainer) addExperts(s *Step, told nn.State) {
	moe := t.model.Config.MoE
	if moe == nil {
		return
	}
	least, most := 1.0, 0.0
	for l := range t.model.Config.NumHiddenLayers {
		from, to := l*moe.NumExperts, (l+1)*moe.NumExperts
		total := 0.0
		for _, n := range told.Choices[from:to] {
			total += float64(n)
		}
		for e := from; e < to; e++ {
			share := float64(told.Choices[e]) / max(total, 1)
			s.add(t.names.expertLoad[e], share)
			least, most = min(least, share), max(most, share)
		}
	}
	s.add(AuxLoss, told.Aux)
	s.add(LeastUsed, least)
	s.add(MostUsed, most)
}

// addStatistics adds what was measured of the update, and of the activations.
func (t *Trainer) addStatistics(s *Step, told nn.State) {
	if scale := NoiseScale(t.state.Noise); scale > 0 {
		s.add("noise_scale", scale)
	}
	if told.UpdateRatio > 0 {
		s.add("update_ratio", told.UpdateRatio)
	}
	for l, ratio := range told.UpdateRatios {
		s.add(t.names.updateRatio[l], ratio)
	}
	for l, largest := range told.LargestActivation {
		s.add(t.names.largestActivation[l], largest)
	}
}
