#!/bin/sh
# biome over everything it knows, shellcheck over every shell script of the repository.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
script=lint
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"

mkdir -p "$setup_dir"
system_tools needed shellcheck
node_modules/.bin/biome check --error-on-warnings .
# Paths of the repository have no spaces.
# shellcheck disable=SC2046
shellcheck --external-sources $(git ls-files --cached --others --exclude-standard '*.sh' bin/twotier .ci/run)
