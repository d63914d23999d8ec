package chart

import "slices"

// legend says which line is which, in the first rows, and returns where it ends.
func (c *Chart) legend(to *canvas) float64 {
	pad, size := c.px(c.padding()), c.px(textSize)
	x, y := pad, pad
	sign := c.px(18)
	entry := func(text string, space float64, draw func(x, y float64)) {
		text = c.fit(text, size, c.px(c.width)-2*pad-sign-c.px(6))
		width := sign + c.px(6) + c.glyphs.width(text, size)
		if x > pad && x+space+width > c.px(c.width)-pad {
			x, y = pad, y+c.px(lineHeight)
		} else if x > pad {
			x += space
		}
		draw(x, y+c.px(8))
		to.text(x+sign+c.px(6), y+c.px(12), size, text, c.theme.Ink)
		x += width
	}
	key := c.theme.Muted
	if len(c.runs) == 1 {
		key = c.theme.run(0)
	} else {
		for i, r := range c.runs {
			entry(r.name, c.px(16), func(x, y float64) {
				to.box(x, y-c.px(2), x+sign, y+c.px(2), c.px(2), c.theme.run(i))
			})
		}
	}
	if len(c.runs) == 0 {
		return y
	}
	entry(c.label("train"), c.px(28), func(x, y float64) {
		to.line([]vec{{x, y}, {x + sign, y}}, c.px(1.75), key)
	})
	if slices.ContainsFunc(c.runs, func(r *run) bool { return len(r.losses) > 0 }) {
		entry(c.label("validation"), c.px(16), func(x, y float64) {
			color := key.Mix(c.theme.Ink, 0.35)
			to.line([]vec{{x, y}, {x + sign, y}}, c.px(1.25), color)
			to.dot(vec{x + sign/2, y}, c.px(4), c.theme.Background)
			to.dot(vec{x + sign/2, y}, c.px(2.75), color)
		})
	}
	return y + c.px(lineHeight+8)
}

// fit shortens a text to a width.
func (c *Chart) fit(text string, size, width float64) string {
	if c.glyphs.width(text, size) <= width {
		return text
	}
	letters := []rune(text)
	for len(letters) > 1 && c.glyphs.width(string(letters)+"…", size) > width {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}
