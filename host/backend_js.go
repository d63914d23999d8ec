//go:build js

package host
