#!/bin/sh
# setup.sh demo|test: gets what the product needs (and the demo), and builds dist/. Fast where nothing is missing.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
script=setup
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"

npm_packages() {
	if [ -x node_modules/node/bin/node ] && node_modules/node/bin/node scripts/installed.mjs; then return 0; fi
	have npm || die "npm is missing" "install Node.js (any version from 20 on is enough to fetch the rest): https://nodejs.org"
	say "npm ci: the packages of package-lock.json"
	npm ci --no-audit --no-fund --no-progress --loglevel=error >"$setup_dir/npm.log" 2>&1 </dev/null ||
		die "npm ci failed" "$(head -n 12 "$setup_dir/npm.log")"
	node_modules/node/bin/node --version >/dev/null 2>&1 ||
		die "the npm package node@24 brought no program for this machine" "install Node 22.18 or newer: https://nodejs.org"
}

dist() {
	if [ -f dist/main.js ] && [ -f dist/types/index.d.ts ] &&
		[ -z "$(find src schema scripts/build.ts tsconfig.build.json package.json package-lock.json -newer dist/types/index.d.ts -print)" ]; then
		return 0
	fi
	say "building dist/"
	node_modules/node/bin/node scripts/build.ts
}

case ${1:-} in
demo | test) ;;
*) die "usage: scripts/setup.sh demo|test" ;;
esac
lock
npm_packages
dist
# What a release of the example needs, and what its results are read back with.
[ "$1" = test ] || system_tools needed git curl skopeo buildah go python-build
