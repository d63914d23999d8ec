//go:build js

package hosttest

// In a browser or in Node there is one adapter.
const adapter = ""
