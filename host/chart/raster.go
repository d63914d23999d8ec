package chart

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"math"
)

// PNG is the chart as it is now, as a PNG file.
func (c *Chart) PNG() ([]byte, error) {
	var out bytes.Buffer
	err := png.Encode(&out, c.Picture().Image())
	return out.Bytes(), err
}

// Image draws the picture without a graphics library.
func (p *Picture) Image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	draw.Draw(img, img.Rect, image.NewUniform(p.Background.RGBA()), image.Point{}, draw.Src)
	for _, part := range p.Parts {
		clip := part.Clip.Intersect(img.Rect)
		for i := part.From; i < part.To; i += 3 {
			corners := p.Indices[i : i+3]
			p.triangle(img, clip, &p.Vertices[corners[0]], &p.Vertices[corners[1]], &p.Vertices[corners[2]])
		}
	}
	return img
}

// triangle draws the pixels whose middles lie within the triangle; a middle on an edge that two triangles share belongs
// to one of them.
func (p *Picture) triangle(img *image.RGBA, clip image.Rectangle, a, b, c *Vertex) {
	area := edge(a, b, c.X, c.Y)
	if area < 0 {
		b, c, area = c, b, -area
	}
	if !(area > 0) {
		return
	}
	low := func(u, v, w float32, least int) int {
		return int(max(math.Floor(float64(min(u, v, w))), float64(least)))
	}
	high := func(u, v, w float32, most int) int {
		return int(min(math.Ceil(float64(max(u, v, w))), float64(most)))
	}
	x0, x1 := low(a.X, b.X, c.X, clip.Min.X), high(a.X, b.X, c.X, clip.Max.X)
	for y := low(a.Y, b.Y, c.Y, clip.Min.Y); y < high(a.Y, b.Y, c.Y, clip.Max.Y); y++ {
		for x := x0; x < x1; x++ {
			px, py := float32(x)+0.5, float32(y)+0.5
			wa, wb, wc := edge(b, c, px, py), edge(c, a, px, py), edge(a, b, px, py)
			if !within(wa, b, c) || !within(wb, c, a) || !within(wc, a, b) {
				continue
			}
			wa, wb, wc = wa/area, wb/area, wc/area
			u, v := wa*a.U+wb*b.U+wc*c.U, wa*a.V+wb*b.V+wc*c.V
			cover := float32(p.Atlas.AlphaAt(int(u), int(v)).A) / 255
			over := 1 - cover*(wa*a.A+wb*b.A+wc*c.A)
			at := img.Pix[img.PixOffset(x, y):]
			for k, value := range [3]float32{wa*a.R + wb*b.R + wc*c.R, wa*a.G + wb*b.G + wc*c.G, wa*a.B + wb*b.B + wc*c.B} {
				at[k] = uint8(min(max(255*cover*value+float32(at[k])*over+0.5, 0), 255))
			}
		}
	}
}

// edge is twice the area of the triangle from a to b to the place: above 0 on one side of the edge.
func edge(a, b *Vertex, x, y float32) float32 {
	return (b.X-a.X)*(y-a.Y) - (b.Y-a.Y)*(x-a.X)
}

// within says on which side of the edge from a to b a place counts as within, given edge's value for it.
func within(w float32, a, b *Vertex) bool {
	return w > 0 || w == 0 && (b.Y < a.Y || b.Y == a.Y && b.X > a.X)
}
