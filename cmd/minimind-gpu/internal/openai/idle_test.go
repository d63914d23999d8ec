//go:build !js && unix

package openai_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/minimind-gpu/minimind-gpu/cmd/minimind-gpu/internal/openai/openaitest"
)

// processorTime is what the process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestIdle has a server without requests take no time of the processor.
func TestIdle(t *testing.T) {
	s := openaitest.Serve(t, openaitest.Random(t, small))
	ask(t, s, "/v1/completions", `{"max_tokens":3}`)
	http.DefaultClient.CloseIdleConnections()
	untilIdle(t, s)
	before := processorTime(t)
	time.Sleep(300 * time.Millisecond)
	if used := processorTime(t) - before; used > 30*time.Millisecond {
		t.Errorf("%v of 300 ms", used)
	}
}
