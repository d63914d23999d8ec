package chart

import "strings"

// Language is that of the words in a chart, by the code that locales have for it.
type Language string

const (
	English Language = "en"
	Chinese Language = "zh"
)

// words are what a chart says: by itself, and for what runs record. "at step" and "at tokens" have a hole for the number.
// What has no word here is written as it was recorded.
var words = map[Language]map[string]string{
	English: {
		Loss: "loss", LearningRate: "learning rate", GradNorm: "gradient norm", TokensPerSecond: "tokens / s",
		"train": "train", "validation": "validation",
		"step": "step", "tokens": "tokens", "time": "time", "at step": "step %", "at tokens": "% tokens",
		"waiting": "waiting for the first step …",
	},
	Chinese: {
		Loss: "损失", LearningRate: "学习率", GradNorm: "梯度范数", TokensPerSecond: "词元 / 秒",
		"train": "训练", "validation": "验证",
		"step": "步数", "tokens": "词元", "time": "时间", "at step": "第 % 步", "at tokens": "% 词元",
		"waiting":      "等待第一步……",
		"update_ratio": "更新与权重之比", "noise_scale": "梯度噪声尺度", "accumulation_steps": "梯度累积",
		"cross_entropy": "交叉熵", "aux_loss": "负载均衡损失", "expert_load_min": "最闲专家的占比", "expert_load_max": "最忙专家的占比",
		"reward_margin": "奖励差", "reward_accuracy": "奖励准确率", "reward_chosen": "所选回答的奖励", "reward_rejected": "所拒回答的奖励",
		"spike": "突跳", "left out, not finite": "已跳过：梯度非有限值", "batch left out": "已跳过一批", "accumulation": "梯度累积",
	},
}

// SetLanguage sets the language of the words that the chart says by itself.
func (c *Chart) SetLanguage(l Language) { c.change(func() { c.language = l }) }

// label is how a name is written.
func (c *Chart) label(name string) string {
	if label, ok := words[c.language][name]; ok {
		return label
	}
	return name
}

// labelled is a label with its hole filled.
func (c *Chart) labelled(name, value string) string {
	return strings.Replace(c.label(name), "%", value, 1)
}

// markLabel is how a mark is written, of which numbers may follow the first word.
func (c *Chart) markLabel(mark string) string {
	if label := c.label(mark); label != mark {
		return label
	}
	first, rest, _ := strings.Cut(mark, " ")
	return strings.TrimSpace(c.label(first) + " " + rest)
}
