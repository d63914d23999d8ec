package chart

import (
	"image"
	"image/draw"
	"math"
)

// typeface draws single letters. Sizes and lengths are in device pixels.
type typeface interface {
	// advance is how far the next letter begins from this one.
	advance(r rune, size float64) float64
	// draw draws a letter that begins at a height of 0 and at x, 0 <= x < 1. The picture is where it lies from there; it
	// is empty for a blank.
	draw(r rune, size, x float64) *image.Alpha
}

// atlasSize is the width and height of the atlas in pixels.
const atlasSize = 1024

// glyphs are the letters that were drawn so far, side by side in one image, the atlas: a graphics library then draws all
// of a picture from one texture. A number that changes is made of digits that are there already. The atlas' first pixels
// are full, for what is not text.
type glyphs struct {
	font     typeface
	places   map[glyphKey]glyph
	advances map[letter]float64
	atlas    *image.Alpha // never written once a picture has it
	version  int
	shared   bool // a picture has it
	begun    bool // the atlas was full and begun anew: places that were given before hold no more
	x, y     int  // where the next letter goes
	row      int  // the height of the row so far
}

// letter is a letter at a size.
type letter struct {
	r    rune
	size float64
}

type glyphKey struct {
	letter
	phase int // the quarter of a pixel that it begins at
}

// glyph is a letter's place in the atlas, that of its upper left corner from where it is written, and how far the next
// one begins from there.
type glyph struct {
	place   image.Rectangle
	offset  image.Point
	advance float64
}

func newGlyphs(f typeface) *glyphs {
	g := &glyphs{font: f}
	g.reset()
	return g
}

// reset begins an empty atlas.
func (g *glyphs) reset() {
	g.atlas = image.NewAlpha(image.Rect(0, 0, atlasSize, atlasSize))
	draw.Draw(g.atlas, image.Rect(0, 0, 4, 4), image.Opaque, image.Point{}, draw.Src)
	g.places, g.advances = map[glyphKey]glyph{}, map[letter]float64{}
	g.x, g.y, g.row, g.shared = 5, 0, 4, false
	g.version++
}

func (g *glyphs) advance(r rune, size float64) float64 {
	key := letter{r, size}
	advance, ok := g.advances[key]
	if !ok {
		advance = g.font.advance(r, size)
		g.advances[key] = advance
	}
	return advance
}

// width is how wide a text is, in device pixels like the size.
func (g *glyphs) width(text string, size float64) float64 {
	width := 0.0
	for _, r := range text {
		width += g.advance(r, size)
	}
	return width
}

// phases is how many places within a pixel a letter may begin at: small letters would stand unevenly at whole pixels.
const phases = 4

// start is the whole pixel and the phase at which a letter begins, whose place is x.
func start(x, size float64) (whole float64, phase int) {
	if size > 20 { // large ones stand evenly enough
		return math.Round(x), 0
	}
	whole = math.Floor(x)
	return whole, int((x - whole) * phases)
}

// glyph draws a letter that begins a number of quarters of a pixel after a whole one, unless it has been drawn.
func (g *glyphs) glyph(r rune, size float64, phase int) glyph {
	key := glyphKey{letter{r, size}, phase}
	if have, ok := g.places[key]; ok {
		return have
	}
	picture := g.font.draw(r, size, float64(phase)/phases)
	bounds := picture.Rect
	if g.x+bounds.Dx()+1 > atlasSize {
		g.x, g.y, g.row = 0, g.y+g.row+1, 0
	}
	if g.y+bounds.Dy()+1 > atlasSize {
		g.reset()
		g.begun = true
	}
	if g.shared { // pictures that were made before keep theirs
		old := g.atlas
		g.atlas = image.NewAlpha(old.Rect)
		copy(g.atlas.Pix, old.Pix)
		g.shared = false
		g.version++
	}
	have := glyph{place: image.Rect(g.x, g.y, g.x+bounds.Dx(), g.y+bounds.Dy()), offset: bounds.Min, advance: g.advance(r, size)}
	draw.Draw(g.atlas, have.place, picture, bounds.Min, draw.Src)
	g.places[key] = have
	g.x += bounds.Dx() + 1
	g.row = max(g.row, bounds.Dy())
	return have
}
