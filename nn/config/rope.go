package config

import "math"

// YaRN stretches the rotary embedding from the original context to factor times it, as published; 16 times 2048 there.
func YaRN(factor float64, original int) *RopeScaling {
	return &RopeScaling{Type: "yarn", Factor: factor, OriginalMaxPositionEmbeddings: original, BetaFast: 32, BetaSlow: 1, AttentionFactor: 1}
}

// RopeTables returns the rotary embedding's cosines and sines, each (T, D/2): the angle of position t and pair j is
// t * theta^(-2j/D). Computed in float64. With RopeScaling, by YaRN: see frequencies.
func (m Model) RopeTables(T int) (cos, sin []float32) {
	half := m.HeadDim / 2
	frequencies := m.frequencies()
	factor := 1.0
	if m.RopeScaling != nil && m.RopeScaling.AttentionFactor != 0 {
		factor = m.RopeScaling.AttentionFactor
	}
	cos, sin = make([]float32, T*half), make([]float32, T*half)
	for t := range T {
		for j, frequency := range frequencies {
			s, c := math.Sincos(float64(t) * frequency)
			cos[t*half+j], sin[t*half+j] = float32(c*factor), float32(s*factor)
		}
	}
	return cos, sin
}

// frequencies are the radians a position turns each of the D/2 pairs by. YaRN keeps the fast pairs, which turn more
// than beta_fast times within the original context, divides the slow ones, below beta_slow turns, by the factor, and
// blends between them by a linear ramp.
func (m Model) frequencies() []float64 {
	d, base := float64(m.HeadDim), m.RopeTheta
	f := make([]float64, m.HeadDim/2)
	for j := range f {
		f[j] = 1 / math.Pow(base, float64(2*j)/d)
	}
	if s := m.RopeScaling; s != nil {
		low, high := s.ramp(m)
		for j := range f {
			slow := min(max((float64(j)-low)/max(high-low, 0.001), 0), 1)
			f[j] *= 1 - slow + slow/s.Factor
		}
	}
	return f
}

// ramp returns the pairs between which YaRN's blend rises from 0 to 1.
func (s *RopeScaling) ramp(m Model) (low, high float64) {
	d := float64(m.HeadDim)
	pairTurning := func(turns float64) float64 { // the pair that turns so often within the original context
		return d * math.Log(float64(s.OriginalMaxPositionEmbeddings)/(turns*2*math.Pi)) / (2 * math.Log(m.RopeTheta))
	}
	low = max(math.Floor(pairTurning(s.BetaFast)), 0)
	high = min(math.Ceil(pairTurning(s.BetaSlow)), d/2-1)
	return low, high
}
