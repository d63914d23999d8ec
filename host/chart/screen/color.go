//go:build js || window

package screen

import (
	"image/color"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
)

func rgb(c chart.Color) color.RGBA {
	return color.RGBA{uint8(c[0]*255 + 0.5), uint8(c[1]*255 + 0.5), uint8(c[2]*255 + 0.5), 255}
}
