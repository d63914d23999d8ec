package generate

import "math"

// Options shape the choice of a text's tokens.
type Options struct {
	MaxNewTokens      int
	Temperature       float64         // 1 leaves the model's probabilities; below is bolder; 0 is greedy
	TopK              int             // only the k likeliest; 0: all
	TopP              float64         // only the likeliest that make up this probability; 0 or 1: all; see Nucleus
	RepetitionPenalty float64         // divides the logits of tokens of the prompt and after it, if positive, else multiplies; 0 or 1: none
	PresencePenalty   float64         // taken from the logits of tokens that were written after the prompt
	FrequencyPenalty  float64         // the same, as often as they were
	LogitBias         map[int]float64 // added to the logits of these tokens
	Seed              uint64
	Greedy            bool // always the likeliest
	Stop              int  // the token that ends a text and is not returned; negative: none
	LogProbs          bool // tell each token's log-probability
	Alternatives      int  // and those of so many of the likeliest
}

// Nucleus is Options.TopP for the probability that somebody asks for: of 0, the likeliest token is left.
func Nucleus(p float64) float64 { return max(p, math.SmallestNonzeroFloat64) }

// End says why a text ended.
type End string

// Why a text ended.
const (
	EndStop   End = "stop"   // by Options.Stop
	EndLength End = "length" // by Options.MaxNewTokens or a full context
)

// Alternative is a token with its log-probability under the model itself: before penalties, biases, temperature, top-k and top-p.
type Alternative struct {
	ID      int
	LogProb float64
}

// Token is a token of a text. LogProb and Top, the likeliest, best first, are there if the options ask for them.
type Token struct {
	Alternative
	Top []Alternative
}

// Sequence is a text that a generator writes.
type Sequence struct {
	Token Token // the latest; none when End is EndStop
	End   End   // "" while it goes on

	slot    int
	prompt  []int
	read    int // tokens of it that are in the caches
	written int
	options Options
	sampler *sampler
}

// last is the token that is read next, once the prompt has been.
func (t *Sequence) last() int {
	if t.written == 0 {
		return t.prompt[len(t.prompt)-1]
	}
	return t.Token.ID
}

// advance chooses the token that follows the last from its logits.
func (t *Sequence) advance(logits []float32, context int) {
	t.read++
	id := t.sampler.choose(logits)
	if id == t.options.Stop {
		t.Token, t.End = Token{}, EndStop
		return
	}
	t.Token = Token{Alternative: Alternative{ID: id}}
	if t.options.LogProbs {
		t.Token = logProbs(logits, id, t.options.Alternatives)
	}
	t.written++
	if t.written >= t.options.MaxNewTokens || t.read >= context {
		t.End = EndLength
	}
}
