package corpus

import (
	"strconv"
	"strings"
)

// sumsPerDocument makes a document of sums about as long as a story.
const sumsPerDocument = 3

// drawParts returns part + rest = whole, none below 1 and none above largest.
func drawParts(r *random) (part, rest, whole int) {
	whole = 2 + r.below(largest-1)
	part = 1 + r.below(whole-1)
	return part, whole - part, whole
}

// sums writes sumsPerDocument additions and subtractions, in digits or words:
// "2 + 3 = 5.", "Two plus three is five.", 二加三等于五。
func sums(r *random, chinese bool) string {
	digits := r.below(2) == 0
	sentences := make([]string, sumsPerDocument)
	for i := range sentences {
		part, rest, whole := drawParts(r)
		if r.below(2) == 0 {
			sentences[i] = sum(part, rest, whole, false, chinese, digits)
		} else {
			sentences[i] = sum(whole, rest, part, true, chinese, digits)
		}
	}
	if chinese && !digits {
		return strings.Join(sentences, "")
	}
	return strings.Join(sentences, " ")
}

// sum says that left plus (or minus) right is result.
func sum(left, right, result int, minus, chinese, digits bool) string {
	switch {
	case digits:
		sign := " + "
		if minus {
			sign = " - "
		}
		return strconv.Itoa(left) + sign + strconv.Itoa(right) + " = " + strconv.Itoa(result) + "."
	case chinese:
		sign := "加"
		if minus {
			sign = "减"
		}
		return chineseNumbers[left] + sign + chineseNumbers[right] + "等于" + chineseNumbers[result] + "。"
	default:
		sign := " plus "
		if minus {
			sign = " minus "
		}
		first := englishNumbers[left]
		return strings.ToUpper(first[:1]) + first[1:] + sign + englishNumbers[right] + " is " + englishNumbers[result] + "."
	}
}
