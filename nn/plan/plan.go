// Package plan says how to fit a training run into a memory: the largest micro-batch, the accumulation for a wanted
// effective batch, and the time that the data takes. How many bytes a batch takes it is told by whoever has the real
// buffers (train.Rehearse); there is no formula here.
package plan

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A run is meant to use between Low and High of the memory: less leaves the adapter idle, more leaves the driver and the
// screen too little.
const Low, High = 0.70, 0.85

// Batch is the advice for a memory.
type Batch struct {
	Largest      int   // rows of the largest micro-batch within High of the memory
	LargestBytes int64 // at its peak
	Limit        error // what more rows would break, if it is not the memory

	Rows         int // of a micro-batch: what is advised
	Accumulation int // micro-batches of a step, so that Rows*Accumulation is the effective batch, or the least above it
	Bytes        int64
}

// Share is the advised micro-batch's part of a memory.
func (b Batch) Share(memory int64) float64 { return float64(b.Bytes) / float64(memory) }

// ErrTooSmall is matched when not even one row fits.
var ErrTooSmall = errors.New("not even a micro-batch of one row fits")

// most is more rows than any adapter takes.
const most = 1 << 20

// Fit finds the advice for a memory in bytes and an effective batch in rows. bytes tells the peak of a run with so many
// rows, or why the adapter cannot run it whatever its memory; it grows with the rows.
func Fit(memory int64, effective int, bytes func(rows int) (int64, error)) (Batch, error) {
	limit := int64(High * float64(memory))
	fits := func(rows int) (int64, bool, error) {
		b, err := bytes(rows)
		return b, err == nil && b <= limit, err
	}
	b, ok, err := fits(1)
	if err != nil {
		return Batch{}, err
	}
	if !ok {
		return Batch{}, fmt.Errorf("%w: it takes %.1f MiB, and %.0f %% of the memory are %.1f MiB", ErrTooSmall, float64(b)/(1<<20), 100*High, float64(limit)/(1<<20))
	}
	advice := Batch{Largest: 1, LargestBytes: b}
	above := most // does not fit
	for low := 1; above-low > 1; {
		middle := min(2*low, most)
		if above < most {
			middle = (low + above) / 2
		}
		b, ok, err := fits(middle)
		if ok && middle < most {
			low, advice.Largest, advice.LargestBytes = middle, middle, b
		} else {
			above, advice.Limit = middle, err
		}
	}
	advice.Rows, advice.Accumulation = split(effective, advice.Largest)
	advice.Bytes, err = bytes(advice.Rows)
	return advice, err
}

// split divides an effective batch into micro-batches of at most largest rows: into equal ones if that makes them no
// smaller than half of the largest, else so that the effective batch is the least above the wanted one.
func split(effective, largest int) (rows, accumulation int) {
	least := (effective + largest - 1) / largest
	for n := least; n <= effective && 2*(effective/n) >= min(largest, effective); n++ {
		if effective%n == 0 {
			return effective / n, n
		}
	}
	return (effective + least - 1) / least, least
}

// Time is what some data takes.
type Time struct {
	Steps   int64
	Seconds float64
}

// Pass is the time of a pass over so many tokens, in steps of so many, at a speed in tokens a second.
func Pass(tokens, tokensPerStep int64, tokensPerSecond float64) Time {
	return Time{Steps: (tokens + tokensPerStep - 1) / tokensPerStep, Seconds: float64(tokens) / tokensPerSecond}
}

// ParseBytes reads a size of memory: 12GB, 11.5 GiB, 800MB, or plain bytes. GB is taken as makers of GPUs take it: 2^30.
func ParseBytes(text string) (int64, error) {
	s := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	factor := 1.0
	for unit, f := range map[string]float64{"KIB": 1 << 10, "KB": 1 << 10, "MIB": 1 << 20, "MB": 1 << 20, "GIB": 1 << 30, "GB": 1 << 30} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			s, factor = rest, f
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) || n*factor >= 1<<62 {
		return 0, fmt.Errorf("%q is no size of memory: write it as 12GB, 800MB or in bytes", text)
	}
	return int64(n * factor), nil
}

// Guide is what the widespread rule of thumb, batch = memory[GB] * 800 / (hidden * tokens), gives for a memory in bytes.
func Guide(memory int64, hidden, tokens int) float64 {
	return float64(memory) / (1 << 30) * 800 / float64(hidden*tokens)
}
