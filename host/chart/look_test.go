package chart

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// example is a run of n steps that looks like training.
func example(n int, seed uint64, rate float64) []Point {
	random := rand.New(rand.NewPCG(seed, 1))
	var all []Point
	for step := 1; step <= n; step++ {
		t := float64(step) / float64(n)
		loss := 1.2 + 5*math.Exp(-t*12*rate) + 0.8*math.Exp(-t*2)
		p := Point{Step: int64(step), Tokens: int64(step) * 1024, Seconds: float64(step) * 0.27, Loss: loss * (1 + 0.07*random.NormFloat64()),
			LearningRate: 2e-3 * rate * min(t*20, 0.1+0.45*(1+math.Cos(math.Pi*t))), GradNorm: 0.6 + math.Exp(-t*9)*3*random.Float64() + 0.2*random.Float64(), TokensPerSecond: 3800 + 200*random.NormFloat64()}
		if step%max(n/10, 1) == 0 {
			p.Validation = loss * 1.03
		}
		all = append(all, p)
	}
	return all
}

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK")
	if dir == "" {
		return
	}
	save := func(name string, c *Chart) {
		b, err := c.PNG()
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(dir+"/"+name+".png", b, 0o666)
	}
	c := New()
	c.SetSize(960, 600, 1)
	save("empty", c)
	c.Append("a", example(220, 1, 1)...)
	c.Mark("a", 90, "spike")
	save("one", c)
	c.Hover(500, 200)
	save("hover", c)
	c.SetTheme(Dark)
	c.Append("b", example(5000, 2, 0.6)...)
	c.Append("c", example(3000, 3, 1.6)...)
	c.SetSeries(Loss, LearningRate, GradNorm, TokensPerSecond)
	c.SetSize(1200, 800, 1)
	save("three", c)
	c.SetTheme(Light)
	c.SetLog(true)
	save("three-log", c)
	c.SetSize(390, 700, 2)
	c.Hover(200, 200)
	save("phone", c)
	fmt.Println("ok")
}
