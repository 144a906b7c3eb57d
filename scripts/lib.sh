# shellcheck shell=sh disable=SC2034,SC2154 # variables of the two scripts that source it
# What setup.sh and tools.sh share. Sourced with $root set to the checkout; POSIX sh (dash, busybox, bash 3.2 of macOS).

setup_dir=$root/.setup
missing_dir=$setup_dir/missing

say() { printf '%s: %s\n' "${script:-setup}" "$*"; }
warn() { printf '%s: warning: %s\n' "${script:-setup}" "$*" >&2; }
die() {
	printf '%s: %s\n' "${script:-setup}" "$1" >&2
	shift
	for line in "$@"; do printf '  %s\n' "$line" >&2; done
	exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Two makes at once in one checkout wait for each other. macOS has no flock: there the user takes turns.
lock() {
	mkdir -p "$setup_dir"
	have flock || return 0
	exec 9>"$setup_dir/lock"
	flock -n 9 || {
		say "waiting for another make in this checkout"
		flock 9
	}
}

# note_missing FILE REASON: what test/tools.ts says where a tool isn't there. With CI=true a warning is a failure.
note_missing() {
	mkdir -p "$missing_dir"
	printf '%s\n' "$2" >"$missing_dir/$1"
	[ "${CI:-}" = true ] && die "$1: $2" "with CI=true every tool of the tests must be there"
	warn "$1: $2; its tests will be skipped by name"
}
clear_missing() { rm -f "$missing_dir/$1"; }

is_debian() { have apt-get && have dpkg; }
is_root() { [ "$(id -u)" = 0 ]; }

# A Go of at least 1.19, Debian 12's own: $go is set to it, or to nothing.
find_go() {
	go=
	for candidate in go /usr/local/go/bin/go /usr/lib/go/bin/go /opt/homebrew/bin/go; do
		have "$candidate" || continue
		number=$("$candidate" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9][0-9]*\).*/\1/p')
		if [ "${number:-0}" -ge 19 ]; then
			go=$candidate
			return 0
		fi
	done
	return 1
}

# find_python MODULE...: a Python that has them all: $python is set to it, or to nothing.
find_python() {
	python=
	for candidate in python3 /usr/bin/python3; do
		have "$candidate" || continue
		"$candidate" -c 'import importlib.util, sys
sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))' "$@" 2>/dev/null || continue
		python=$candidate
		return 0
	done
	return 1
}

# has TOOL: is there what a Debian package is installed for?
has() {
	case $1 in
	go) find_go ;;
	# What builds wheels and sdists without downloading anything.
	python-build) find_python build setuptools wheel pip ensurepip ;;
	# Debian's own is a client that tests want beside the virtual environment's.
	twine) if is_debian; then [ -x /usr/bin/twine ]; else have twine; fi ;;
	*) have "$1" ;;
	esac
}

# The packages that bring a tool: Debian's, or Homebrew's (none where macOS has no such package: its tests are skipped).
debian_package() {
	case $1 in
	go) echo golang-go ;;
	nginx) echo nginx-light ;;
	python-build) echo python3 python3-pip python3-venv python3-build python3-setuptools python3-wheel ;;
	*) echo "$1" ;;
	esac
}
brew_package() {
	case $1 in
	python-build) echo python python-build ;;
	docker-registry | buildah | busybox | chromium) ;;
	*) echo "$1" ;;
	esac
}

# system_tools needed|wanted TOOL...: gets what is missing from Debian. Needed: can't go on without. Wanted: its tests
# are skipped if Debian can't be reached. Without root, or elsewhere: says what to install, and stops.
system_tools() {
	how=$1
	shift
	absent=''
	debian=''
	brew=''
	for one in "$@"; do
		if has "$one"; then clear_missing "$one"; else
			absent="$absent $one"
			debian="$debian $(debian_package "$one")"
			brew="$brew $(brew_package "$one")"
		fi
	done
	[ -n "$absent" ] || return 0
	if ! is_debian; then
		if have brew || [ "$(uname -s)" = Darwin ]; then
			# shellcheck disable=SC2086 # words
			set -- $brew
			[ $# -gt 0 ] && die "these programs are missing:$absent" "get them: brew install $*" "then run make again"
			for one in $absent; do note_missing "$one" "Homebrew has no package of it"; done
			return 0
		fi
		die "these programs are missing:$absent" "install them with your system's packages; on Debian they are:" "apt-get install$debian"
	fi
	is_root || die "these programs are missing:$absent" "get them: sudo apt-get install$debian" "then run make again"
	say "installing from Debian:$debian"
	# shellcheck disable=SC2086 # words
	if ! apt_install $debian; then
		[ "$how" = needed ] && die "Debian's packages couldn't be installed:$debian" "the log: $setup_dir/apt.log"
	fi
	for one in $absent; do
		has "$one" && clear_missing "$one" && continue
		[ "$how" = needed ] && die "$one is still missing after apt-get install$debian" "the log: $setup_dir/apt.log"
		note_missing "$one" "Debian's package of it couldn't be installed ($(tail -n 1 "$setup_dir/apt.log"))"
	done
}

apt_install() {
	{
		apt-get -q -o DPkg::Lock::Timeout=600 update ||
			echo "apt-get update failed: trying with the lists that are here"
		DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@" ||
			return 1
	} >"$setup_dir/apt.log" 2>&1 </dev/null
}
