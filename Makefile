# make        this list
# make demo   install what is missing, build, train the tiny preset for about a minute and let it speak
# make demo-chat  pretrain the tiny preset, teach it to answer, and ask it what it was not taught: about four minutes
# make build  bin/minimind-gpu
# make watch  bin/minimind-gpu-watch, the window of `minimind-gpu watch`; installs the libraries that it needs
# make serve  the page, at an address that it prints
# make site   the page as files for any static host, in dist/site
# make server bin/devserver, which holds the page
# make test   install what tests need and run them all, natively and as WebAssembly
# make soak   for a quarter of an hour: kill runs and resume them, and feed readers with noise
# make soak-page  train in a browser for ten minutes, and look at memory, the console, and how late page and charts are
# make interop  install transformers and llama.cpp in dist/interop (6 GB) and ask them what they make of exported models
# make lint   the rules of who imports what
# make staticcheck  a linter, on every build there is: before a change is sent
# make clean  remove what was built
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help demo demo-chat build serve site server watch compiler installed check lint staticcheck generated test test-native test-window test-wasm test-page soak interop soak-page clean

JS := GOOS=js GOARCH=wasm
# the packages whose tests run as WebAssembly, too, in Node on Dawn
WASM := $(patsubst %/,./%,$(sort $(dir $(wildcard host/*_test.go shaders/*_test.go nn/*_test.go nn/generate/*_test.go nn/golden/*_test.go nn/checkpoint/*_test.go))))

help:
	@sed -n 's/^# make/make/p' Makefile

compiler:
	@.ci/setup compiler

build: compiler
	go build -trimpath -o bin/minimind-gpu ./cmd/minimind-gpu

watch:
	@.ci/setup compiler window
	go build -trimpath -tags window -o bin/minimind-gpu-watch ./cmd/minimind-gpu-watch

demo:
	@.ci/setup compiler adapter
	@$(MAKE) --no-print-directory build
	bin/minimind-gpu pretrain --preset tiny

demo-chat:
	@.ci/setup compiler adapter
	@$(MAKE) --no-print-directory build
	dir=runs/$$(date +%Y%m%d-%H%M%S)-demo-chat && \
	bin/minimind-gpu pretrain --preset tiny --out $$dir/pretrain && \
	bin/minimind-gpu sft --from $$dir/pretrain --out $$dir/sft --batch-size 8 --max-seq-len 128 --max-steps 550 --learning-rate 2e-3 && \
	bin/minimind-gpu eval --checkpoint $$dir/sft --answers 20 && \
	echo "go on talking: bin/minimind-gpu chat --checkpoint $$dir/sft"

serve:
	go run ./cmd/devserver -dev

site:
	go run ./cmd/devserver -export dist/site

server:
	go run ./cmd/devserver -export cmd/devserver/site
	go build -trimpath -o bin/devserver ./cmd/devserver

test:
	@.ci/setup compiler
	@$(MAKE) --no-print-directory -j 2 installed check
	@$(MAKE) --no-print-directory generated test-native test-window test-wasm test-page

# installed has what tests need; it mostly waits for the network, so check goes on beside it.
installed:
	@.ci/setup adapter dawn window display browser

# check reads the code, for both platforms, without running it.
check: lint
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }
	go vet ./...
	$(JS) go vet ./...
	$(JS) go build ./...

lint:
	@.ci/lint

staticcheck:
	@.ci/setup compiler window
	GOBIN=$(CURDIR)/.tools go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	.tools/staticcheck ./...
	$(JS) .tools/staticcheck ./...
	.tools/staticcheck -tags window $(WINDOW)
	.tools/staticcheck -tags browser,soak,interop ./cmd/...

# generated fails when a generated file is not what its source makes.
generated:
	@sums() { find . -name '*_gen.go' | sort | xargs sha256sum; }; \
	before=$$(sums); go generate ./... || exit 1; \
	diff <(echo "$$before") <(sums) || { echo "go generate ./... changed these files: commit them"; exit 1; }

test-native:
	.ci/gotest ./...

# The window is built with the tag "window" only: what trains needs no graphics library.
WINDOW := ./host/chart/screen ./cmd/minimind-gpu-watch
test-window:
	@.ci/setup window display
	go vet -tags window $(WINDOW)
	xvfb-run -a -s "-screen 0 1280x800x24" .ci/gotest -tags window ./cmd/minimind-gpu-watch

test-wasm:
	@.ci/setup dawn
	$(JS) .ci/gotest -exec "node $(CURDIR)/.ci/node.mjs" $(WASM)

test-page:
	@.ci/setup adapter browser
	go vet -tags browser,soak,interop ./cmd/devserver ./cmd/minimind-gpu ./cmd/minimind-gpu/internal/openai
	.ci/gotest -count 1 -tags browser ./cmd/devserver
	.ci/gotest -count 1 -tags browser -run TestPage ./cmd/minimind-gpu/internal/openai

# the fuzz targets of the readers of files that others made
FUZZ := ../cmd/minimind-gpu/internal/openai/FuzzRequest tokenizer/FuzzEncodeDecode tokenizer/FuzzLoad data/FuzzDocuments data/FuzzPrepareChat data/FuzzOpenShard checkpoint/FuzzReader \
  interchange/FuzzOpenSafetensors interchange/FuzzParseConfig interchange/pth/FuzzUnpickle interchange/pth/FuzzOpen interchange/gguf/FuzzOpen

soak:
	@.ci/setup compiler adapter
	MINIMIND_SOAK=50 go test -count 1 -timeout 1h -run TestKilledRunsGoOn ./cmd/minimind-gpu
	for target in $(FUZZ); do \
	  go test -run '^$$' -fuzz "^$${target##*/}$$" -fuzztime 1m -fuzzminimizetime 10x ./nn/$${target%/*} || exit 1; \
	done

soak-page:
	@.ci/setup browser
	go test -count 1 -timeout 1h -tags browser,soak -v -run TestSoak ./cmd/devserver

interop:
	@.ci/setup compiler adapter
	python3 -m venv dist/interop/venv
	dist/interop/venv/bin/pip install -q -r cmd/minimind-gpu/testdata/interop/requirements.txt
	MINIMIND_PYTHON=$(CURDIR)/dist/interop/venv/bin/python go test -tags interop -count 1 -timeout 2h -run TestInterop -v ./cmd/minimind-gpu

clean:
	rm -rf bin dist
	git clean -fdXq cmd/devserver/site
