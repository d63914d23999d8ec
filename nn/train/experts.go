package train

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn"
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

// expertValues are the values of a step's mixtures of experts; nil for a dense model.
func (t *Trainer) expertValues(s nn.State) map[string]float64 {
	moe := t.model.Config.MoE
	if moe == nil {
		return nil
	}
	least, most := 1.0, 0.0
	values := map[string]float64{AuxLoss: s.Aux}
	for l := range t.model.Config.NumHiddenLayers {
		counts := s.Choices[l*moe.NumExperts : (l+1)*moe.NumExperts]
		total := 0.0
		for _, n := range counts {
			total += float64(n)
		}
		for e, n := range counts {
			share := float64(n) / max(total, 1)
			values[ExpertLoad(l, e)] = share
			least, most = min(least, share), max(most, share)
		}
	}
	values[LeastUsed], values[MostUsed] = least, most
	return values
}
