//go:build !js

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared is a file or folder of the data that the tests share.
func shared(t *testing.T, path string) string {
	t.Helper()
	root := os.Getenv("MINIMIND_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	path = filepath.Join(root, path)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("shared test data is missing (MINIMIND_SHARED names its folder): %v", err)
	}
	return path
}

func TestVerify(t *testing.T) {
	schedule, generate := shared(t, "golden/schedule"), shared(t, "golden/generate")
	minimind(t, "verify", schedule, generate).want(t, 0, schedule, "lr of step 200 of 1000", "logits", "ok", "2 cases passed")

	text, err := os.ReadFile(filepath.Join(schedule, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	tampered := filepath.Dir(file(t, "case.json", strings.Replace(string(text), "0.000275", "0.000276", 1)))
	minimind(t, "verify", tampered, schedule).want(t, 1, "lr of step 500 of 1000", "FAILED", "1 of 2 cases failed")
	minimind(t, "verify", t.TempDir(), schedule).want(t, 1, "case.json", "FAILED", "1 of 2 cases failed")
	minimind(t, "verify").want(t, 2, "<dir>")
}
