package chart

// SetTable sets a table to show under the curves, such as that of Differences: rows of a name and a value for each run.
func (c *Chart) SetTable(rows [][]string) { c.change(func() { c.table = rows }) }

// SetNote sets a line that is written in the last row.
func (c *Chart) SetNote(text string) { c.change(func() { c.note = text }) }

// paintTable draws the table and the note, and returns where the curves must end. The table takes no more than a third of
// the height.
func (c *Chart) paintTable(to *canvas) float64 {
	pad, size, row := c.px(c.padding()), c.px(textSize), c.px(lineHeight)
	width := c.px(c.width) - 2*pad
	end := c.px(c.height) - pad
	if c.note != "" {
		to.text(pad, end, size, c.fit(c.note, size, width), c.theme.Muted)
		end -= row + c.px(6)
	}
	rows := c.table
	if most := int(c.px(c.height) / 3 / row); len(rows) > most {
		rows = rows[:most]
	}
	if len(rows) == 0 || len(c.runs) == 0 {
		return end
	}
	names := 0.0
	for _, cells := range rows {
		names = max(names, c.glyphs.width(cells[0], size))
	}
	names = min(names, width/3) + c.px(20)
	column := min((width-names)/float64(len(c.runs)), c.px(180))
	top := end - row*float64(len(rows))
	for i, cells := range rows {
		y := top + row*float64(i) + row
		to.text(pad, y, size, c.fit(cells[0], size, names-c.px(20)), c.theme.Muted)
		for k, cell := range cells[1:] {
			to.text(pad+names+column*float64(k), y, size, c.fit(cell, size, column-c.px(10)), c.theme.Ink)
		}
	}
	for k := range c.runs {
		x := pad + names + column*float64(k)
		to.rect(x, top, x+column-c.px(10), top+c.px(2), c.theme.run(k), 1)
	}
	return top - c.px(gap)
}
