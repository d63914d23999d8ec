//go:build !js

package hosttest

import "os"

// adapter is the one that tests run on: MINIMIND_ADAPTER, as --adapter of the program, or the best there is.
var adapter = os.Getenv("MINIMIND_ADAPTER")
