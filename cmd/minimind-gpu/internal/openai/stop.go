//go:build !js

package openai

import "strings"

// stopper ends a text before the first of some strings, which may come in pieces.
type stopper struct {
	stops []string
	rest  string // what may be the beginning of one
	given int    // bytes given out
	ended bool
}

// next takes the next piece and gives out what cannot belong to a stop string. After one was found it gives nothing.
func (s *stopper) next(piece string) string {
	if s.ended {
		return ""
	}
	text := s.rest + piece
	first := len(text)
	for _, stop := range s.stops {
		if i := strings.Index(text, stop); i >= 0 && i < first {
			first, s.ended = i, true
		}
	}
	if !s.ended {
		for _, stop := range s.stops {
			for n := min(len(stop)-1, len(text)); n > 0; n-- {
				if strings.HasSuffix(text, stop[:n]) {
					first = min(first, len(text)-n)
					break
				}
			}
		}
	}
	s.rest = text[first:]
	s.given += first
	return text[:first]
}

// flush ends the text and gives out what was held back.
func (s *stopper) flush() string {
	if s.ended {
		return ""
	}
	s.given += len(s.rest)
	return s.rest
}
