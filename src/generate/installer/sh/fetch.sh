# shellcheck shell=sh disable=SC2034,SC2154 # the parts are put together: each uses variables of others

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
