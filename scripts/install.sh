#!/bin/sh
# install.sh of twotier: https://github.com/hanzoai/twotier
# Made by `twotier generate installer`; changes are lost. POSIX sh: bash 3.2, dash, BusyBox.
# Nothing is done before the last line, so that half a download does nothing.

settings() {
	command=twotier
	root=$HOME/.twotier
	script_url=https://raw.githubusercontent.com/hanzoai/twotier/main/scripts
	directory=${TWOTIER_INSTALL_DIR:-}
	staging=''
	if truthy "${TWOTIER_STAGING:-${STAGING:-}}"; then staging=1; fi
	repository=hanzoai/twotier
	prefix=TWOTIER
	# {version} is between them; in addresses with %XX for what those can't hold
	tag_prefix=v tag_suffix=''
	tag_prefix_url=v tag_suffix_url=''
	platforms='darwin-amd64, darwin-arm64, linux-amd64, linux-arm64'
	# 1: the binaries need no C library
	static=''
	minisign_key=''
	attestations=''

	github=${TWOTIER_GITHUB_URL:-https://github.com}
	github=${github%/}
	case $github in
	https://github.com) api=https://api.github.com ;;
	*) api=$github/api/v3 ;;
	esac
	channels=${TWOTIER_CHANNELS_URL:-''}
	timeout=${TWOTIER_TIMEOUT:-30}
	modify_path=1
	if truthy "${TWOTIER_NO_MODIFY_PATH:-}"; then modify_path=''; fi
	# What this very script was made for goes before the environment.
	wanted='' wanted_by='this script'
	if [ -z "$wanted" ]; then wanted=${TWOTIER_VERSION:-} wanted_by=TWOTIER_VERSION; fi
	if [ -z "$wanted" ]; then wanted=${VERSION:-} wanted_by=VERSION; fi
}

# asset_for OS-ARCH: name of the release's file for it; nothing where there is none.
asset_for() {
	case $1 in
	darwin-amd64) echo twotier-darwin-amd64 ;;
	darwin-arm64) echo twotier-darwin-arm64 ;;
	linux-amd64) echo twotier-linux-amd64 ;;
	linux-arm64) echo twotier-linux-arm64 ;;
	esac
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

find_fetcher() {
	# wget reads the lower-case variables alone, curl wants http_proxy in lower case.
	if [ -z "${http_proxy:-}" ] && [ -n "${HTTP_PROXY:-}" ]; then export http_proxy="$HTTP_PROXY"; fi
	if [ -z "${https_proxy:-}" ] && [ -n "${HTTPS_PROXY:-}" ]; then export https_proxy="$HTTPS_PROXY"; fi
	if [ -z "${no_proxy:-}" ] && [ -n "${NO_PROXY:-}" ]; then export no_proxy="$NO_PROXY"; fi
	if have curl; then
		fetcher=curl
	elif have wget; then
		# What BusyBox's wget knows depends on how it was built.
		case $(wget --help 2>&1) in
		*--tries*) fetcher=wget ;;
		*' -T '*) fetcher='busybox-wget -T' ;;
		*) fetcher=busybox-wget ;;
		esac
	else
		fail 'neither curl nor wget is here' 'install one of them, e.g. apt-get install curl'
	fi
	debug "fetching with $fetcher"
}

