//go:build !js

package chart

import (
	"image"
	"image/draw"
	"slices"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// outlines draws letters from fonts: the embedded one, which has Latin, Greek and Cyrillic ones, and those that were
// found for others.
type outlines struct {
	fonts  []*opentype.Font
	faces  map[faceKey]font.Face
	lack   func(r rune) // is told of a letter that none of the fonts has
	buffer sfnt.Buffer
}

// faceKey is the place of a font in the list, and a size.
type faceKey struct {
	font int
	size float64
}

func newTypeface() typeface {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // the embedded font is whole
	}
	return &outlines{fonts: []*opentype.Font{f}, faces: map[faceKey]font.Face{}, lack: func(rune) {}}
}

// face is the first font that has the letter, or else the embedded one, which draws a box for it.
func (o *outlines) face(r rune, size float64) font.Face {
	key := faceKey{size: size}
	key.font = slices.IndexFunc(o.fonts, func(f *opentype.Font) bool {
		glyph, err := f.GlyphIndex(&o.buffer, r)
		return err == nil && glyph != 0
	})
	if key.font < 0 {
		key.font = 0
		o.lack(r)
	}
	face := o.faces[key]
	if face == nil {
		var err error
		if face, err = opentype.NewFace(o.fonts[key.font], &opentype.FaceOptions{Size: size, DPI: 72}); err != nil {
			panic(err) // the size is a number above 0
		}
		o.faces[key] = face
	}
	return face
}

func (o *outlines) advance(r rune, size float64) float64 {
	advance, _ := o.face(r, size).GlyphAdvance(r)
	return float64(advance) / 64
}

func (o *outlines) draw(r rune, size, x float64) *image.Alpha {
	bounds, mask, at, _, _ := o.face(r, size).Glyph(fixed.Point26_6{X: fixed.Int26_6(64 * x)}, r)
	picture := image.NewAlpha(bounds)
	if mask != nil {
		draw.Draw(picture, bounds, mask, at, draw.Src)
	}
	return picture
}

// AddFont draws letters that the fonts before it lack.
func (c *Chart) AddFont(f *opentype.Font) {
	c.change(func() {
		o := c.glyphs.font.(*outlines)
		o.fonts = append(o.fonts, f)
		c.glyphs.reset() // for letters that were boxes
	})
}

// FindFonts lets letters that the embedded font lacks be drawn, too: find looks for a font that has one, and returns nil
// if there is none. It is called for such letters only, each once, from a goroutine of its own: it may take its time.
// Until it has found one, and where it finds none, a box stands for the letter.
func (c *Chart) FindFonts(find func(r rune) *opentype.Font) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.glyphs.font.(*outlines)
	searching, asked := false, map[rune]bool{}
	o.lack = func(r rune) { // called while the chart is locked
		if searching || asked[r] {
			return
		}
		searching, asked[r] = true, true
		go func() {
			found := find(r)
			c.change(func() {
				if found != nil {
					o.fonts = append(o.fonts, found)
				}
				searching = false
				c.glyphs.reset() // boxes are drawn anew, or asked for in their turn
			})
		}()
	}
}
