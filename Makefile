# make          format, vet and every test that needs no cluster: under a minute
# make test     everything, with a real Kubernetes and real Git
# make demo     a canary, a blue/green and what goes wrong, before your eyes
# make soak     random worlds until you stop it
# make teeth    switches every rule off in turn and demands that a test fails
# make cluster  keeps that Kubernetes running, with a Git server, to try kexal on
# make accept   rewrites the expected output of the stories: read the diff
# make deps     installs what Debian has of the tools below

SHELL := /bin/bash
TOOLS := go git
BUILD := .build
# Without the build cache's say: a test that starts programs depends on more than Go sees.
TEST := go test -count=1
# The package that starts a control plane.
STORIES := ./fixtures/stories
quick = $(shell go list ./... | grep -v fixtures/stories)

.PHONY: all check test stories controlplane demo teeth worlds long cluster accept soak deps tools race-tools kexal

all: check
	$(TEST) -short $(quick)

check: tools
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go vet -tags teeth ./cmd/kexal

# The single worlds of fixtures/world race with nobody: `make worlds` plays them, and -race those
# that are played at the same time. Nor does strategies, which starts no goroutine: -race watches
# it under those who do, in the reconciler and in the worlds.
test: check race-tools
	$(TEST) -race -timeout 20m $(filter-out %/fixtures/world %/kexal/strategies,$(quick))
	$(TEST) -skip 'TestExhaustive$$|TestPromises' ./strategies
	$(TEST) -race -timeout 20m -run 'TestEveryWrite|TestWorlds|TestQueue' ./fixtures/world
	$(MAKE) worlds
	$(MAKE) controlplane
	$(MAKE) stories

# Ten thousand worlds in memory, counted by what became of them, and every state that small
# rollouts come to; -race played some of them.
worlds: tools
	$(TEST) -timeout 30m -v ./fixtures/world
	$(TEST) -v -run 'TestExhaustive$$|TestPromises' ./strategies

# The fixture itself: its node, its network, and that it starts and stops.
controlplane: tools
	cd fixtures/controlplane && go vet ./... && $(TEST) ./...

# Run a part with: make stories RUN=TestAbort
stories: tools race-tools
	$(TEST) -timeout 40m -parallel 6 -run '$(RUN)' $(STORIES)

demo: tools
	go run ./fixtures/demo $(ARGS)

# One or some of them with: make teeth RUN=drain; what one test sees of them with BY=
teeth: tools
	go run ./fixtures/teeth -run '$(RUN)' -by '$(BY)'

cluster: tools kexal
	go build -o $(BUILD)/playground ./fixtures/playground
	@exec $(BUILD)/playground

# They play in the world of strategies/simulated, and so does what is told of them.
accept:
	$(TEST) ./strategies ./cmd/kexal/explain ./cmd/kexal/course ./cmd/kexal -rewrite

# Random worlds and what takes long in turns, until something fails or you stop it; with a TIME
# such as 30m only the worlds. One that fails is kept below fixtures/world/testdata/regressions.
TIME :=
soak: tools
	@if [ -n "$(TIME)" ]; then go run ./fixtures/world/soak -for $(TIME); \
	else while go run ./fixtures/world/soak -for 30m && $(MAKE) long; do :; done; fi

# All that `make test` plays a sample of: every write that an agent can be killed at on a real
# Kubernetes, every state of rollouts that are not quite as small.
long: tools race-tools
	SOAK=1 $(TEST) -timeout 60m -run 'TestExhaustive$$' ./strategies
	$(TEST) ./strategies -run TestPromises -rapid.checks=20000
	SOAK=1 $(TEST) -race -timeout 90m -parallel 4 $(STORIES)

kexal:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(BUILD)/kexal ./cmd/kexal

tools:
	@for tool in $(TOOLS); do command -v $$tool >/dev/null || { echo "$$tool is missing: make deps installs what Debian has" >&2; exit 1; }; done

race-tools:
	@command -v gcc >/dev/null || { echo "gcc is missing, which the race detector needs: make deps installs it" >&2; exit 1; }

deps:
	@missing=""; for tool in git gcc; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then apt-get update -q && apt-get install -q -y --no-install-recommends $$missing; fi
	@command -v go >/dev/null || { echo "go is missing: install Go 1.26 or newer" >&2; exit 1; }
