//go:build !js

// Command minimind-gpu trains MiniMind-family language models on any GPU, and speaks with them. It is the native
// front end: a file per command; flags, files and printing. All arithmetic is in the packages under nn.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/alecthomas/kong"
)

// commandLine is every command with its flags.
type commandLine struct {
	Pretrain pretrainCommand `cmd:"" help:"Train a model from scratch. Without any flag: a demo of about a minute."`
	SFT      sftCommand      `kong:"cmd,name=sft,help='Teach a trained model to answer, from conversations.',set='learning_rate=5e-6',set='learning_rate_help= Default: 5e-6, at which the published curves of MiniMind were made; its own default was 5e-7, then 1e-6, now 1e-5. On the embedded conversations 1e-3.',set='batch_size=16',set='max_seq_len=340',set='data_help=${chat_data}',set='sample_help=${chat_sample}'"`
	Reason   reasonCommand   `kong:"cmd,help='Teach a model to think before it answers: sft in which think tags weigh more.',set='learning_rate=1e-6',set='learning_rate_help= On the embedded reasoning 1e-3.',set='batch_size=8',set='max_seq_len=720',set='data_help=${chat_data}',set='sample_help=${chat_sample}'"`
	LoRA     struct {
		Train loraCommand      `cmd:"" default:"withargs" help:"Train adapters; the command, if none is named."`
		Merge loraMergeCommand `cmd:"" help:"Make one model of a model and its adapters."`
	} `kong:"cmd,name=lora,help='Teach by small adapters beside a model that stays as it is, and merge them.',set='learning_rate=1e-4',set='learning_rate_help= On the embedded conversations 1e-3.',set='batch_size=32',set='max_seq_len=340',set='data_help=${chat_data}',set='sample_help=${chat_sample}'"`
	DPO       dpoCommand      `kong:"cmd,name=dpo,help='Teach a model which of two answers is preferred.',set='learning_rate=5e-7',set='learning_rate_help= The published ones, 4e-8 to 5e-8, hardly change a model. On the embedded preferences 1e-4.',set='batch_size=4',set='max_seq_len=1024',set='data_help=${pair_data}',set='sample_help=${chat_sample}'"`
	Distill   distillCommand  `kong:"cmd,help='Let a model learn from a larger one as well as from conversations.',set='learning_rate=5e-6',set='learning_rate_help= On the embedded conversations 1e-3.',set='batch_size=32',set='max_seq_len=340',set='data_help=${chat_data}',set='sample_help=${chat_sample}'"`
	Generate  generateCommand `cmd:"" help:"Let a trained model write."`
	Chat      chatCommand     `cmd:"" help:"Talk with a trained model in the terminal."`
	Eval      evalCommand     `cmd:"" help:"Measure a model: loss and perplexity, by length, multiple choice."`
	Plan      planCommand     `cmd:"" help:"Say what a training would take: memory, batch size, time. Nothing is trained."`
	LRFind    lrFindCommand   `cmd:"" name:"lr-find" help:"Try learning rates for a hundred steps, and suggest one. No run is begun or changed."`
	Sweep     sweepCommand    `cmd:"" help:"Run many trainings that differ in settings, and compare them."`
	Doctor    doctorCommand   `cmd:"" help:"Say what a run suffers from, and the one thing to change."`
	Export    exportCommand   `cmd:"" help:"Write a model for transformers, llama.cpp and others."`
	Import    importCommand   `cmd:"" help:"Make a checkpoint of a model of others: Hugging Face, MiniMind's .pth, GGUF."`
	Serve     serveCommand    `cmd:"" help:"Serve a model over HTTP, as OpenAI's API and as a page to chat with."`
	Info      infoCommand     `cmd:"" help:"Show the adapters and presets, or what a checkpoint holds."`
	Watch     watchCommand    `cmd:"" help:"Follow the curves of runs in a window."`
	Plot      plotCommand     `cmd:"" help:"Draw the curves of runs into a picture."`
	Verify    verifyCommand   `cmd:"" help:"Hold this machine's results against golden cases."`
	Bench     benchCommand    `cmd:"" help:"Measure matrix multiplication, whole training steps and generation."`
	Tokenizer struct {
		Train  tokenizerTrainCommand  `cmd:"" help:"Learn a vocabulary from text."`
		Encode tokenizerEncodeCommand `cmd:"" help:"Print the token ids of a text."`
		Decode tokenizerDecodeCommand `cmd:"" help:"Print the text of token ids."`
	} `cmd:"" help:"Train and use tokenizers."`
	Data struct {
		Prepare dataPrepareCommand `cmd:"" help:"Tokenise a file into a shard, as training does by itself."`
	} `cmd:"" help:"Prepare training data."`
}