# is_loopback URL: plain http is for this machine alone.
is_loopback() {
	rest=${1#*://}
	host=${rest%%/*}
	case $host in
	*@*) return 1 ;;
	localhost | localhost:* | 127.0.0.1 | 127.0.0.1:* | '[::1]' | '[::1]:'*) return 0 ;;
	*) return 1 ;;
	esac
}

check_url() {
	case $1 in
	https://*) ;;
	http://*) is_loopback "$1" || fail "$1: not https" 'only addresses that begin with https:// are used' ;;
	*) fail "$1: not an address" 'only addresses that begin with https:// are used' ;;
	esac
}

# fetch_once URL FILE: one try. The body goes through stdout, because a curl from snap can not write to hidden folders.
fetch_once() {
	: >"$work/answer"
	code=0
	case $fetcher in
	curl)
		protocols='=https'
		if is_loopback "$1"; then protocols='=http,https'; fi
		curl --fail --silent --show-error --location --proto "$protocols" --tlsv1.2 --connect-timeout "$timeout" \
			--speed-limit 1 --speed-time "$timeout" --dump-header "$work/answer" -- "$1" 2>"$work/complaint" >"$2" || code=$?
		;;
	wget)
		LC_ALL=C wget --server-response --no-verbose --tries=1 --timeout="$timeout" -O - -- "$1" \
			2>"$work/complaint" >"$2" || code=$?
		;;
	'busybox-wget -T') wget -S -T "$timeout" -O - "$1" 2>"$work/complaint" >"$2" || code=$? ;;
	busybox-wget) wget -S -O - "$1" 2>"$work/complaint" >"$2" || code=$? ;;
	esac
	if [ "$fetcher$code" = curl0 ]; then
		debug "GET $1"
		return 0
	fi
	[ "$fetcher" = curl ] || cp "$work/complaint" "$work/answer"
	status=$(sed -n -e 's/^ *HTTP\/[0-9.]* *\([0-9][0-9][0-9]\).*/\1/p' \
		-e 's/^wget: server returned error: HTTP\/[0-9.]* *\([0-9][0-9][0-9]\).*/\1/p' "$work/answer" | tail -n 1)
	debug "GET $1: ${status:-no answer} (exit code $code)"
	if [ "$fetcher" != curl ] && ! is_loopback "$1"; then
		if grep -iq '^ *location: http:' "$work/answer"; then
			fail "$1 leads to an address without https" 'install curl, or tell the people who run that server'
		fi
		if grep -q 'certificate validation not implemented' "$work/complaint"; then
			fail 'this wget does not check certificates' 'install curl, or GNU wget'
		fi
	fi
	[ $code -ne 0 ] || return 0
	case $status in
	[23]??) status='' ;; # it broke off after the answer had begun
	esac
	return 1
}

# is_distrust: did TLS fail? By the exit codes of curl(1) and wget(1).
is_distrust() {
	case $fetcher:$code in
	curl:51 | curl:58 | curl:60 | curl:77 | curl:83 | wget:5) return 0 ;;
	*) return 1 ;;
	esac
}

# asked_to_wait: seconds of the answer's Retry-After; nothing where there is none.
asked_to_wait() {
	tr -d '\r' <"$work/answer" | sed -n 's/^ *[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]: *\([0-9][0-9]*\)$/\1/p' | tail -n 1
}

is_rate_limit() {
	[ "$status" = 429 ] || { [ "$status" = 403 ] && grep -iq '^ *x-ratelimit-remaining: *0' "$work/answer"; }
}

# get URL FILE: up to four tries. On failure `status` says which one of HTTP's it was, '' where there was no answer.
get() {
	check_url "$1"
	for pause in 1 2 4 ''; do
		if fetch_once "$1" "$2"; then return 0; fi
		if ! has_room; then cannot_write "$work"; fi
		case $status in
		'' | 408 | 429 | 5??) ;;
		*) return 1 ;;
		esac
		# No other try helps where the tool itself can not do it.
		case $fetcher:$code in
		curl:1 | curl:2 | curl:23 | wget:3) return 1 ;;
		esac
		if is_distrust; then return 1; fi
		[ -n "$pause" ] || return 1
		asked=$(asked_to_wait)
		if [ -n "$asked" ]; then
			[ "$asked" -le 15 ] || return 1
			pause=$asked
		fi
		say "no luck with ${1##*/} (${status:-no answer}), trying again in $pause s"
		sleep "$pause"
	done
}

