#!/bin/sh
# All benches, one after the other; their flags are passed on: bench/run.sh --small --json
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
node=$root/node_modules/node/bin/node
for bench in "$root"/bench/*.ts; do
	case $bench in */measure.ts) continue ;; esac
	printf '\n%s\n' "$(basename "$bench" .ts)" >&2
	"$node" "$bench" "$@"
done
