package chart

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		n         int
		log       bool
		want      string
	}{
		{0, 10, 5, false, "0 2 4 6 8 10"},
		{0, 1, 4, false, "0 0.2 0.4 0.6 0.8 1.0"},
		{1.21, 1.39, 5, false, "1.25 1.30 1.35"},
		{-1, 1, 4, false, "-1.0 -0.5 0 0.5 1.0"},
		{0, 2e-3, 4, false, "0 5e-4 1e-3 1.5e-3 2e-3"},
		{0, 25000, 5, false, "0 5k 10k 15k 20k 25k"},
		{0, 3e6, 3, false, "0 1M 2M 3M"},
		{1, 1.001, 3, false, "1.0000 1.0005 1.0010"},
		{1, 1000, 4, true, "1 10 100 1000"},
		{1, 50, 5, true, "1 2 5 10 20 50"},
		{2, 7, 5, true, "2 3 4 5 6 7"},
		{1e-6, 1e6, 4, true, "1e-6 1e-4 0.01 1 100 10k 1M"},
	} {
		var labels []string
		ticks := scale{low: c.low, high: c.high, log: c.log}.ticks(c.n)
		for _, tick := range ticks {
			labels = append(labels, tick.Label)
			if rim := 1e-9 * (c.high - c.low); tick.Value < c.low-rim || tick.Value > c.high+rim {
				t.Errorf("from %g to %g there is a tick at %g", c.low, c.high, tick.Value)
			}
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("from %g to %g: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

func TestTimeTicks(t *testing.T) {
	for _, c := range []struct {
		high float64
		want string
	}{
		{0.4, "0s 0.1s 0.2s 0.3s 0.4s"},
		{12, "0s 5s 10s"},
		{100, "0s 30s 1:00 1:30"},
		{3600, "0:00 15:00 30:00 45:00 1:00h"},
		{5 * 3600, "0:00 2:00h 4:00h"},
		{3 * 86400, "0d 1d 2d 3d"},
	} {
		var labels []string
		for _, tick := range timeTicks(0, c.high, 4) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("up to %g s: %s, want %s", c.high, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 2.34567: "2.346", 12.3456: "12.35", 0.0123: "0.01230", 0.00123: "1.23e-3", 1234.5: "1234",
		12345: "12.35k", 25.8e6: "25.8M", -2.5: "-2.500", math.NaN(): "–"} {
		if got := number(v); got != want {
			t.Errorf("%g is written %s, want %s", v, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}

func TestScale(t *testing.T) {
	for _, s := range []scale{{low: -2, high: 8, from: 300, to: 20}, {low: 1e-3, high: 100, from: 10, to: 700, log: true}} {
		for share := 0.0; share <= 1; share += 0.125 {
			pixel := s.from + share*(s.to-s.from)
			if got := s.pixel(s.value(pixel)); math.Abs(got-pixel) > 1e-9 {
				t.Errorf("%+v: pixel %g comes back as %g", s, pixel, got)
			}
		}
		if s.pixel(s.low) != s.from || math.Abs(s.pixel(s.high)-s.to) > 1e-9 {
			t.Errorf("%+v: the ends are at %g and %g", s, s.pixel(s.low), s.pixel(s.high))
		}
	}
	if !math.IsNaN(scale{low: 1, high: 10, log: true}.pixel(0)) {
		t.Error("a logarithmic scale has a place for 0")
	}
}

// TestColumns holds the columns against what each holds by definition.
func TestColumns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	xs, ys := make([]float64, 3000), make([]float64, 3000)
	byColumn := map[float64][]float64{}
	x := 0.0
	for i := range xs {
		x += random.ExpFloat64() * 0.2
		xs[i], ys[i] = x, 100+50*random.NormFloat64()
		if i%17 == 0 {
			ys[i] = math.NaN()
			continue
		}
		byColumn[math.Floor(x)] = append(byColumn[math.Floor(x)], ys[i])
	}
	all := columns(0, len(xs), func(i int) float64 { return xs[i] }, func(i int) float64 { return ys[i] })
	if len(all) != len(byColumn) {
		t.Fatalf("%d columns, want %d", len(all), len(byColumn))
	}
	for _, c := range all {
		want := byColumn[math.Floor(c.x)]
		sum := 0.0
		for _, v := range want {
			sum += v
		}
		if c.low != slices.Max(want) || c.high != slices.Min(want) || c.last != want[len(want)-1] || math.Abs(c.mean-sum/float64(len(want))) > 1e-9 {
			t.Fatalf("column %+v of %v", c, want)
		}
	}
	kept := map[int]bool{}
	to := scale{low: 0, high: 1, from: 0, to: 1}
	for _, i := range thin(to, xs, ys) {
		kept[i] = true
	}
	if len(kept) > 4*len(byColumn) || len(kept) < len(byColumn) {
		t.Errorf("%d points kept of %d columns", len(kept), len(byColumn))
	}
	var thinX, thinY []float64
	for i := range xs {
		if kept[i] {
			thinX, thinY = append(thinX, xs[i]), append(thinY, ys[i])
		}
	}
	again := columns(0, len(thinX), func(i int) float64 { return thinX[i] }, func(i int) float64 { return thinY[i] })
	if len(again) != len(all) {
		t.Fatalf("%d columns of the points kept, want %d", len(again), len(all))
	}
	for i := range all {
		if a, b := all[i], again[i]; a.low != b.low || a.high != b.high || a.last != b.last {
			t.Fatalf("of the points kept a column is %+v, want %+v", b, a)
		}
	}
}

// TestSmoothing holds the curve against the weighted least squares that define it.
func TestSmoothing(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	values := make([]float64, 60)
	for i := range values {
		values[i] = 5*math.Exp(-float64(i)/10) + random.NormFloat64()
	}
	values[0], values[7], values[8], values[59] = math.NaN(), math.NaN(), math.Inf(1), math.NaN()
	for _, factor := range []float64{0.3, 0.9, 0.999} {
		var s smoothed
		s.update(values[:40], factor)
		got := s.update(values, factor)
		for i, v := range values {
			if !finite(v) {
				if !math.IsNaN(got[i]) {
					t.Errorf("value %d is %g, the curve there %g", i, v, got[i])
				}
				continue
			}
			var w, wd, wdd, wv, wdv float64
			for k, u := range values {
				if d := float64(k - i); finite(u) {
					weight := math.Pow(factor, math.Abs(d))
					w, wd, wdd, wv, wdv = w+weight, wd+weight*d, wdd+weight*d*d, wv+weight*u, wdv+weight*d*u
				}
			}
			if want := (wdd*wv - wd*wdv) / (w*wdd - wd*wd); math.Abs(got[i]-want) > 1e-8 {
				t.Errorf("factor %g, point %d: %g, want %g", factor, i, got[i], want)
			}
		}
	}
	line := []float64{7, 5, 3, 1, -1}
	for i, v := range (&smoothed{}).update(line, 0.9) {
		if math.Abs(v-line[i]) > 1e-9 {
			t.Errorf("a straight line is smoothed to %g at %d", v, i)
		}
	}
	if got := (&smoothed{}).update([]float64{3}, 0.9); got[0] != 3 {
		t.Errorf("one point is smoothed to %v", got)
	}
}

// TestRaster: two triangles with a common edge cover each pixel of a square once.
func TestRaster(t *testing.T) {
	for _, turn := range []float64{0, 0.3, 1, 2} {
		c := &canvas{&Picture{Width: 40, Height: 40, Background: Color{1, 1, 1}}, newGlyphs(newTypeface())}
		c.clip(c.whole())
		var corners []vec
		for i := range 4 {
			corners = append(corners, vec{20, 20}.around(15, turn+float64(i)*math.Pi/2))
		}
		var v []uint32
		for _, p := range corners {
			v = append(v, c.vertex(p.x, p.y, Color{}, 0.5))
		}
		c.triangles(v[0], v[1], v[2], v[0], v[2], v[3])
		c.Atlas = c.glyphs.atlas
		img, inside := c.Image(), 0
		for y := range 40 {
			for x := range 40 {
				switch got := img.RGBAAt(x, y).R; got {
				case 127, 128:
					inside++
				case 255:
				default:
					t.Fatalf("turned by %g: pixel %d, %d is %d", turn, x, y, got)
				}
			}
		}
		if math.Abs(float64(inside)-450) > 25 {
			t.Errorf("turned by %g: %d pixels, want about 450", turn, inside)
		}
	}
}

// TestAtlasOverflow: pictures stay right when the atlas is full before, between and while they are made.
func TestAtlasOverflow(t *testing.T) {
	c := New()
	c.Append("a", example(20, 1, 1)...)
	first := c.Picture()
	before, atlas := first.Image(), slices.Clone(first.Atlas.Pix)
	for size := 100.0; size < 140; size++ {
		for _, r := range "abcdefghi" {
			c.glyphs.glyph(r, size, 0)
		}
	}
	if !slices.Equal(atlas, first.Atlas.Pix) {
		t.Error("the atlas of an earlier picture was changed")
	}
	for ratio := 1.0; ratio < 3; ratio += 0.5 { // each in sizes of its own
		c.SetSize(640, 400, ratio)
		c.glyphs.x, c.glyphs.y, c.glyphs.row = atlasSize-int(60*ratio), atlasSize-int(16*ratio), 0 // room for a few letters
		fresh := New()
		fresh.SetSize(640, 400, ratio)
		fresh.Append("a", example(20, 1, 1)...)
		if !slices.Equal(c.Picture().Image().Pix, fresh.Picture().Image().Pix) {
			t.Fatalf("at %g pixels a pixel the picture differs from that of a new chart", ratio)
		}
	}
	c.SetSize(640, 400, 1)
	if !slices.Equal(c.Picture().Image().Pix, before.Pix) {
		t.Error("the first picture does not come back")
	}
}

func TestTextIsRead(t *testing.T) {
	c := &canvas{&Picture{Width: 100, Height: 30, Background: Color{1, 1, 1}}, newGlyphs(newTypeface())}
	c.clip(c.whole())
	width := c.text(10, 20, 16, "Loss 1.5", Color{})
	if want := c.glyphs.width("Loss 1.5", 16); math.Abs(width-want) > 1 || want < 40 || want > 90 {
		t.Errorf("the text is %g wide, measured %g", width, want)
	}
	c.Atlas = c.glyphs.atlas
	img := c.Image()
	for part, dark := range map[image.Rectangle]bool{image.Rect(10, 5, 10+int(width), 21): true, image.Rect(0, 0, 9, 30): false, image.Rect(0, 22, 100, 30): false} {
		if n := near(img.SubImage(part).(*image.RGBA), Color{}); n > 0 != dark {
			t.Errorf("%d dark pixels in %v", n, part)
		}
	}
}

func TestStraightened(t *testing.T) {
	const tolerance = 0.1
	random := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct {
		y    func(x float64) float64
		most int // points that may stay of 700
	}{
		"a line":         {func(x float64) float64 { return 3 - x/7 }, 2},
		"a smooth curve": {func(x float64) float64 { return 300 * math.Exp(-x/90) }, 70},
		"a step":         {func(x float64) float64 { return 100 * math.Floor(x/350) }, 4},
		"noise":          {func(float64) float64 { return 50 * random.Float64() }, 700},
	} {
		var points []vec
		for x := range 700 {
			points = append(points, vec{float64(x), c.y(float64(x))})
		}
		few := straightened(points, tolerance)
		if len(few) > c.most || few[0] != points[0] || few[len(few)-1] != points[699] {
			t.Errorf("%s: %d points from %v to %v stay", name, len(few), few[0], few[len(few)-1])
		}
		for i := range few[1:] {
			a, b := few[i], few[i+1]
			for _, p := range points[int(a.x) : int(b.x)+1] {
				if away := math.Abs(p.minus(a).dot(b.minus(a).unit().across())); away > tolerance+1e-9 {
					t.Fatalf("%s: %v is %.2f from the line of %v and %v", name, p, away, a, b)
				}
			}
		}
	}
	if got := straightened([]vec{{1, 2}}, tolerance); len(got) != 1 {
		t.Errorf("of one point %v stays", got)
	}
}
