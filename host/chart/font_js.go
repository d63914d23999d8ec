package chart

import (
	"fmt"
	"image"
	"math"
	"syscall/js"
)

// browserFont draws letters with the browser's fonts, which have those of all languages, on a canvas that nobody sees.
type browserFont struct {
	family        string // as CSS has it
	canvas        js.Value
	context       js.Value
	width, height int     // of the canvas
	size          float64 // that the context is set to
}

func newTypeface() typeface { return &browserFont{family: "sans-serif"} }

// SetFont sets the fonts that letters are drawn with, as CSS names them.
func (c *Chart) SetFont(family string) {
	c.change(func() {
		if f := c.glyphs.font.(*browserFont); f.family != family {
			f.family, f.size = family, 0
			c.glyphs.reset()
		}
	})
}

// prepare makes the canvas large enough and sets the font's size. A canvas that is made larger forgets its font.
func (f *browserFont) prepare(width, height int, size float64) {
	if f.canvas.IsUndefined() || f.width < width || f.height < height {
		f.width, f.height, f.size = max(f.width, width), max(f.height, height), 0
		if offscreen := js.Global().Get("OffscreenCanvas"); offscreen.Truthy() {
			f.canvas = offscreen.New(f.width, f.height)
		} else {
			f.canvas = js.Global().Get("document").Call("createElement", "canvas")
			f.canvas.Set("width", f.width)
			f.canvas.Set("height", f.height)
		}
		f.context = f.canvas.Call("getContext", "2d", map[string]any{"willReadFrequently": true})
	}
	if f.size != size {
		f.size = size
		f.context.Set("font", fmt.Sprintf("%gpx %s", size, f.family))
		f.context.Set("textRendering", "geometricPrecision") // letters may begin within a pixel
		f.context.Set("fontKerning", "none")
	}
}

func (f *browserFont) advance(r rune, size float64) float64 {
	f.prepare(64, 64, size)
	return f.context.Call("measureText", string(r)).Get("width").Float()
}

func (f *browserFont) draw(r rune, size, x float64) *image.Alpha {
	f.prepare(64, 64, size)
	measured := f.context.Call("measureText", string(r))
	to := func(side string) float64 { return measured.Get("actualBoundingBox" + side).Float() }
	const rim = 1 // what smoothing may take more
	bounds := image.Rect(int(math.Floor(x-to("Left")))-rim, int(math.Floor(-to("Ascent")))-rim, int(math.Ceil(x+to("Right")))+rim, int(math.Ceil(to("Descent")))+rim)
	picture := image.NewAlpha(bounds)
	width, height := bounds.Dx(), bounds.Dy()
	f.prepare(width, height, size)
	f.context.Call("clearRect", 0, 0, width, height)
	f.context.Call("fillText", string(r), x-float64(bounds.Min.X), -bounds.Min.Y)
	rgba := make([]byte, 4*width*height)
	js.CopyBytesToGo(rgba, f.context.Call("getImageData", 0, 0, width, height).Get("data"))
	for i := range picture.Pix {
		picture.Pix[i] = rgba[4*i+3]
	}
	return picture
}
