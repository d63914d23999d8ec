package chart

import (
	"image"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// atlasSize is the width and height of the atlas in pixels.
const atlasSize = 1024

// glyphs are the letters that were drawn so far, side by side in one image, the atlas: a graphics library then draws all
// of a picture from one texture. Its first pixels are full, for what is not text.
type glyphs struct {
	font    *opentype.Font
	faces   map[float64]font.Face // by size in device pixels
	places  map[glyphKey]glyph
	atlas   *image.Alpha // never written once a picture has it
	version int
	shared  bool // a picture has it
	begun   bool // the atlas was full and begun anew: places that were given before hold no more
	x, y    int  // where the next letter goes
	row     int  // the height of the row so far
}

type glyphKey struct {
	size  float64
	r     rune
	phase int // the quarter of a pixel that it begins at
}

// glyph is a letter's place in the atlas, and that of its upper left corner from where it is written.
type glyph struct {
	place   image.Rectangle
	offset  image.Point
	advance float64
}

func newGlyphs() *glyphs {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // the embedded font is whole
	}
	g := &glyphs{font: f, faces: map[float64]font.Face{}}
	g.reset()
	return g
}

// reset begins an empty atlas.
func (g *glyphs) reset() {
	g.atlas = image.NewAlpha(image.Rect(0, 0, atlasSize, atlasSize))
	draw.Draw(g.atlas, image.Rect(0, 0, 4, 4), image.Opaque, image.Point{}, draw.Src)
	g.places = map[glyphKey]glyph{}
	g.x, g.y, g.row, g.shared = 5, 0, 4, false
	g.version++
}

func (g *glyphs) face(size float64) font.Face {
	face := g.faces[size]
	if face == nil {
		var err error
		if face, err = opentype.NewFace(g.font, &opentype.FaceOptions{Size: size, DPI: 72}); err != nil {
			panic(err) // the size is a number above 0
		}
		g.faces[size] = face
	}
	return face
}

// width is how wide a text is, in device pixels like the size.
func (g *glyphs) width(text string, size float64) float64 {
	return float64(font.MeasureString(g.face(size), text)) / 64
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
	key := glyphKey{size, r, phase}
	if have, ok := g.places[key]; ok {
		return have
	}
	dot := fixed.Point26_6{X: fixed.Int26_6(phase * 64 / phases)}
	bounds, mask, at, advance, _ := g.face(size).Glyph(dot, r)
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
	have := glyph{place: image.Rect(g.x, g.y, g.x+bounds.Dx(), g.y+bounds.Dy()), offset: bounds.Min, advance: float64(advance) / 64}
	if mask != nil {
		draw.Draw(g.atlas, have.place, mask, at, draw.Src)
	}
	g.places[key] = have
	g.x += bounds.Dx() + 1
	g.row = max(g.row, bounds.Dy())
	return have
}
