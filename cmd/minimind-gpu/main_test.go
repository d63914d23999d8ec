//go:build !js

package main

import (
	"cmp"
	"os"
	"testing"
)

// asProgram lets the test's own binary be the program, for tests that kill it.
const asProgram = "MINIMIND_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	cache, err := os.MkdirTemp("", "minimind-cache")
	if err != nil {
		panic(err)
	}
	if drivers, err := os.UserCacheDir(); err == nil { // Mesa keeps compiled kernels there, which all tests share
		os.Setenv("MESA_SHADER_CACHE_DIR", cmp.Or(os.Getenv("MESA_SHADER_CACHE_DIR"), drivers))
	}
	os.Setenv("XDG_CACHE_HOME", cache)
	code := m.Run()
	os.RemoveAll(cache)
	os.Exit(code)
}
