//go:build !js

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8/cwriter"
)

// progress shows how far work has come: one live line on a terminal, elsewhere a plain line every few seconds.
type progress struct {
	w     io.Writer
	width func() int // columns of the terminal; nil: not a terminal
	every time.Duration
	next  time.Time // of the next line to show
	live  bool      // a live line is on the screen
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && cwriter.IsTerminal(int(f.Fd())) {
		width := func() int {
			columns, _, err := cwriter.GetSize(int(f.Fd()))
			if err != nil || columns < 20 {
				return 80
			}
			return columns
		}
		return &progress{w: w, width: width, every: 100 * time.Millisecond}
	}
	return &progress{w: w, every: 5 * time.Second}
}

// show shows the line that text makes, if it is time for one, or if last is set.
func (p *progress) show(share float64, last bool, text func() string) {
	now := time.Now()
	if now.Before(p.next) && !last {
		return
	}
	p.next = now.Add(p.every)
	if p.width == nil {
		fmt.Fprintln(p.w, text())
		return
	}
	cells, room := 16, p.width()-1
	if room < 100 {
		cells = 8
	}
	fmt.Fprintf(p.w, "\r%s %s\x1b[K", bar(share, cells), fitLine(text(), room-cells-1)) // [K clears what an older, longer line left
	p.live = true
	if last {
		p.clear()
	}
}

// clear goes to a new line, so that other text can follow.
func (p *progress) clear() {
	if p.live {
		fmt.Fprintln(p.w)
		p.live = false
	}
}

// fitLine is a line of parts with dots between them, as far as there is room: of a longer one the last part stays, such as
// the time left, and those before it go.
func fitLine(text string, room int) string {
	const dot = " · "
	parts := strings.Split(text, dot)
	for len(parts) > 2 && utf8.RuneCountInString(strings.Join(parts, dot)) > room {
		parts = slices.Delete(parts, len(parts)-2, len(parts)-1)
	}
	line := []rune(strings.Join(parts, dot))
	return string(line[:min(len(line), room)])
}

func bar(share float64, cells int) string {
	full := int(math.Round(float64(cells) * min(max(share, 0), 1)))
	return strings.Repeat("█", full) + strings.Repeat("░", cells-full)
}

// rate is an amount per second, over about the last ten seconds.
type rate struct{ marks []mark }

type mark struct{ seconds, amount float64 }

// add takes the time and the amount, both since the start, and returns the rate; 0 while there is nothing to compare: the
// first steps arrive late and together. An amount that has fallen, since a run went back, begins anew.
func (r *rate) add(seconds, amount float64) float64 {
	if n := len(r.marks); n > 0 && amount < r.marks[n-1].amount {
		r.marks = nil
	}
	r.marks = append(r.marks, mark{seconds, amount})
	for len(r.marks) > 2 && r.marks[1].seconds < seconds-10 {
		r.marks = r.marks[1:]
	}
	first := r.marks[0]
	if seconds < first.seconds+0.25 {
		return 0
	}
	return (amount - first.amount) / (seconds - first.seconds)
}

// thousands writes a count for people: 1.2k, 25.8M.
func thousands(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2fG", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1fM", n/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.1fk", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}

// counted writes a number of things: 1 layer, 2 layers.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// clock writes a time for people: 0:07, 12:30, 3:05:00.
func clock(seconds float64) string {
	s := int64(seconds + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
