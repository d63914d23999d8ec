//go:build !js

package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// examples are shown in the help of each command. RUN is a run's folder, as everywhere.
var examples = map[string]string{
	"pretrain": `
minimind-gpu pretrain                                     # a demo
minimind-gpu pretrain --data book.txt --preset small      # a text of your own
minimind-gpu pretrain --resume RUN                        # go on after Ctrl-C or a crash`,
	"sft": `
minimind-gpu sft --from RUN                               # with the embedded conversations
minimind-gpu sft --from RUN --data talk.jsonl --learning-rate 1e-5`,
	"reason": `
minimind-gpu reason --from RUN --data thoughts.jsonl`,
	"lora": `
minimind-gpu lora --from RUN --data mine.jsonl            # is lora train, whose --help lists the flags
minimind-gpu lora merge --adapters RUN --out merged.ckpt`,
	"lora train": `
minimind-gpu lora --from RUN --data mine.jsonl --rank 16 --target q_proj,v_proj`,
	"lora merge": `
minimind-gpu lora merge --adapters RUN --out merged.ckpt`,
	"dpo": `
minimind-gpu dpo --from RUN --data pairs.jsonl --beta 0.15`,
	"distill": `
minimind-gpu distill --teacher LARGE-RUN --from RUN --data talk.jsonl
minimind-gpu distill --teacher LARGE-RUN --preset tiny    # a student with fresh weights`,
	"generate": `
minimind-gpu generate --checkpoint RUN --prompt "Lily has"
minimind-gpu generate --checkpoint RUN --file prompts.txt > answers.jsonl`,
	"chat": `
minimind-gpu chat --checkpoint RUN --system "Be brief."`,
	"eval": `
minimind-gpu eval --checkpoint RUN --data held-out.jsonl  # loss, perplexity, bits per byte
minimind-gpu eval --checkpoint RUN --choices exam.csv
minimind-gpu eval --checkpoint RUN --answers 20
minimind-gpu eval --checkpoint RUN --data book.txt --lengths 512,1024,2048 --out lengths.png`,
	"plan": `
minimind-gpu plan --preset minimind2-small --memory 12GB`,
	"lr-find": `
minimind-gpu lr-find --preset small --picture lr.png
minimind-gpu lr-find --from RUN --data talk.jsonl         # for sft`,
	"sweep": `
minimind-gpu sweep docs/examples/schedules.yaml`,
	"doctor": `
minimind-gpu doctor RUN`,
	"export": `
minimind-gpu export --checkpoint RUN --format hf --out mine
minimind-gpu export --checkpoint RUN --format gguf --dtype q8_0 --out mine.gguf`,
	"import": `
minimind-gpu import MiniMind2-Small --out minimind2.ckpt
minimind-gpu import full_sft_512.pth --tokenizer tokenizer.json --out minimind2.ckpt`,
	"serve": `
minimind-gpu serve --checkpoint RUN                       # then open http://127.0.0.1:8998
minimind-gpu serve --checkpoint RUN --host 0.0.0.0 --token SECRET`,
	"info": `
minimind-gpu info                                         # adapters and presets
minimind-gpu info RUN                                     # what its newest checkpoint holds`,
	"watch": `
minimind-gpu watch RUN OTHER-RUN --log`,
	"plot": `
minimind-gpu plot RUN OTHER-RUN --series loss,grad_norm -o chart.png`,
	"verify": `
minimind-gpu verify shared/golden/generate shared/golden/schedule`,
	"bench": `
minimind-gpu bench --step --preset tiny --seconds 5`,
	"tokenizer train": `
minimind-gpu tokenizer train --data text.jsonl --vocab-size 6400 -o tokenizer.json`,
	"tokenizer encode": `
minimind-gpu tokenizer encode "some text"
minimind-gpu tokenizer encode --tokenizer tokenizer.json - < text.txt`,
	"tokenizer decode": `
minimind-gpu tokenizer decode 5 17 42`,
	"data prepare": `
minimind-gpu data prepare --data pretrain.jsonl --tokenizer tokenizer.json`,
}

// teach adds the examples to the help.
func teach(parser *kong.Kong) {
	parser.Model.HelpFlag.Help = "Show this."
	kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if command, ok := node.(*kong.Command); ok && examples[command.Path()] != "" {
			command.Detail = "Examples:\n" + strings.ReplaceAll(examples[command.Path()], "\n", "\n  ") // lines that are indented stay as they are
		}
		return next(nil)
	})
}
