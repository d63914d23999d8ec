package chart

import "image/color"

// Color is red, green and blue from 0 to 1, as sRGB has them.
type Color [3]float32

// Theme is the chart's colours.
type Theme struct {
	Background, Panel Color
	Ink, Muted        Color // of text
	Grid, Axis        Color
	Runs              []Color // one after the other, then from the first again
}

// The colours of runs are those of Okabe and Ito ("Color Universal Design", 2008), which readers who are blind to red or
// green tell apart too; made darker for the light theme and lighter for the dark one where they need it.
var (
	Light = Theme{
		Background: hex(0xffffff), Panel: hex(0xffffff), Ink: hex(0x1f2430), Muted: hex(0x6b7280), Grid: hex(0xe9ebef), Axis: hex(0xb8bec8),
		Runs: []Color{hex(0x0072b2), hex(0xd55e00), hex(0x009e73), hex(0xb8508f), hex(0xc98a00), hex(0x3a9bd6), hex(0x4b5563)},
	}
	Dark = Theme{
		Background: hex(0x14171c), Panel: hex(0x14171c), Ink: hex(0xe6e9ee), Muted: hex(0x949cab), Grid: hex(0x262b33), Axis: hex(0x4a5260),
		Runs: []Color{hex(0x56b4e9), hex(0xf08a3c), hex(0x2cc295), hex(0xe391c3), hex(0xf0d442), hex(0x8fa8ff), hex(0xc3cad6)},
	}
)

func hex(rgb uint32) Color {
	return Color{float32(rgb>>16&255) / 255, float32(rgb>>8&255) / 255, float32(rgb&255) / 255}
}

// Mix goes the share t of the way from c to d.
func (c Color) Mix(d Color, t float32) Color {
	for i := range c {
		c[i] += (d[i] - c[i]) * t
	}
	return c
}

// RGBA is the colour as the image packages have it.
func (c Color) RGBA() color.RGBA {
	return color.RGBA{uint8(c[0]*255 + 0.5), uint8(c[1]*255 + 0.5), uint8(c[2]*255 + 0.5), 255}
}

// run is the colour of the i-th run.
func (t Theme) run(i int) Color { return t.Runs[i%len(t.Runs)] }