# not_fetched URL WHAT: ends with the reason of the last try.
not_fetched() {
	host=${1#*://}
	host=${host%%/*}
	# curl adds an essay to some of its messages, wget the headers.
	why=$(tr -d '\r' <"$work/complaint" | grep -e '^curl: ([0-9]*)' | tail -n 1)
	[ -n "$why" ] || why=$(tr -d '\r' <"$work/complaint" | grep -v -e '^ ' -e '^$' -e '^Connecting to' -e '^writing to' | tail -n 1)
	if is_rate_limit; then
		asked=$(asked_to_wait)
		fail "$host allows no more requests for now (HTTP $status), asked for $2" \
			"try again in ${asked:-a few hundred} seconds, or name a version: --version vX.Y.Z needs fewer requests"
	fi
	case $status in
	'')
		case $why in
		*rotocol*not\ supported* | *HTTPS\ support* | *ssl_client*)
			fail "this $fetcher can not speak https: $why" 'install curl with TLS, e.g. apt-get install curl ca-certificates'
			;;
		esac
		if is_distrust; then
			fail "no safe connection to $host: $why" \
				'install ca-certificates; behind a company proxy set CURL_CA_BUNDLE or SSL_CERT_FILE to its certificate'
		fi
		fail "could not fetch $2 from $host: ${why:-no answer}" \
			'check the network; proxies are taken from https_proxy and no_proxy'
		;;
	404) fail "$host has no $2 (HTTP 404): $1" ;;
	*) fail "$host answered HTTP $status to the request for $2: $1" 'try again later' ;;
	esac
}

# has_room: can a little more be written? Not every fetcher says that the disk is full.
has_room() {
	if printf '%4096s' '' 2>/dev/null >"$work/room"; then
		rm -f "$work/room"
	else
		rm -f "$work/room"
		return 1
	fi
}

cannot_write() {
	fail "could not write to $1: is the disk full? $(df -k "$1" 2>/dev/null | tail -n 1)" \
		'free some space, or choose another folder with --dir'
}

help() {
	cat <<END
Installs $command from https://github.com/$repository.

Usage: install.sh [options]        curl -fsSL $script_url/install.sh | sh -s -- [options]

  --staging            the newest candidate instead of the stable version; it gets a place and a name of its own
  --version VERSION    that version, with or without v
  --dir DIR            put the command into that folder (default: $(short "$root")/$command/bin, linked from $(short "$root")/bin)
  --no-modify-path     leave PATH as it is
  --rollback           bring back the version that was there before the last installation
  --verbose            say what is done
  --help               this list

Variables, for pipes: curl -fsSL $script_url/install.sh | ${prefix}_VERSION=vX.Y.Z sh
  ${prefix}_VERSION (or VERSION), ${prefix}_STAGING (or STAGING), ${prefix}_INSTALL_DIR, ${prefix}_NO_MODIFY_PATH,
  ${prefix}_GITHUB_URL, ${prefix}_CHANNELS_URL (mirrors), ${prefix}_TIMEOUT (seconds without data, default 30)
END
}

options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--staging) staging=1 ;;
		--version=*) wanted=${1#*=} wanted_by=--version ;;
		--dir=*) directory=${1#*=} ;;
		--version | --dir)
			case ${2:-} in
			'' | -*) usage "$1 needs a value" ;;
			esac
			if [ "$1" = --dir ]; then directory=$2; else wanted=$2 wanted_by=--version; fi
			shift
			;;
		--no-modify-path) modify_path='' ;;
		--rollback) rollback=1 ;;
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
	choose_version
}

# choose_version: reads what was asked for into `version`, '' for the newest.
choose_version() {
	version=''
	case $wanted in
	'' | latest) return 0 ;;
	esac
	version=${wanted#"$tag_prefix"}
	version=${version%"$tag_suffix"}
	version=${version#v}
	if ! is_version "$version"; then
		if [ "$wanted_by" = VERSION ]; then
			# A name that many other things use, too.
			warn "VERSION=$wanted in the environment is no version of $command and is ignored; ${prefix}_VERSION is asked first"
			version=''
			return 0
		fi
		usage "$wanted_by: '$wanted' is not a version, e.g. 1.2.3 or v1.2.3-rc.4"
	fi
	debug "version $version, from $wanted_by"
	case $version in
	*-*)
		if [ -z "$staging" ]; then
			staging=1
			say "$version is a candidate: it is installed as $command-staging, beside the stable version"
		fi
		;;
	esac
}

# is_version TEXT: X.Y.Z or X.Y.Z-label.N, as this product numbers its releases.
is_version() {
	core=${1%%-*}
	case $core in
	*.*.*) ;;
	*) return 1 ;;
	esac
	rest=${core#*.}
	is_number "${core%%.*}" && is_number "${rest%%.*}" && is_number "${rest#*.}" || return 1
	[ "$core" != "$1" ] || return 0
	rest=${1#*-}
	case ${rest%%.*} in
	'' | *[!a-z]*) return 1 ;;
	esac
	[ "$rest" != "${rest#*.}" ] && [ "${rest#*.}" != 0 ] && is_number "${rest#*.}"
}

is_number() {
	case $1 in
	'' | *[!0-9]* | 0?*) return 1 ;;
	*) return 0 ;;
	esac
}

# sort_versions: versions one a line, lowest first, by number and not by letter; lines that are none are left out.
sort_versions() {
	LC_ALL=C grep -E '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[a-z]+\.[1-9][0-9]*)?$' |
		sed -e 's/^\([0-9]*\)\.\([0-9]*\)\.\([0-9]*\)$/& \1 \2 \3 ~ 0/' \
			-e 's/^\([0-9]*\)\.\([0-9]*\)\.\([0-9]*\)-\([a-z]*\)\.\([0-9]*\)$/& \1 \2 \3 \4 \5/' |
		LC_ALL=C sort -k 2,2n -k 3,3n -k 4,4n -k 5,5 -k 6,6n | cut -d ' ' -f 1
}

platform() {
	os=$(uname -s)
	arch=$(uname -m)
	case $os in
	Linux) os=linux ;;
	Darwin) os=darwin ;;
	FreeBSD | OpenBSD | NetBSD) os=$(printf '%s' "$os" | tr '[:upper:]' '[:lower:]') ;;
	esac
	case $arch in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	armv7* | armv8l) arch=armv7 ;;
	armv6*) arch=armv6 ;;
	i386 | i486 | i586 | i686) arch=386 ;;
	esac
	# A 32-bit system on a 64-bit kernel.
	if [ "$os" = linux ] && [ "$(getconf LONG_BIT 2>/dev/null)" = 32 ]; then
		case $arch in amd64) arch=386 ;; arm64) arch=armv7 ;; esac
	fi
	# A shell that Rosetta translates says x86_64 on an ARM Mac.
	if [ "$os-$arch" = darwin-amd64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
		debug 'this shell runs under Rosetta: the binary for Apple Silicon is taken'
		arch=arm64
	fi
	asset=$(asset_for "$os-$arch")
	musl=$(asset_for "$os-$arch-musl")
	# Binaries without a C library run everywhere.
	if [ "$os" = linux ] && { [ -z "$static" ] || [ -n "$musl" ]; } && is_musl; then
		debug 'this system has musl'
		if [ -n "$musl" ]; then
			asset=$musl
		elif [ -n "$asset" ]; then
			fail "this system has musl, and the binaries of $command need glibc" "see https://github.com/$repository for other ways to install it"
		fi
	fi
	[ -n "$asset" ] || fail "there is no $command for $os on $arch" "there is one for: $platforms"
}

is_musl() {
	for loader in /lib/ld-musl-*.so.1; do
		[ ! -e "$loader" ] || return 0
	done
	case $(ldd --version 2>&1) in
	*musl*) return 0 ;;
	*) return 1 ;;
	esac
}

# destination: makes the folders, and finds out now what would be in the way later.
destination() {
	if [ -n "$link" ] && { [ -e "$link" ] || [ -L "$link" ]; } && ! is_our_link "$link"; then
		fail "$(short "$link") is there already and is not ours" 'move it away, or choose another folder with --dir'
	fi
	if [ -z "$link" ] && [ -e "$binary" ] && [ ! -f "$receipt" ]; then
		fail "$(short "$binary") is there already and was not installed by this script" 'move it away, or choose another folder with --dir'
	fi
	[ ! -d "$binary" ] || fail "$(short "$binary") is a folder" 'move it away, or choose another folder with --dir'
	work=$state/.staging.$$
	if ! mkdir -p "$state" "$folder" "$path_dir" 2>/dev/null || ! sweep || ! mkdir -p "$work" 2>/dev/null; then
		fail "could not write to $(short "$state")" 'choose a folder that is yours with --dir, or look at its owner and mode'
	fi
	if [ ! -w "$folder" ] || [ ! -w "$path_dir" ]; then
		clean
		fail "could not write to $(short "$path_dir")" 'choose a folder that is yours with --dir, or look at its owner and mode'
	fi
}

# sweep: what killed installations left. Their folders carry their process's number.
sweep() {
	for left in "$state"/.staging.*; do
		[ -d "$left" ] || continue
		if kill -0 "${left##*.}" 2>/dev/null && [ "${left##*.}" != $$ ]; then continue; fi
		rm -rf "$left" || return 1
		debug "removed $left, which an interrupted installation left"
	done
}

clean() {
	[ -z "$work" ] || rm -rf "$work"
	work=''
	# Folders that a failed first installation made, and nothing else.
	if [ ! -e "$binary" ]; then
		rmdir "$state/bin" "$state" 2>/dev/null
		[ -z "$link" ] || rmdir "$root/bin" "$root" 2>/dev/null
	fi
	return 0
}

# resolve: the tag to install, from the newest release where no version was asked for.
resolve() {
	if [ -n "$version" ]; then
		debug "version $version was asked for"
	elif [ -n "$staging" ]; then
		newest_candidate
	else
		newest_stable
	fi
	is_version "$version" || fail "the newest release is called '$version', which is no version"
	download=$github/$repository/releases/download/$tag_prefix_url$version$tag_suffix_url
}

# newest_stable: GitHub leads to the latest release's files without its API, which allows 60 requests an hour.
newest_stable() {
	if get "$github/$repository/releases/latest/download/release.json" "$work/release.json"; then
		version=$(sed -n 's/^  "version": "\([^"]*\)",\{0,1\}$/\1/p' "$work/release.json" | head -n 1)
		[ -z "$version" ] || return 0
	elif [ "$status" != 404 ]; then
		not_fetched "$github/$repository/releases/latest/download/release.json" 'the latest release'
	fi
	# A release that another tool made has no release.json.
	url=$api/repos/$repository/releases/latest
	if get "$url" "$work/latest"; then
		tags_of_json "$work/latest" >"$work/tags"
		version=$(versions_of_tags <"$work/tags" | grep -v -e - | tail -n 1)
	elif [ "$status" != 404 ]; then
		not_fetched "$url" 'the latest release'
	fi
	[ -n "$version" ] || fail "No release version found: $command has no stable release yet" \
		'add --staging for the newest candidate, or ask the project to make a production release'
}

# newest_candidate: the highest by version. First the channel file, then the feed, which costs no API request, then the API.
newest_candidate() {
	if [ -n "$channels" ]; then
		if get "$channels/staging.txt" "$work/channel"; then
			version=$(head -n 1 "$work/channel" | tr -d '\r')
			version=${version#"$tag_prefix"}
			version=${version%"$tag_suffix"}
			if is_version "$version"; then return 0; fi
			warn "$channels/staging.txt holds no version"
		else
			debug "no channel file (${status:-no answer})"
		fi
		version=''
	fi
	if get "$github/$repository/releases.atom" "$work/feed"; then
		version=$(sed -n 's/^ *<id>tag:[^<]*:Repository\/[0-9]*\/\([^<]*\)<\/id>.*/\1/p' "$work/feed" | versions_of_tags | grep -e - | tail -n 1)
	fi
	page=1
	while [ -z "$version" ] && [ $page -le 10 ]; do
		url="$api/repos/$repository/releases?per_page=100&page=$page"
		get "$url" "$work/list" || { [ "$status" = 404 ] && break; } || not_fetched "$url" 'the list of releases'
		tags_of_json "$work/list" >"$work/tags"
		[ -s "$work/tags" ] || break
		version=$(versions_of_tags <"$work/tags" | grep -e - | tail -n 1)
		page=$((page + 1))
	done
	[ -n "$version" ] || fail "No prerelease version found: $command has no candidate yet" \
		'leave --staging out for the stable version; the next push to the project makes a candidate'
}

# tags_of_json FILE: every tag_name. Inside of texts its quotes are escaped and do not match.
tags_of_json() {
	sed 's/[,{]/\
/g' <"$1" | sed -n 's/^ *"tag_name" *: *"\([^"\\]*\)".*/\1/p'
}

# versions_of_tags: tags one a line -> versions, lowest first; tags of other things are left out.
versions_of_tags() {
	while IFS= read -r tag; do
		bare=${tag#"$tag_prefix"}
		[ "$tag_prefix$bare" = "$tag" ] || continue
		tag=${bare%"$tag_suffix"}
		[ "$tag$tag_suffix" = "$bare" ] || continue
		printf '%s\n' "$tag"
	done | sort_versions
}

# expected_sum: what checksums.txt says about the asset, the whole line compared.
expected_sum() {
	expected=''
	while IFS= read -r line || [ -n "$line" ]; do
		candidate=${line%% *}
		case $line in
		"$candidate  $asset" | "$candidate *$asset") ;;
		*) continue ;;
		esac
		case $candidate in
		*[!0-9a-f]*) continue ;;
		esac
		[ ${#candidate} -eq 64 ] || continue
		if [ -n "$expected" ] && [ "$expected" != "$candidate" ]; then
			fail "checksums.txt of $version names $asset twice, with different checksums"
		fi
		expected=$candidate
	done <"$work/checksums.txt"
	[ -n "$expected" ] || fail "checksums.txt of $version has no line for $asset" \
		"see what that release holds: https://github.com/$repository/releases"
}

fetch_checksums() {
	url=$download/checksums.txt
	get "$url" "$work/checksums.txt" && return 0
	[ "$status" = 404 ] || not_fetched "$url" "checksums.txt of $version"
	if [ "$wanted_by" = VERSION ]; then
		set -- "VERSION=$wanted comes from the environment; if it is not meant for $command, unset it or set ${prefix}_VERSION"
	fi
	fail "there is no version $version of $command (HTTP 404)" "$@" "the versions are at https://github.com/$repository/releases"
}

fetch_binary() {
	url=$download/$asset
	get "$url" "$work/$command" || not_fetched "$url" "$asset"
	actual=$(hash "$work/$command") || exit 1
	[ "$actual" = "$expected" ] || fail "checksum mismatch: $asset of $version is not what its checksums.txt says
  expected $expected
  found    $actual" 'nothing was changed; try again, and tell the project if it stays so'
	chmod 755 "$work/$command" || cannot_write "$work"
	debug "sha256 $actual is right"
}

# signatures: what the project publishes beside checksums, where the tool for it is here.
signatures() {
	if [ -n "$minisign_key" ] && have minisign; then
		url=$download/checksums.txt.minisig
		get "$url" "$work/checksums.txt.minisig" || not_fetched "$url" "checksums.txt.minisig of $version"
		minisign -V -q -P "$minisign_key" -m "$work/checksums.txt" 2>"$work/complaint" ||
			fail "the signature of checksums.txt of $version is wrong: $(tail -n 1 "$work/complaint")" 'do not install it; tell the project'
		debug 'the signature of checksums.txt is right'
	fi
}

attestation() {
	if [ -n "$attestations" ] && have gh && gh auth status >/dev/null 2>&1; then
		gh attestation verify "$work/$command" --repo "$repository" >"$work/answer" 2>"$work/complaint" ||
			fail "the attestation of $asset $version is missing or wrong: $(tail -n 1 "$work/complaint")" 'do not install it; tell the project'
		debug 'the attestation is right'
	fi
}

# copy FROM TO: no second name for the same file, because rename does nothing between two names of one (POSIX).
copy() {
	cp -p "$1" "$2" 2>/dev/null || cannot_write "$work"
}

# version_of FILE: what the receipt knows the file as; "another version" for what it does not know.
version_of() {
	known=''
	if [ -f "$receipt" ]; then
		found=$(hash "$1") || exit 1
		known=$(sed -n "s/^$found  //p" "$receipt" | tail -n 1)
	fi
	printf '%s' "${known:-another version}"
}

# note SUM VERSION...: the receipt knows these, and what is there now, before anything is moved.
note() {
	{
		printf '# %s: sha256 and version of what was installed here\n' "$repository"
		for kept in "$binary" "$previous"; do
			[ ! -f "$kept" ] || [ ! -f "$receipt" ] || grep -e "^$(hash "$kept")  " "$receipt"
		done
		printf '%s  %s\n' "$1" "$2"
	} >"$work/receipt" 2>/dev/null
	sed '$!d' "$work/receipt" | grep -Fqx -e "$1  $2" || cannot_write "$work"
	mv -f "$work/receipt" "$receipt" || cannot_write "$state"
}

# put NEW: the only moment at which anything changes for who uses the command. Each step leaves a version that runs.
put() {
	if [ -f "$binary" ]; then
		copy "$binary" "$work/previous"
		mkdir -p "$state/previous" || cannot_write "$state"
		mv -f "$work/previous" "$previous" || cannot_write "$state"
	fi
	mv -f "$1" "$binary" || cannot_write "$state"
}

link_it() {
	[ -n "$link" ] || return 0
	if is_our_link "$link"; then return 0; fi
	ln -s "$link_target" "$work/link" || cannot_write "$work"
	mv -f "$work/link" "$link" || cannot_write "$path_dir"
	debug "linked $(short "$link")"
}

# --- PATH ---

add_to_path() {
	case ":$PATH:" in
	*":$path_dir:"*) return 0 ;;
	esac
	if [ -n "${GITHUB_PATH:-}" ]; then
		grep -Fqx -e "$path_dir" "$GITHUB_PATH" 2>/dev/null || printf '%s\n' "$path_dir" >>"$GITHUB_PATH" ||
			warn "could not write to GITHUB_PATH ($GITHUB_PATH)"
		return 0
	fi
	if [ -z "$modify_path" ]; then
		say "not on your PATH: $(short "$path_dir")"
		return 0
	fi
	block_names
	added=''
	case ${SHELL:-} in
	*/zsh) add_block "${ZDOTDIR:-$HOME}/.zshrc" ;;
	*/fish) add_block "${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/$command.fish" ;;
	*/bash)
		add_block "$HOME/.bashrc"
		# A login shell reads the first of these alone, and often not .bashrc.
		login=''
		for file in .bash_profile .bash_login .profile; do
			[ -n "$login" ] || [ ! -f "$HOME/$file" ] || login=$HOME/$file
		done
		if [ -n "$login" ] || [ "$os" = darwin ]; then add_block "${login:-$HOME/.bash_profile}"; fi
		;;
	*) add_block "$HOME/.profile" ;;
	esac
	if [ -n "$added" ]; then
		say "added $(short "$path_dir") to PATH in$added; a new terminal knows it, or now: export PATH=\"$(in_quotes):\$PATH\""
	fi
}

