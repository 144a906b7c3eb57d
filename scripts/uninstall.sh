#!/bin/sh
# uninstall.sh of twotier: https://github.com/hanzoai/twotier
# Made by `twotier generate installer`; changes are lost. POSIX sh: bash 3.2, dash, BusyBox.
# Nothing is done before the last line, so that half a download does nothing.

settings() {
	command=twotier
	root=$HOME/.twotier
	script_url=https://raw.githubusercontent.com/hanzoai/twotier/main/scripts
	directory=${TWOTIER_INSTALL_DIR:-}
	staging=''
	if truthy "${TWOTIER_STAGING:-${STAGING:-}}"; then staging=1; fi
}

# Everything for people goes to stderr; nothing but --help is on stdout.
say() { printf '%s: %s\n' "$command" "$*" >&2; }
debug() { [ -z "$verbose" ] || printf '%s: %s\n' "$command" "$*" >&2; }
warn() { printf '%swarning:%s %s\n' "$yellow" "$plain" "$*" >&2; }

# fail MESSAGE [HINT...]: says what is wrong and what to do now, and ends.
fail() {
	printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
	shift
	for hint in "$@"; do printf 'hint: %s\n' "$hint" >&2; done
	exit 1
}

# usage MESSAGE: a wrong flag or argument.
usage() {
	printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
	printf 'hint: --help lists every option\n' >&2
	exit 2
}

colours() {
	red='' yellow='' plain=''
	if [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
		red=$(printf '\033[31m') yellow=$(printf '\033[33m') plain=$(printf '\033[0m')
	fi
}

have() { command -v "$1" >/dev/null 2>&1; }

truthy() {
	case $1 in
	'' | 0 | false | False | FALSE | no | No | NO | off) return 1 ;;
	*) return 0 ;;
	esac
}

