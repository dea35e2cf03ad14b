# The few verbs of the project; `make` alone prints them. Everything works from
# the root: go.work joins the library with its nested modules.

ALL       = ./... ./examples/... ./bench/...
FUZZTIME  ?= 30s
BENCHTIME ?= 1s
SEEDS     ?= 10000

.PHONY: help check test sim fuzz fuzz-list bench

help:
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

check: ## gofmt, vet, staticcheck and the style tests
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; }
	go vet $(ALL)
	go tool staticcheck $(ALL)
	go test -count=1 ./internal/style

test: ## every test
	go test ./... ./examples/... ./bench/...

sim: ## the simulator over SEEDS seeds (10000)
	go test ./gossiptest -count=1 -timeout=0 -run=Sim -sim.seeds=$(SEEDS)

fuzz: ## each fuzz target for FUZZTIME (30s)
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && $(MAKE) -s fuzz-list | while read -r dir target; do \
		bin="$$tmp/$$(echo "$$dir" | tr / _)"; \
		test -x "$$bin" || go test -c -fuzz=. -o "$$bin" "$$dir" || exit 1; \
		echo "== $$dir $$target"; \
		(cd "$$dir" && "$$bin" -test.run='^$$' -test.fuzz="^$$target\$$" -test.fuzztime=$(FUZZTIME) \
			-test.fuzzminimizetime=1s -test.fuzzcachedir="$$tmp/corpus" </dev/null) || exit 1; \
	done

bench: ## each benchmark for BENCHTIME (1s)
	go test -run='^$$' -bench=. -benchtime=$(BENCHTIME) $(ALL)

# A line for each fuzz target: its folder, its name. The style tests compare it
# with the source.
fuzz-list:
	@grep -rEo --include='*_test.go' --exclude-dir=testdata '^func Fuzz[A-Za-z0-9_]*' . | \
		sed -E 's,^(.*)/[^/]*:func (.*)$$,\1 \2,' | LC_ALL=C sort