// program is what commands use of the world around them; tests put their own in.
type program struct {
	ctx            context.Context // cancelled by the first Ctrl-C
	stdin          io.Reader
	stdout, stderr io.Writer
	create         func(path string) (outputFile, error) // for checkpoints
	machine        machine
	interrupt      atomic.Pointer[func() bool] // see onInterrupt
	seat           *seat                       // of a training in a sweep; nil: it runs by itself
}

// onInterrupt lets a command take Ctrl-C itself: f returns whether it did, else the program ends as usual. nil gives it
// back.
func (p *program) onInterrupt(f func() bool) {
	if f == nil {
		p.interrupt.Store(nil)
	} else {
		p.interrupt.Store(&f)
	}
}

// Exit codes besides 0.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// errInterrupted ends a command that Ctrl-C stopped in an orderly way, after it has said so.
var errInterrupted = errors.New("interrupted")

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, create: createFile, machine: thisMachine()}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			if f := p.interrupt.Load(); s == os.Interrupt && f != nil && (*f)() {
				continue
			}
			if ctx.Err() != nil {
				fmt.Fprintln(os.Stderr, "\nminimind-gpu: stopped at once")
				os.Exit(exitInterrupted)
			}
			cancel()
		}
	}()
	os.Exit(p.run(os.Args[1:]))
}

// run parses the arguments, runs the command and returns the exit code.
func (p *program) run(args []string) (code int) {
	defer func() {
		if thrown := recover(); thrown != nil {
			e, ok := thrown.(exitCode)
			if !ok {
				panic(thrown)
			}
			code = int(e)
		}
	}()
	var cli commandLine
	var files settingsFiles
	parser := newParser(p, &cli, &files)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := parser.Parse(dashed(args))
	if err = cmp.Or(files.err, err); err != nil {
		fmt.Fprintf(p.stderr, "minimind-gpu: %s\n", usageMessage(err))
		return exitUsage
	}
	if err := ctx.Run(ctx); errors.Is(err, errInterrupted) {
		return exitInterrupted
	} else if err != nil {
		fmt.Fprintf(p.stderr, "minimind-gpu: %v\n", err)
		return exitFailure
	}
	return 0
}

// exitCode is thrown by kong once --help is printed.
type exitCode int

// newParser reads command lines.
func newParser(p *program, cli *commandLine, files *settingsFiles) *kong.Kong {
	parser, err := kong.New(cli, kong.Name("minimind-gpu"),
		kong.Description("Trains MiniMind language models on any GPU. `minimind-gpu pretrain` alone is a demo; `minimind-gpu COMMAND --help` shows a command's flags."),
		kong.Writers(p.stdout, p.stderr), kong.Exit(func(code int) { panic(exitCode(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.Resolvers(files), kong.NamedMapper("batchsize", batchSizeMapper), kong.Bind(p), kong.Vars(trainDefaults))
	if err != nil {
		panic(err) // commandLine is wrong
	}
	teach(parser)
	return parser
}

// say prints a line for people to standard error, so that standard output holds results only.
func (p *program) say(format string, args ...any) { fmt.Fprintf(p.stderr, format+"\n", args...) }

// print writes results to standard output.
func (p *program) print(format string, args ...any) { fmt.Fprintf(p.stdout, format, args...) }
