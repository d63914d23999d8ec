package chart

import (
	"math"
	"strconv"
	"strings"
)

// scale maps a range of values to a range of pixels.
type scale struct {
	low, high float64 // values; low < high, and 0 < low if logarithmic
	from, to  float64 // their pixels
	log       bool
}

// pixel is where a value lies: NaN for one that a logarithm does not have.
func (s scale) pixel(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		if v <= 0 {
			return math.NaN()
		}
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	return s.from + (v-low)/(high-low)*(s.to-s.from)
}

// value is what lies at a pixel.
func (s scale) value(pixel float64) float64 {
	share := (pixel - s.from) / (s.to - s.from)
	if s.log {
		return s.low * math.Pow(s.high/s.low, share)
	}
	return s.low + share*(s.high-s.low)
}

// Tick is a labelled place on an axis.
type Tick struct {
	Value float64
	Label string
}

// Ticks are about n round values from low to high, and at least two.
func Ticks(low, high float64, log bool, n int) []Tick {
	return scale{low: low, high: high, log: log}.ticks(n)
}

// ticks are about n round values of the scale, and at least two.
func (s scale) ticks(n int) []Tick {
	if s.log && s.high/s.low >= 10 {
		return logTicks(s.low, s.high, n)
	}
	for ; ; n *= 2 {
		if all := linearTicks(s.low, s.high, niceStep((s.high-s.low)/float64(n))); len(all) > 1 {
			return all
		}
	}
}

// niceStep is the least of 1, 2, 5, 10, ... that is not much below step.
func niceStep(step float64) float64 {
	step *= 0.7
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= step*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// linearTicks are the multiples of step from low to high.
func linearTicks(low, high, step float64) []Tick {
	var all []Tick
	first := math.Ceil(low/step-1e-9) + 0 // not -0
	for i := 0.0; i <= (high-low)/step+1; i++ {
		if v := (first + i) * step; v <= high+step*1e-9 {
			all = append(all, Tick{v, tickLabel(v, step, max(math.Abs(low), math.Abs(high)))})
		}
	}
	return all
}

// logTicks are powers of ten, and of their multiples as many as there is room for.
func logTicks(low, high float64, n int) []Tick {
	var all []Tick
	every := max(1, math.Ceil(math.Log10(high/low)/(1.5*float64(n))))
	for _, factors := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		all = nil
		for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
			for _, f := range factors {
				if v := f * math.Pow(10, e); math.Mod(e, every) == 0 && v >= low*(1-1e-9) && v <= high*(1+1e-9) {
					all = append(all, Tick{v, tickLabel(v, v, v)})
				}
			}
		}
		if 2*len(all) <= 3*n && len(all) > 1 {
			break
		}
	}
	return all
}

// tickLabel writes a multiple of step, on an axis whose largest value is most.
func tickLabel(v, step, most float64) string {
	switch {
	case math.Abs(v) < step*1e-9:
		return "0"
	case most >= 1e4:
		return thousands(v)
	case most < 0.01:
		return scientific(v, 2)
	}
	return strconv.FormatFloat(v, 'f', max(0, int(math.Ceil(-math.Log10(step)-1e-9))), 64)
}

// thousands writes a large number: 1.5k, 20M.
func thousands(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= unit.size*(1-1e-9) {
			return trim(strconv.FormatFloat(v/unit.size, 'g', 4, 64)) + unit.name
		}
	}
	return trim(strconv.FormatFloat(v, 'g', 4, 64))
}

func trim(s string) string {
	if strings.Contains(s, ".") && !strings.Contains(s, "e") {
		return strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// scientific writes a small number: 1.5e-4.
func scientific(v float64, digits int) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', digits-1, 64), "e")
	n, _ := strconv.Atoi(exponent)
	return trim(mantissa) + "e" + strconv.Itoa(n)
}

// number writes a value that is read off.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case a == 0:
		return "0"
	case a >= 1e4:
		return thousands(v)
	case a < 1e-2:
		return scientific(v, 3)
	}
	return strconv.FormatFloat(v, 'f', max(0, 3-int(math.Floor(math.Log10(math.Abs(v))))), 64)
}

// timeSteps are the round steps of a clock, in seconds.
var timeSteps = []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 120 * 3600, 240 * 3600}

// timeTicks are about n round times between low and high, in seconds.
func timeTicks(low, high float64, n int) []Tick {
	least := (high - low) / float64(max(n, 1))
	step := niceStep(least)
	if least > timeSteps[0]/2 {
		for _, step = range timeSteps {
			if step >= least {
				break
			}
		}
	}
	all := linearTicks(low, high, step)
	for i := range all {
		all[i].Label = clock(all[i].Value, step)
	}
	return all
}

// clock writes a time in seconds: 5s, 1:30 (minutes), 2h, 1:30h, 3d.
func clock(seconds, step float64) string {
	if step < 1 {
		return trim(strconv.FormatFloat(seconds, 'f', 3, 64)) + "s"
	}
	s := int64(math.Round(seconds))
	two := func(n int64) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }
	switch {
	case step >= 24*3600:
		return strconv.FormatInt(s/86400, 10) + "d"
	case s >= 3600 && s%60 == 0:
		return strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + "h"
	case s >= 3600:
		return strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + ":" + two(s%60)
	case s >= 60 || step >= 60:
		return strconv.FormatInt(s/60, 10) + ":" + two(s%60)
	}
	return strconv.FormatInt(s, 10) + "s"
}

// grouped writes a count: 12,345.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
