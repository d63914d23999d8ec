//go:build js || window

// Package screen shows a chart with Ebiten: in a window, or on the canvas of a page or of one of its workers. In a page
// the pointer is the page's business (Chart.Hover and so on); a window has its own, and keys.
//
// Natively Ebiten needs a graphics library to be built and a display to run, which a server that trains may lack; so
// there it is built with the tag "window" only.
package screen

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/minimind-gpu/minimind-gpu/host/chart"
)

// Game shows a chart. It draws only when the chart has changed, all of it in a handful of calls.
type Game struct {
	Chart *chart.Chart
	// Input, if there is one, is called sixty times a second, to pass on what mouse and keyboard do.
	Input func() error
	// Drawn, if there is one, is called after each frame that was drawn anew, with what it took to make it.
	Drawn func(time.Duration)

	version  int // of the picture on the screen
	atlas    *ebiten.Image
	letters  int // version of the atlas
	vertices []ebiten.Vertex
	indices  []uint32
	width    int
	height   int
}

// Update passes input on.
func (g *Game) Update() error {
	if g.Input == nil {
		return nil
	}
	return g.Input()
}

// Draw draws the chart if it has changed.
func (g *Game) Draw(screen *ebiten.Image) {
	begin := time.Now()
	p := g.Chart.Picture()
	if size := screen.Bounds(); size.Dx() != g.width || size.Dy() != g.height {
		g.width, g.height, g.version = size.Dx(), size.Dy(), 0
	}
	if p.Version == g.version {
		return
	}
	g.version = p.Version
	if g.atlas == nil || g.letters != p.AtlasVersion {
		g.letters = p.AtlasVersion
		g.upload(p)
	}
	g.vertices = g.vertices[:0]
	for i := range p.Vertices {
		v := &p.Vertices[i]
		g.vertices = append(g.vertices, ebiten.Vertex{DstX: v.X, DstY: v.Y, SrcX: v.U, SrcY: v.V, ColorR: v.R, ColorG: v.G, ColorB: v.B, ColorA: v.A})
	}
	screen.Fill(p.Background.RGBA())
	options := &ebiten.DrawTrianglesOptions{ColorScaleMode: ebiten.ColorScaleModePremultipliedAlpha}
	for _, part := range p.Parts {
		if to := screen.SubImage(part.Clip).(*ebiten.Image); part.From < part.To && !to.Bounds().Empty() {
			vertices := g.cut(p.Indices[part.From:part.To])
			to.DrawTriangles32(vertices, g.indices, g.atlas, options)
		}
	}
	if g.Drawn != nil {
		g.Drawn(time.Since(begin))
	}
}

// cut returns the vertices of some triangles, which follow each other, and counts g.indices from the first of them: what
// Ebiten is given it copies and sends to the graphics library, whether triangles have it as a corner or not.
func (g *Game) cut(indices []uint32) []ebiten.Vertex {
	first, last := slices.Min(indices), slices.Max(indices)
	g.indices = g.indices[:0]
	for _, i := range indices {
		g.indices = append(g.indices, i-first)
	}
	return g.vertices[first : last+1]
}

// upload gives the letters to the graphics library.
func (g *Game) upload(p *chart.Picture) {
	size := p.Atlas.Rect.Size()
	if g.atlas == nil {
		g.atlas = ebiten.NewImageWithOptions(p.Atlas.Rect, &ebiten.NewImageOptions{Unmanaged: true})
	}
	pixels := make([]byte, 4*size.X*size.Y)
	for i, a := range p.Atlas.Pix {
		pixels[4*i], pixels[4*i+1], pixels[4*i+2], pixels[4*i+3] = a, a, a, a
	}
	g.atlas.WritePixels(pixels)
}

// LayoutF makes the chart as large as the window or the canvas.
func (g *Game) LayoutF(width, height float64) (float64, float64) {
	ratio := ebiten.Monitor().DeviceScaleFactor()
	g.Chart.SetSize(width, height, ratio)
	return width * ratio, height * ratio
}

// Layout is there for Ebiten, which calls LayoutF.
func (g *Game) Layout(width, height int) (int, int) { return width, height }

// Run shows a Game, or what is built around one, until it ends or the window is closed. It may be called once in a
// program. A page keeps its focus where it was.
func Run(g ebiten.Game) error {
	ebiten.SetScreenClearedEveryFrame(false)
	err := ebiten.RunGameWithOptions(g, &ebiten.RunGameOptions{InitUnfocused: runtime.GOOS == "js"})
	if errors.Is(err, ebiten.Termination) {
		return nil
	}
	return err
}
