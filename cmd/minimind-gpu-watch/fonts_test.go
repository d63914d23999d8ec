//go:build window && !js

package main

import (
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
	"golang.org/x/image/font/sfnt"
)

func TestFindFont(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	chinese := findFont('训')
	if chinese == nil {
		t.Fatal("no font for Chinese: .ci/setup display installs one")
	}
	name, err := chinese.Name(nil, sfnt.NameIDFull)
	t.Logf("Chinese is written with %s, %v", name, err)
	if strings.Contains(name, "Serif") || strings.Contains(name, "Mono") || strings.Contains(name, "Bold") {
		t.Errorf("of all fonts %s was chosen", name)
	}
	for _, r := range "练快的，。" {
		if glyph, err := chinese.GlyphIndex(nil, r); glyph == 0 || err != nil {
			t.Errorf("%s does not write %c: %v", name, r, err)
		}
	}
	if none := findFont('\U0010fffe'); none != nil {
		t.Error("a font has what is no letter")
	}
}

func TestWishedLanguage(t *testing.T) {
	for _, c := range []struct {
		all, messages, lang string
		want                chart.Language
	}{
		{"", "", "", chart.English}, {"", "", "zh_CN.UTF-8", chart.Chinese}, {"", "", "de_DE.UTF-8", chart.English},
		{"", "en_US.UTF-8", "zh_CN.UTF-8", chart.English}, {"zh_TW.UTF-8", "en_US.UTF-8", "C", chart.Chinese},
	} {
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_MESSAGES", c.messages)
		t.Setenv("LANG", c.lang)
		if got := wishedLanguage(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestWordsAreWhole: what is said in one language is said in the other.
func TestWordsAreWhole(t *testing.T) {
	for key := range words[chart.English] {
		if words[chart.Chinese][key] == "" {
			t.Errorf("%q is not said in Chinese", key)
		}
	}
	if len(words[chart.Chinese]) != len(words[chart.English]) {
		t.Error("more is said in Chinese")
	}
}
