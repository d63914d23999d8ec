package train

import (
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// mixtures are tiny models with the experts of both generations.
func mixtures() map[string]config.Model {
	shared, switched := tinyModel(), tinyModel()
	shared.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 2, NumSharedExperts: 1, MoEIntermediateSize: 64, NormTopKProb: "multi", Aux: "sequence", AuxCoef: 0.01}
	switched.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 1, MoEIntermediateSize: 64, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
	return map[string]config.Model{"shared": shared, "switched": switched}
}

// Mixtures of both generations learn; every expert stays in use, and the balance loss near its floor.
func TestMixturesLearn(t *testing.T) {
	for name, m := range mixtures() {
		t.Run(name, func(t *testing.T) {
			c := testConfig()
			c.MaxSteps, c.BatchSize, c.AccumulationSteps = 60, 4, 1
			steps, _ := run(t, newTrainerOf(t, m, c), 0)
			first, last := steps[0], steps[len(steps)-1]
			if math.Abs(first.Loss-math.Log(512)-1.0/6) > 0.5 || last.Loss > first.Loss-1 {
				t.Errorf("loss from %.3f to %.3f", first.Loss, last.Loss)
			}
			floor := float64(m.NumHiddenLayers) * m.MoE.AuxCoef
			for _, s := range steps {
				if aux := value(t, s, AuxLoss); aux < 0.95*floor || aux > 1.6*floor {
					t.Errorf("step %d: balance loss %v, want near %v", s.Step, aux, floor)
				}
			}
			used := make([]float64, 4) // of the last layer's choices, over the last steps
			for _, s := range steps[40:] {
				sum, least, most := 0.0, value(t, s, LeastUsed), value(t, s, MostUsed)
				for e := range used {
					share := value(t, s, ExpertLoad(1, e))
					used[e] += share / 20
					sum += share
					if share < least || share > most {
						t.Errorf("step %d: a share of %v is not between %v and %v", s.Step, share, least, most)
					}
				}
				if math.Abs(sum-1) > 1e-9 {
					t.Errorf("step %d: the shares of a layer are %v in all", s.Step, sum)
				}
			}
			for e, share := range used {
				if share < 0.05 {
					t.Errorf("expert %d gets %.3f of the tokens", e, share)
				}
			}
		})
	}
}

func TestResumeWithExpertsIsExact(t *testing.T) { testResume(t, mixtures()["shared"]) }
