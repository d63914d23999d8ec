//go:build window && !js

package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host/chart"
)

// words are what the window says besides the chart's own.
var words = map[chart.Language]map[string]string{
	chart.English: {
		"keys":     "x step/tokens/time    l log    [ ] smoothing    1-9 more curves    d differences    t theme    p save PNG    drag to zoom, Esc or double click back    q quit",
		"view":     "smoothing %.3g    h: keys",
		"same":     "there is nothing in which the runs differ",
		"saved":    "saved as %s",
		"unsaved":  "not saved: %v",
		"unfollow": "%v",
	},
	chart.Chinese: {
		"keys":     "x 步数/词元/时间    l 对数    [ ] 平滑    1-9 更多曲线    d 设置的差异    t 明暗    p 保存 PNG    拖动放大，Esc 或双击还原    q 退出",
		"view":     "平滑 %.3g    h：按键",
		"same":     "这些训练的设置没有差异",
		"saved":    "已保存为 %s",
		"unsaved":  "未能保存：%v",
		"unfollow": "无法继续读取：%v",
	},
}

// wishedLanguage is that of the system's locale, if it is Chinese, and else English.
func wishedLanguage() chart.Language {
	if strings.HasPrefix(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")), "zh") {
		return chart.Chinese
	}
	return chart.English
}
