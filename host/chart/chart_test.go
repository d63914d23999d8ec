package chart

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
			LearningRate: 2e-3 * rate * min(t*20, 0.1+0.45*(1+math.Cos(math.Pi*t))),
			GradNorm:     0.6 + math.Exp(-t*9)*3*random.Float64() + 0.2*random.Float64(), TokensPerSecond: 3800 + 200*random.NormFloat64()}
		if step%max(n/10, 1) == 0 {
			p.Validation = loss * 1.03
		}
		all = append(all, p)
	}
	return all
}

// near counts a picture's pixels that are about of a colour.
func near(img *image.RGBA, c Color) int {
	want, count := c.RGBA(), 0
	for y := img.Rect.Min.Y; y < img.Rect.Max.Y; y++ {
		for x := img.Rect.Min.X; x < img.Rect.Max.X; x++ {
			got, off := img.RGBAAt(x, y), 0
			for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
				off = max(off, d, -d)
			}
			if off < 12 {
				count++
			}
		}
	}
	return count
}

// TestPictures draws charts of all kinds; MINIMIND_KEEP_PICTURES names a folder to keep them in, to be looked at.
func TestPictures(t *testing.T) {
	draw := func(name string, c *Chart, runs int) {
		t.Helper()
		img := c.Picture().Image()
		if want := image.Rect(0, 0, int(c.width*c.ratio), int(c.height*c.ratio)); img.Rect != want {
			t.Errorf("%s is %v, want %v", name, img.Rect, want)
		}
		for i := range runs {
			if n := near(img, c.theme.run(i)); n < 500 {
				t.Errorf("%s: %d pixels of the colour of run %d", name, n, i)
			}
		}
		if dir := os.Getenv("MINIMIND_KEEP_PICTURES"); dir != "" {
			b, err := c.PNG()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+".png"), b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := New()
	c.SetSize(960, 600, 1)
	draw("empty", c, 0)
	c.Append("a", example(220, 1, 1)...)
	c.Mark("a", 90, "spike")
	c.Hover(500, 200)
	draw("one", c, 1)
	c.SetTheme(Dark)
	c.Append("b", example(5000, 2, 0.6)...)
	c.Append("c", example(3000, 3, 1.6)...)
	c.SetSeries(Loss, LearningRate, GradNorm, TokensPerSecond)
	c.SetSize(1200, 800, 1)
	c.Hover(560, 200)
	draw("three", c, 3)
	c.SetTheme(Light)
	c.SetLog(true)
	c.SetTable(Differences([]map[string]string{{"seed": "1", "learning_rate": "2e-3"}, {"seed": "2", "learning_rate": "1e-3"}, {"seed": "3"}}))
	c.SetNote("a note")
	draw("log", c, 3)
	c.SetX(ByTime)
	c.SetSize(390, 700, 2)
	c.Hover(200, 200)
	draw("phone", c, 3)
}

func TestPictureOnlyWhenChanged(t *testing.T) {
	c := New()
	c.Append("a", example(50, 1, 1)...)
	first := c.Picture()
	c.SetSize(640, 400, 1)
	c.Leave()
	if c.Picture() != first {
		t.Error("another picture, though nothing has changed")
	}
	for i, change := range []func(){
		func() { c.Append("a", Point{Step: 51, Loss: 1}) }, func() { c.SetSmoothing(0.5) }, func() { c.SetLog(true) }, func() { c.SetX(ByTokens) },
		func() { c.SetTheme(Dark) }, func() { c.SetSeries(Loss) }, func() { c.SetSize(300, 300, 2) }, func() { c.Hover(100, 100) },
		func() { c.SetLanguage(Chinese) }, func() { c.Remove("a") },
	} {
		before := c.Picture()
		change()
		if after := c.Picture(); after == before || after.Version == before.Version || slices.Equal(after.Image().Pix, before.Image().Pix) {
			t.Errorf("change %d is not seen", i)
		}
	}
}

// TestCurveIsWhereItBelongs reads a curve's height back from the pixels.
func TestCurveIsWhereItBelongs(t *testing.T) {
	for _, n := range []int{1, 3, 100, 20000} {
		for _, log := range []bool{false, true} {
			c := New()
			c.SetSize(500, 300, 2)
			c.SetSeries(Loss)
			c.SetLog(log)
			for i := range n {
				c.Append("a", Point{Step: int64(i + 1), Loss: 2})
			}
			c.Append("b", Point{Step: 1, Loss: 1}, Point{Step: int64(n + 1), Loss: 4})
			img := c.Picture().Image()
			p := c.panels[0]
			for _, share := range []float64{0.1, 0.9} {
				at := image.Pt(int(p.x.pixel(1+share*float64(n-1))), int(p.y.pixel(2)))
				if got, want := img.RGBAAt(at.X, at.Y), c.theme.run(0).RGBA(); got != want {
					t.Errorf("%d points, log %v: at %v there is %v, want %v", n, log, at, got, want)
				}
			}
		}
	}
}

// TestOddCharts draws what is hardly a chart.
func TestOddCharts(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, points := range map[string][]Point{
		"no point":        nil,
		"one point":       {{Step: 1, Loss: 3, Validation: 2}},
		"not finite":      {{Step: 1, Loss: nan, GradNorm: inf}, {Step: 2, Loss: inf, Validation: nan}, {Step: 3, Loss: nan}},
		"some not finite": {{Step: 1, Loss: 3}, {Step: 2, Loss: nan}, {Step: 3, Loss: 2}},
		"zero":            {{Step: 1}, {Step: 2}},
		"negative":        {{Step: 1, Loss: -1}, {Step: 2, Loss: 1, Values: map[string]float64{"reward": -3}}},
		"huge":            {{Step: 1, Loss: 1e300}, {Step: 1 << 60, Loss: -1e300}},
		"late":            {{Step: 1e6, Loss: 1}, {Step: 1e6 + 1, Loss: 1 + 1e-12}},
	} {
		for _, size := range [][2]float64{{640, 400}, {320, 200}, {40, 30}, {1, 1}} {
			for _, log := range []bool{false, true} {
				for _, x := range []X{ByStep, ByTokens, ByTime} {
					c := New()
					c.SetSize(size[0], size[1], 1.5)
					c.SetSeries(Loss, LearningRate, GradNorm, "reward", "there is none such")
					c.SetLog(log)
					c.SetX(x)
					c.SetTable([][]string{{"a", "b"}, {"c", "d"}})
					c.Append("a", points...)
					c.Mark("a", 2, "mark")
					c.Hover(size[0]/2, size[1]/4)
					picture := c.Picture()
					for _, v := range picture.Vertices {
						if !finite(float64(v.X)) || !finite(float64(v.Y)) {
							t.Fatalf("%s, %v, log %v: a corner at %v, %v", name, size, log, v.X, v.Y)
						}
					}
					picture.Image()
				}
			}
		}
	}
}

func TestRunGoesOnFromEarlier(t *testing.T) {
	c := New()
	c.Append("a", example(10, 1, 1)...)
	c.Mark("a", 3, "stays")
	c.Mark("a", 8, "goes")
	c.Append("a", Point{Step: 6, Loss: 9, Values: map[string]float64{"load": 2}})
	r := c.runs[0]
	if got := r.axes[ByStep]; !slices.Equal(got, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("steps %v", got)
	}
	if got := r.values[Loss]; len(got) != 6 || got[5] != 9 {
		t.Errorf("losses %v", got)
	}
	if got := r.values["load"]; len(got) != 6 || !math.IsNaN(got[4]) || got[5] != 2 {
		t.Errorf("a series that begins late: %v", got)
	}
	if len(r.validation) != 5 || len(r.losses) != 5 {
		t.Errorf("validations %v", r.validation)
	}
	if len(r.marks) != 1 || r.marks[0].label != "stays" {
		t.Errorf("marks %v", r.marks)
	}
	if got := c.SeriesNames(); !slices.Equal(got, []string{Loss, LearningRate, GradNorm, TokensPerSecond, "load"}) {
		t.Errorf("series %v", got)
	}
	c.Clear("a")
	if !c.Empty() || !slices.Equal(c.Runs(), []string{"a"}) {
		t.Error("a run that is cleared keeps its place and has no points")
	}
}

func TestDifferences(t *testing.T) {
	got := Differences([]map[string]string{{"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4"}, nil})
	if want := "[[a 1 1 ] [b 2 4 ] [c 3  ]]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Differences([]map[string]string{{"a": "1"}, {"a": "1"}}); len(got) > 0 {
		t.Errorf("equal runs differ in %v", got)
	}
}

// BenchmarkPicture makes the picture of two runs of 5,000 steps in four panels: of another step, and of a pointer that
// moves.
func BenchmarkPicture(b *testing.B) {
	c := New()
	c.SetSize(1100, 700, 1)
	c.SetSeries(Loss, LearningRate, GradNorm, TokensPerSecond)
	c.Append("a", example(5000, 1, 1)...)
	c.Append("b", example(5000, 2, 2)...)
	b.Run("step", func(b *testing.B) {
		last := example(5000, 1, 1)[4999]
		for b.Loop() {
			last.Step++
			c.Append("a", last)
			c.Picture()
		}
	})
	b.Run("pointer", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c.Hover(float64(200+i%600), 200)
			c.Picture()
		}
	})
	b.ReportMetric(float64(len(c.Picture().Vertices)), "vertices")
}
