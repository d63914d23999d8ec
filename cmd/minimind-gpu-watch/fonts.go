//go:build window && !js

package main

import (
	"cmp"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/fontscan"
	"golang.org/x/image/font/opentype"
)

// findFont finds a font of the system that has a letter, the plainest one; nil if there is none. The first call looks
// through all fonts, for a second or two if there are many; what it finds is kept in the user's cache folder.
func findFont(letter rune) *opentype.Font {
	dir, err := os.UserCacheDir()
	dir = filepath.Join(dir, "minimind-gpu")
	if err != nil || os.MkdirAll(dir, 0o777) != nil {
		dir = os.TempDir()
	}
	all, err := fontscan.SystemFonts(log.New(io.Discard, "", 0), dir)
	if err != nil {
		return nil // as if there were none
	}
	all = slices.DeleteFunc(slices.Clone(all), func(f fontscan.Footprint) bool { return !f.Runes.Contains(letter) })
	slices.SortStableFunc(all, func(a, b fontscan.Footprint) int { return cmp.Compare(oddity(a), oddity(b)) })
	for _, f := range all {
		if found := openFont(f.Location, letter); found != nil {
			return found
		}
	}
	return nil
}

// simplified matches names, as fontscan writes them, of fonts that write Chinese as in mainland China.
var simplified = regexp.MustCompile(`(sc|gb|cn|hei|yahei|yaheiui)$`)

// oddity is how little a font suits a chart.
func oddity(f fontscan.Footprint) (odd float64) {
	for i, is := range []bool{
		!simplified.MatchString(f.Family),
		strings.Contains(f.Family, "serif") || strings.Contains(f.Family, "song") || strings.Contains(f.Family, "ming"),
		strings.Contains(f.Family, "mono"),
		f.Aspect.Style != font.StyleNormal || f.Aspect.Stretch != font.StretchNormal,
	} {
		if is {
			odd += float64(int(1) << i)
		}
	}
	return odd + max(float64(f.Aspect.Weight-font.WeightNormal), float64(font.WeightNormal-f.Aspect.Weight))/10
}

// openFont opens a font that can draw the letter. Its file stays open: outlines are read when they are drawn.
func openFont(at fontscan.Location, letter rune) *opentype.Font {
	file, err := os.Open(at.File)
	if err != nil {
		return nil
	}
	fonts, err := opentype.ParseCollectionReaderAt(file)
	if err == nil {
		var found *opentype.Font
		if found, err = fonts.Font(int(at.Index)); err == nil {
			if glyph, err := found.GlyphIndex(nil, letter); err == nil && glyph != 0 {
				return found
			}
		}
	}
	file.Close()
	return nil
}
