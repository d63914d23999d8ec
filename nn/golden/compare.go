package golden

import (
	"fmt"
	"math"
)

// compare holds got against an expected tensor of the same number of elements.
func (c *testCase) compare(name string, got []float32, want *tensor, bound float64) {
	c.compareTo(name, got, want.values, norm(want.values, nil), bound)
}

// compareChange holds a parameter's change since start against the expected change.
func (c *testCase) compareChange(name string, got, start []float32, want *tensor, bound float64) {
	if len(start) != len(want.values) {
		c.fail(fmt.Errorf("%s: %d elements before the change and %d after it", name, len(start), len(want.values)))
		return
	}
	change := 0.0
	for i, w := range want.values {
		change += square(w - float64(start[i]))
	}
	c.compareTo(name, got, want.values, math.Sqrt(change), bound)
}

// compareTo records |got - want| / size.
func (c *testCase) compareTo(name string, got []float32, want []float64, size, bound float64) {
	if len(got) != len(want) || len(want) == 0 {
		c.fail(fmt.Errorf("%s: %d elements computed, %d expected", name, len(got), len(want)))
		return
	}
	c.checks = append(c.checks, Check{name, relative(norm(want, got), size), bound})
}

// compareIDs records the share of ids that differ.
func (c *testCase) compareIDs(name string, got []int, want *tensor) {
	if len(got) != len(want.values) {
		c.fail(fmt.Errorf("%s: %d ids computed, %d expected", name, len(got), len(want.values)))
		return
	}
	different := 0
	for i, w := range want.values {
		if float64(got[i]) != w {
			different++
		}
	}
	c.checks = append(c.checks, Check{name, float64(different) / float64(len(got)), 0})
}

// norm is the L2 norm of v - w, where no w is zero.
func norm(v []float64, w []float32) float64 {
	sum := 0.0
	for i := range v {
		if w == nil {
			sum += square(v[i])
		} else {
			sum += square(v[i] - float64(w[i]))
		}
	}
	return math.Sqrt(sum)
}

// relative is error / size; what should be zero must be zero.
func relative(err, size float64) float64 {
	if err == 0 {
		return 0
	}
	return err / size
}

// normOf is the L2 norm of v.
func normOf(v []float32) float32 {
	sum := 0.0
	for _, x := range v {
		sum += square(float64(x))
	}
	return float32(math.Sqrt(sum))
}

func square(x float64) float64 { return x * x }