# short PATH: with ~ for the home folder, for messages.
short() {
	case $1 in
	"$HOME"/*) printf '~%s' "${1#"$HOME"}" ;;
	*) printf '%s' "$1" ;;
	esac
}

# Where this channel lives: its own folder (state), the binary in its folder, and what goes on the PATH.
places() {
	name=$command
	[ -z "$staging" ] || name=$command-staging
	if [ -n "$directory" ]; then
		# A folder that belongs to others too: the state is hidden beside the binary, and each channel has its own name.
		state=$directory/.$name
		folder=$directory
		binary=$folder/$name
		link=''
		path_dir=$directory
	else
		state=$root/$name
		folder=$state/bin
		binary=$folder/$command
		link=$root/bin/$name
		link_target=../$name/bin/$command
		path_dir=$root/bin
	fi
	previous=$state/previous/$command
	receipt=$state/receipt
}

# absolute DIR: sets directory.
absolute() {
	case $1 in
	*'
'*) usage 'a folder with a line break in its name can not be used' ;;
	*:*) usage "$1: a folder with a colon in its name can not be on the PATH" ;;
	/*) directory=$1 ;;
	*) directory=$(pwd)/${1#./} ;;
	esac
	while [ "$directory" != "${directory%/}" ] && [ "$directory" != / ]; do directory=${directory%/}; done
}

home() {
	[ -n "${HOME:-}" ] || fail 'HOME is not set, so there is no home folder' 'set HOME to a folder of yours'
}

# hash FILE: its sha256, 64 hexadecimal digits. There is no way on without.
hash() {
	case $hasher in
	sha256sum) sum=$(sha256sum <"$1") || sum='' ;;
	shasum) sum=$(shasum -a 256 <"$1") || sum='' ;;
	openssl) sum=$(openssl dgst -sha256 -r <"$1") || sum='' ;;
	esac
	sum=${sum%% *}
	case $sum in
	*[!0-9a-f]*) sum='' ;;
	esac
	[ ${#sum} -eq 64 ] || fail "$hasher did not compute a checksum of $1"
	printf '%s' "$sum"
}

find_hasher() {
	for hasher in sha256sum shasum openssl; do
		if have "$hasher"; then return 0; fi
	done
	fail 'there is no tool to compute a SHA-256 checksum, and nothing unverified is installed' \
		'install one of sha256sum (coreutils), shasum (perl), openssl'
}

# is_our_link PATH: a link that an installation made.
is_our_link() {
	[ -L "$1" ] && [ "$(readlink "$1")" = "$link_target" ]
}

# --- lines in the shells' start files ---

block_names() {
	block_begin="# >>> $command: $path_dir >>>"
	block_end="# <<< $command: $path_dir <<<"
	block_own_file='# (the installer made this file)'
}

has_block() { [ -f "$1" ] && grep -Fqx -e "$block_begin" "$1"; }

help() {
	cat <<END
Removes what install.sh of $command added, and nothing else.

Usage: uninstall.sh [options]      curl -fsSL $script_url/uninstall.sh | sh -s -- [options]

  --staging    the candidate ($command-staging) instead of the stable version
  --all        both
  --dir DIR    what was installed with that --dir
  --yes        do not ask (needed where there is no terminal)
  --verbose    say what is done
  --help       this list
END
}

options() {
	both='' yes=''
	while [ $# -gt 0 ]; do
		case $1 in
		--staging) staging=1 ;;
		--all) both=1 ;;
		--yes | -y) yes=1 ;;
		--dir=*) directory=${1#*=} ;;
		--dir)
			case ${2:-} in
			'' | -*) usage "$1 needs a value" ;;
			esac
			directory=$2
			shift
			;;
		--verbose) verbose=1 ;;
		--help | -h)
			help
			exit 0
			;;
		*) usage "unknown option $1" ;;
		esac
		shift
	done
	[ -z "$directory" ] || absolute "$directory"
}

# is_there: has this channel been installed here?
is_there() {
	[ -f "$receipt" ] || { [ -n "$link" ] && [ -d "$state" ]; }
}

# is_ours: in a folder that belongs to others, too, only the very file that was installed is taken away.
is_ours() {
	[ -n "$link" ] && return 0
	sum_there=$(hash "$binary") || exit 1
	grep -q -e "^$sum_there  " "$receipt"
}

# ask WHAT: on a terminal, even where the script itself comes through a pipe.
ask() {
	[ -z "$yes" ] || return 0
	if ! (: </dev/tty) 2>/dev/null; then
		usage "there is no terminal to ask on: add --yes to remove $1"
	fi
	printf 'Remove %s? [y/N] ' "$1" >/dev/tty
	IFS= read -r answer </dev/tty || answer=''
	case $answer in
	y | Y | yes | Yes | YES) return 0 ;;
	*)
		say 'nothing was removed'
		exit 1
		;;
	esac
}

# remove_channel: first what people call, then what lies behind it.
remove_channel() {
	if [ -n "$link" ] && is_our_link "$link"; then rm -f "$link" || not_removed "$link"; fi
	if [ -f "$binary" ]; then
		if is_ours; then
			rm -f "$binary" || not_removed "$binary"
		else
			warn "$(short "$binary") was not put there by the installer, or was changed since; it is left"
		fi
	fi
	rm -f "$previous" || not_removed "$previous"
	for left in "$state"/.staging.*; do
		[ ! -d "$left" ] || rm -rf "$left" || not_removed "$left"
	done
	# Last: as long as it is there, the same command goes on where it stopped.
	rm -f "$receipt" || not_removed "$receipt"
	for own in "$state/previous" "$state/bin" "$state"; do
		if [ -d "$own" ] && ! rmdir "$own" 2>/dev/null; then
			warn "$(short "$own") holds other files; it is left"
			break
		fi
	done
	say "$name is removed"
}

not_removed() {
	fail "could not remove $(short "$1")" 'look at its owner and mode, and run the same command again'
}

# start_files: where a block may be, one a line.
start_files() {
	for file in .bashrc .bash_profile .bash_login .profile; do printf '%s\n' "$HOME/$file"; done
	printf '%s\n' "${ZDOTDIR:-$HOME}/.zshrc" "${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/$command.fish"
}

# follow FILE: sets `file` to what its links lead to.
follow() {
	file=$1
	hops=0
	while [ -L "$file" ] && [ "$hops" -lt 20 ]; do
		next=$(readlink "$file")
		case $next in
		/*) file=$next ;;
		*) file=$(dirname "$file")/$next ;;
		esac
		hops=$((hops + 1))
	done
}

# remove_block FILE: takes the block out; the file is replaced in one step, whatever links lead to it.
remove_block() {
	follow "$1"
	first=$(grep -Fnx -e "$block_begin" "$file" | head -n 1 | cut -d : -f 1)
	last=$(grep -Fnx -e "$block_end" "$file" | head -n 1 | cut -d : -f 1)
	if [ -z "$last" ] || [ "$last" -lt "$first" ]; then
		warn "the lines about $path_dir in $1 were changed by hand; remove them by hand"
		return 0
	fi
	own=''
	if sed -n "${first},${last}p" "$file" | grep -Fqx -e "$block_own_file"; then own=1; fi
	rest=$file.$command.$$
	# The copy keeps owner and mode.
	if cp -p "$file" "$rest" && sed "${first},${last}d" "$file" >"$rest"; then
		if [ -n "$own" ] && [ ! -s "$rest" ]; then
			rm -f "$rest" "$1"
		else
			mv -f "$rest" "$file"
		fi
		debug "removed the lines about $path_dir from $1"
	else
		rm -f "$rest"
		warn "could not change $1; remove the lines about $path_dir by hand"
	fi
}

# forget_path: the folder leaves the PATH when nothing of ours is in it any more.
forget_path() {
	list=$(mktemp) || fail 'could not make a temporary file' 'set TMPDIR to a folder that is yours'
	trap 'rm -f "$list"' EXIT
	for staging in '' 1; do
		places
		if is_there; then return 0; fi
	done
	block_names
	start_files >"$list"
	while IFS= read -r candidate; do
		follow "$candidate"
		for left in "$file.$command".[0-9]*; do
			[ ! -f "$left" ] || rm -f "$left"
		done
		if has_block "$candidate"; then remove_block "$candidate"; fi
	done <"$list"
	if [ -n "${GITHUB_PATH:-}" ] && grep -Fqx -e "$path_dir" "$GITHUB_PATH" 2>/dev/null; then
		grep -Fvx -e "$path_dir" "$GITHUB_PATH" >"$list"
		cat "$list" >"$GITHUB_PATH"
	fi
	[ -z "$link" ] || rmdir "$root/bin" "$root" 2>/dev/null
	return 0
}

main() {
	set -u
	colours
	verbose='' list=''
	home
	settings
	options "$@"
	find_hasher
	channels_here=''
	wanted_channels=$staging
	[ -z "$both" ] || wanted_channels=both
	others=''
	for staging in '' 1; do
		places
		if ! is_there; then continue; fi
		if [ "$wanted_channels" = both ] || [ "$wanted_channels" = "$staging" ]; then
			channels_here="${channels_here:+$channels_here and }$name"
		else
			others=$name
		fi
	done
	if [ -z "$channels_here" ]; then
		# An uninstallation that was stopped may have left the PATH to this one.
		forget_path
		say "nothing to remove in $(short "${directory:-$root}")${others:+; $others is there: --staging or --all names it}"
		exit 0
	fi
	ask "$channels_here from $(short "${directory:-$root}")"
	for staging in '' 1; do
		[ "$wanted_channels" = both ] || [ "$wanted_channels" = "$staging" ] || continue
		places
		if is_there; then remove_channel; fi
	done
	forget_path
}

{ main "$@"; exit 0; }
