# What is missing is installed first: see scripts/setup.sh and scripts/tools.sh.
SHELL := /bin/sh
node := node_modules/node/bin/node
# Tests and tools run with the checkout's Node, whatever the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: ## get what the product and the demo need, and build dist/
	@scripts/setup.sh demo

demo: setup ## a whole release cycle of examples/playground against registries on this machine
	@bin/twotier rehearse examples/playground

test: ## all tests, with real clients and servers; T=src/foo for those of one path
	@scripts/setup.sh test
	@scripts/tools.sh
	@$(node) node_modules/vitest/vitest.mjs run $(T)

lint: ## biome and shellcheck
	@scripts/setup.sh test
	@scripts/lint.sh

check: lint ## types, lint, unused code, layers
	@node_modules/.bin/tsc --noEmit
	@$(node) node_modules/knip/bin/knip.js
	@$(node) node_modules/vitest/vitest.mjs run test/layers.test.ts

bench: ## the figures of the README; B=plan for one of bench/*.ts, F=--small to see it work
	@scripts/setup.sh test
	@scripts/tools.sh
	@$(if $(B),$(node) bench/$(B).ts,sh bench/run.sh) $(F)

torture: ## releases killed at every point, all of them; writes the table in README.md; T="--share 0.1" for some
	@scripts/setup.sh test
	@$(node) test/torture/main.ts $(T)

installers: ## install scripts in each shell, with each fetcher: every fault, every point at which one stops
	@scripts/setup.sh test
	@scripts/tools.sh
	@TWOTIER_TEST_EVERY=1 $(node) node_modules/vitest/vitest.mjs run test/installer

adoption: ## init, then a whole rehearsal, in repositories of eleven shapes; L=npm-single for one
	@scripts/setup.sh test
	@scripts/tools.sh
	@$(node) test/adoption/main.ts $(L)

rehearse: setup ## a whole release cycle of twotier itself: package, four binaries, image (minutes)
	@bin/twotier rehearse .

docs: website/node_modules/.package-lock.json ## docs/ as a site, in website/dist; fails where a link leads nowhere
	@cd website && $(CURDIR)/$(node) node_modules/vitepress/bin/vitepress.js build .

website/node_modules/.package-lock.json: website/package-lock.json
	@scripts/setup.sh test
	@cd website && npm ci --no-audit --no-fund --no-progress --loglevel=error

picture: setup ## docs/demo.svg, the picture of a run in the README
	@FORCE_COLOR=1 bin/twotier rehearse examples/playground 2>&1 | $(node) scripts/picture.ts docs/demo.svg "make demo"

clean: ## remove what make made, but for node_modules
	rm -rf dist .setup website/dist website/node_modules scripts/runtimes/node_modules

.PHONY: help setup demo test lint check bench torture installers adoption rehearse docs picture clean
