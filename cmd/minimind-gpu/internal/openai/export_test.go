//go:build !js

package openai

import "time"

// SetPatience sets how long a slow client is waited for.
func (s *Server) SetPatience(d time.Duration) { s.slow = d }
