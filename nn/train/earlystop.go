package train

import (
	"fmt"
	"strconv"
	"strings"
)

// EarlyStop ends a run whose validation loss has stopped falling.
type EarlyStop struct {
	Patience int     // validations without an improvement after which the run ends; 0: never
	MinDelta float64 // what the loss must have fallen by to count as an improvement
}

// String is "patience,min-delta", empty for none.
func (e EarlyStop) String() string {
	if e.Patience == 0 {
		return ""
	}
	return fmt.Sprintf("%d,%g", e.Patience, e.MinDelta)
}

// MarshalText is String.
func (e EarlyStop) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads "patience" or "patience,min-delta"; "" is none.
func (e *EarlyStop) UnmarshalText(text []byte) error {
	*e = EarlyStop{}
	if len(text) == 0 {
		return nil
	}
	patience, delta, both := strings.Cut(string(text), ",")
	var err error
	if e.Patience, err = strconv.Atoi(strings.TrimSpace(patience)); err != nil || e.Patience < 1 {
		return fmt.Errorf("%q is not PATIENCE,MIN-DELTA, with a patience of at least 1 validation, as in 3,0.001", text)
	}
	if !both {
		return nil
	}
	if e.MinDelta, err = strconv.ParseFloat(strings.TrimSpace(delta), 64); err != nil || !(e.MinDelta >= 0) {
		return fmt.Errorf("%q: the min-delta must be a number of at least 0, as in 3,0.001", text)
	}
	return nil
}

// stopsEarly counts a validation and says whether the run ends with it. A validation counts if at least
// one step changed the parameters since the last one: skipped steps use up no patience.
func (t *Trainer) stopsEarly(v *Validation) bool {
	rule, s := t.config.EarlyStop, &t.state.EarlyStop
	if rule.Patience == 0 || t.state.AppliedSteps == s.Applied {
		return false
	}
	s.Applied = t.state.AppliedSteps
	if v.Loss < s.Reference-rule.MinDelta {
		s.Reference, s.Since, s.Stale = v.Loss, t.state.Step, 0
		return false
	}
	s.Stale++
	if s.Stale < int64(rule.Patience) {
		return false
	}
	s.Stopped, s.Last = true, v.Loss
	return true
}
