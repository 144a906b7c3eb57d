#!/bin/sh
# Gets the foreign tools that the tests drive: Debian's packages, a virtual environment with PyPI's, and Go's.
# What can't be had is noted under .setup/missing/ (test/tools.ts reads it); with CI=true that fails instead.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
script=tools
# shellcheck source=scripts/lib.sh
. "$root/scripts/lib.sh"
cd "$root"

python_tools() {
	venv=$setup_dir/venv
	if cmp -s scripts/requirements.txt "$venv/requirements.txt"; then
		clear_missing venv
		return 0
	fi
	find_python ensurepip || {
		note_missing venv "no Python with venv is installed"
		return 0
	}
	say "pip install into .setup/venv: $(sed -n 's/==.*//p' scripts/requirements.txt | tr '\n' ' ')"
	rm -rf "$venv"
	if "$python" -m venv "$venv" >"$setup_dir/pip.log" 2>&1 &&
		"$venv/bin/python" -m pip --disable-pip-version-check --retries 1 --timeout 60 install --quiet \
			--requirement scripts/requirements.txt >>"$setup_dir/pip.log" 2>&1; then
		cp scripts/requirements.txt "$venv/requirements.txt"
		clear_missing venv
	else
		note_missing venv "pip install failed ($(tail -n 1 "$setup_dir/pip.log"))"
	fi
}

# go_tool NAME PACKAGE@VERSION: .setup/bin/NAME, built by the machine's Go
go_tool() {
	stamp=$setup_dir/bin/.$1
	if [ -x "$setup_dir/bin/$1" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$2" ]; then
		clear_missing "$1"
		return 0
	fi
	find_go || {
		note_missing "$1" "no Go of version 1.19 or newer is installed"
		return 0
	}
	say "go install $2"
	mkdir -p "$setup_dir/bin"
	fresh=$(mktemp -d "$setup_dir/go-XXXXXX")
	if GOBIN=$fresh GOFLAGS=-buildvcs=false "$go" install "$2" >"$setup_dir/go-$1.log" 2>&1 </dev/null; then
		mv "$fresh"/* "$setup_dir/bin/$1"
		printf '%s\n' "$2" >"$stamp"
		clear_missing "$1"
	else
		note_missing "$1" "go install $2 failed ($(tail -n 1 "$setup_dir/go-$1.log"))"
	fi
	rm -rf "$fresh"
}

lock
system_tools wanted git curl skopeo buildah docker-registry gh shellcheck dash busybox minisign chromium nginx twine go python-build
python_tools & # while Go compiles
pip=$!
go_tool crane github.com/google/go-containerregistry/cmd/crane@v0.22.1
go_tool actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# A program since 2026, configured by OCI_* variables: see its README.md.
go_tool oci-conformance github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111
wait "$pip"