# shellcheck disable=SC2016 # HOME is written, not looked up
# in_quotes: path_dir as it is written inside of double quotes in a shell's file.
in_quotes() {
	case $path_dir in
	"$HOME"/*) printf '$HOME%s' "$(printf '%s' "${path_dir#"$HOME"}" | sed 's/[\\"$`]/\\&/g')" ;;
	*) printf '%s' "$path_dir" | sed 's/[\\"$`]/\\&/g' ;;
	esac
}

# add_block FILE: once.
add_block() {
	if has_block "$1"; then return 0; fi
	case $1 in
	*.fish) lines="contains -- \"$(in_quotes)\" \$PATH; or set -gx PATH \"$(in_quotes)\" \$PATH" ;;
	*) lines="case \":\$PATH:\" in *\":$(in_quotes):\"*) ;; *) export PATH=\"$(in_quotes):\$PATH\" ;; esac" ;;
	esac
	[ -f "$1" ] || lines="$block_own_file
$lines"
	start=''
	if [ -s "$1" ] && [ "$(tail -c 1 "$1" | wc -l)" -eq 0 ]; then
		start='
'
	fi
	if mkdir -p "$(dirname "$1")" 2>/dev/null && printf '%s%s\n%s\n%s\n' "$start" "$block_begin" "$lines" "$block_end" 2>/dev/null >>"$1"; then
		added="$added $(short "$1")"
	else
		warn "could not write to $1; add this line by hand: $lines"
	fi
}

# --- the two things it does ---

install_it() {
	resolve
	say "$version for $os-$arch"
	fetch_checksums
	expected_sum
	current='' from=''
	if [ -f "$binary" ]; then
		current=$(hash "$binary") || exit 1
		from=$(version_of "$binary") || exit 1
	fi
	if [ "$current" = "$expected" ]; then
		note "$expected" "$version"
		link_it
		say "$version is installed already: $(short "$binary")"
	else
		signatures
		fetch_binary
		attestation
		note "$expected" "$version"
		put "$work/$command"
		link_it
		if [ -n "$from" ]; then
			say "$from is replaced by $version in $(short "$binary"); --rollback brings it back"
			is_lower "$version" "$from" && warn "$version is older than $from"
		else
			say "$version is installed: $(short "$binary")"
		fi
	fi
	add_to_path
	first_on_path
}

# is_lower A B: is version A lower than B?
is_lower() {
	is_version "$2" && [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort_versions | head -n 1)" = "$1" ]
}

roll_back() {
	[ -f "$previous" ] || fail "there is no earlier version of $name to go back to" 'install one: --version vX.Y.Z'
	from='the missing version'
	if [ -f "$binary" ]; then from=$(version_of "$binary") || exit 1; fi
	to=$(version_of "$previous") || exit 1
	copy "$previous" "$work/back"
	put "$work/back"
	link_it
	say "$from is replaced by $to in $(short "$binary")"
}

# first_on_path: another program of that name would be run instead.
first_on_path() {
	if [ -n "$link" ]; then ours=$link; else ours=$binary; fi
	other=$(command -v "$name" 2>/dev/null) || return 0
	case $other in
	"$ours" | "$binary") ;;
	/*) warn "$other comes first on your PATH and is another program" ;;
	esac
}

main() {
	set -u
	umask 022
	colours
	verbose='' rollback='' work=''
	home
	settings
	options "$@"
	places
	find_hasher
	if [ -n "$rollback" ]; then os=''; else
		platform
		find_fetcher
	fi
	trap 'clean' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	destination
	if [ -n "$rollback" ]; then roll_back; else install_it; fi
}

{ main "$@"; exit 0; }
