//go:build !js

package chart

import (
	"image"
	"slices"
	"sync"
	"testing"
	"time"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/opentype"
)

// counter is a typeface that counts what it is asked for.
type counter struct {
	typeface
	drawn, measured int
}

func (c *counter) advance(r rune, size float64) float64 {
	c.measured++
	return c.typeface.advance(r, size)
}

func (c *counter) draw(r rune, size, x float64) *image.Alpha {
	c.drawn++
	return c.typeface.draw(r, size, x)
}

// TestLettersAreDrawnOnce: numbers that change with zoom and pointer cost a handful of letters, and no more after a while.
func TestLettersAreDrawnOnce(t *testing.T) {
	c := pointed(example(300, 1, 1))
	letters := &counter{typeface: newTypeface()}
	c.glyphs = newGlyphs(letters)
	look := func() {
		for i := range 12 {
			low := float64(1 + 7*i)
			drag(c, 0, low, 2, low+float64(20+9*i), 2)
			c.Hover(float64(100+31*i), 100)
			c.Picture()
			c.Back()
		}
	}
	look()
	measured := letters.measured
	if kinds := len(c.glyphs.advances); letters.drawn > phases*kinds || measured != kinds || kinds > 80 {
		t.Errorf("%d letters were drawn and %d measured, of %d", letters.drawn, measured, kinds)
	}
	drawn := letters.drawn
	look()
	if letters.measured != measured || letters.drawn != drawn {
		t.Errorf("%d letters were measured again, and %d drawn", letters.measured-measured, letters.drawn-drawn)
	}
}

// TestFindFonts: of letters that the embedded font lacks, a box becomes a letter when a font is found, and only these are
// looked for, each once.
func TestFindFonts(t *testing.T) {
	hebrew, err := opentype.Parse(liberationsansregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	c := New()
	c.Append("run", example(20, 1, 1)...)
	var mu sync.Mutex
	var asked []rune
	c.FindFonts(func(r rune) *opentype.Font {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r)
		if r == 'א' {
			return hebrew
		}
		return nil
	})
	c.Picture()
	c.SetTable([][]string{{"אב", "中"}})
	boxes := c.Picture()
	for begun := time.Now(); ; time.Sleep(time.Millisecond) {
		now := c.Picture()
		mu.Lock()
		done := slices.Equal(asked, []rune{'א', '中'})
		mu.Unlock()
		if done && now != boxes {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("looked for %q", asked)
		}
	}
	c.SetTable([][]string{{"אא"}})
	first := c.Picture().Image()
	c.SetTable([][]string{{"בב"}})
	if slices.Equal(first.Pix, c.Picture().Image().Pix) {
		t.Error("two letters look alike: boxes")
	}
	if len(asked) != 2 {
		t.Errorf("looked for %q", asked)
	}
}
