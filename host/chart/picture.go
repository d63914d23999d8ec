package chart

import (
	"image"
	"math"
)

// Picture is a chart as triangles over a background, in device pixels. It is never changed.
type Picture struct {
	Version       int // another one for another picture
	Width, Height int
	Background    Color
	Vertices      []Vertex
	Indices       []uint32 // of the triangles' corners
	Parts         []Part   // what is drawn, in order
	Atlas         *image.Alpha
	AtlasVersion  int // another one for another atlas
}

// Part is a range of Indices that is drawn within a rectangle only.
type Part struct {
	Clip     image.Rectangle
	From, To int
}

// Vertex is a corner of a triangle: its place, its place in the atlas, whose value there it is multiplied by, and its
// colour, which is multiplied by its alpha.
type Vertex struct {
	X, Y, U, V, R, G, B, A float32
}

// canvas makes a picture. Its lengths are in device pixels.
type canvas struct {
	*Picture
	glyphs *glyphs
}

// clip begins a part of the picture.
func (c *canvas) clip(r image.Rectangle) {
	c.Parts = append(c.Parts, Part{Clip: r, From: len(c.Indices), To: len(c.Indices)})
}

func (c *canvas) whole() image.Rectangle { return image.Rect(0, 0, c.Width, c.Height) }

// vertex adds a corner that is filled with the colour.
func (c *canvas) vertex(x, y float64, color Color, alpha float32) uint32 {
	c.Vertices = append(c.Vertices, Vertex{float32(x), float32(y), 2, 2, color[0] * alpha, color[1] * alpha, color[2] * alpha, alpha})
	return uint32(len(c.Vertices) - 1)
}

func (c *canvas) triangles(corners ...uint32) {
	c.Indices = append(c.Indices, corners...)
	c.Parts[len(c.Parts)-1].To = len(c.Indices)
}

// rect fills a rectangle.
func (c *canvas) rect(x0, y0, x1, y1 float64, color Color, alpha float32) {
	v := c.vertex(x0, y0, color, alpha)
	c.vertex(x1, y0, color, alpha)
	c.vertex(x1, y1, color, alpha)
	c.vertex(x0, y1, color, alpha)
	c.triangles(v, v+1, v+2, v, v+2, v+3)
}

type vec struct{ x, y float64 }

func (a vec) minus(b vec) vec           { return vec{a.x - b.x, a.y - b.y} }
func (a vec) plus(b vec) vec            { return vec{a.x + b.x, a.y + b.y} }
func (a vec) times(f float64) vec       { return vec{a.x * f, a.y * f} }
func (a vec) dot(b vec) float64         { return a.x*b.x + a.y*b.y }
func (a vec) length() float64           { return math.Hypot(a.x, a.y) }
func (a vec) across() vec               { return vec{-a.y, a.x} }
func (a vec) unit() vec                 { return a.times(1 / max(a.length(), 1e-9)) }
func (a vec) around(r, phi float64) vec { return vec{a.x + r*math.Cos(phi), a.y + r*math.Sin(phi)} }

// line draws a line through the points. Its edges fade over one pixel, which looks smooth and costs nothing. Bends are
// mitred; at a sharp corner the line ends and begins anew.
func (c *canvas) line(points []vec, width float64, color Color) {
	const sharp = 0.6 // the cosine of half of what the line turns by
	edge := func(p, normal vec, joined bool) {
		inner, outer := max(width/2-0.5, 0), width/2+0.5
		full := float32(min(width, 1)) // thinner than a pixel: fainter
		v := c.vertex(p.x-normal.x*outer, p.y-normal.y*outer, color, 0)
		c.vertex(p.x-normal.x*inner, p.y-normal.y*inner, color, full)
		c.vertex(p.x+normal.x*inner, p.y+normal.y*inner, color, full)
		c.vertex(p.x+normal.x*outer, p.y+normal.y*outer, color, 0)
		for k := v; joined && k < v+3; k++ {
			c.triangles(k-4, k-3, k, k-3, k+1, k)
		}
	}
	side := func(i int) vec { return points[i+1].minus(points[i]).unit().across() } // of the line from point i
	last := len(points) - 1
	for i, p := range points {
		switch {
		case last == 0:
		case i == 0:
			edge(p, side(0), false)
		case i == last:
			edge(p, side(i-1), true)
		default:
			before, after := side(i-1), side(i)
			normal := before.plus(after).unit()
			if cosine := normal.dot(before); cosine > sharp {
				edge(p, normal.times(1/cosine), true)
			} else {
				edge(p, before, true)
				edge(p, after, false)
			}
		}
	}
}

// fill fills a convex outline around a centre; its edge fades over one pixel.
func (c *canvas) fill(centre vec, outline []vec, color Color) {
	middle := c.vertex(centre.x, centre.y, color, 1)
	for _, p := range outline {
		out := p.minus(centre).unit().times(0.5)
		c.vertex(p.x-out.x, p.y-out.y, color, 1)
		c.vertex(p.x+out.x, p.y+out.y, color, 0)
	}
	n := uint32(len(outline))
	for i := range n {
		a, b := middle+1+2*i, middle+1+2*((i+1)%n)
		c.triangles(middle, a, b, a, a+1, b, b, a+1, b+1)
	}
}

// dot draws a disc.
func (c *canvas) dot(centre vec, radius float64, color Color) {
	var outline []vec
	n := 8 + int(2*radius)
	for i := range n {
		outline = append(outline, centre.around(radius, 2*math.Pi*float64(i)/float64(n)))
	}
	c.fill(centre, outline, color)
}

// box draws a rectangle with round corners.
func (c *canvas) box(x0, y0, x1, y1, radius float64, color Color) {
	var outline []vec
	corner := func(x, y, phi float64) {
		const steps = 5
		for i := range steps + 1 {
			outline = append(outline, vec{x, y}.around(radius, phi+math.Pi/2*float64(i)/steps))
		}
	}
	corner(x1-radius, y1-radius, 0)
	corner(x0+radius, y1-radius, math.Pi/2)
	corner(x0+radius, y0+radius, math.Pi)
	corner(x1-radius, y0+radius, 3*math.Pi/2)
	c.fill(vec{(x0 + x1) / 2, (y0 + y1) / 2}, outline, color)
}

// text writes a text whose base line begins at x and y, and returns how wide it is.
func (c *canvas) text(x, y, size float64, text string, color Color) float64 {
	begin := x
	y = math.Round(y)
	for _, r := range text {
		whole, phase := start(x, size)
		g := c.glyphs.glyph(r, size, phase)
		if p := g.place; !p.Empty() {
			left, top := whole+float64(g.offset.X), y+float64(g.offset.Y)
			first := len(c.Vertices)
			c.rect(left, top, left+float64(p.Dx()), top+float64(p.Dy()), color, 1)
			for i, corner := range []image.Point{p.Min, {X: p.Max.X, Y: p.Min.Y}, p.Max, {X: p.Min.X, Y: p.Max.Y}} {
				c.Vertices[first+i].U, c.Vertices[first+i].V = float32(corner.X), float32(corner.Y)
			}
		}
		x += g.advance
	}
	return x - begin
}
