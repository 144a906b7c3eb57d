# shellcheck shell=sh disable=SC2034,SC2154 # the parts are put together: each uses variables of others

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
