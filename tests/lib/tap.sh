# shellcheck shell=bash
# TAP for shell tests: a promise a line; where it is not kept, what was got and what was wanted.
#
#   ok PROMISE COMMAND...            the command ends with 0; its output is shown when it does not
#   not PROMISE COMMAND...           the command ends with something else
#   is PROMISE GOT WANT              two strings are the same
#   like PROMISE GOT PATTERN         a string matches a shell pattern
#   exits CODE PROMISE COMMAND...    the command ends with CODE; leaves its words in $out and $err
#   skip PROMISE WHY                 cannot be tried here; a failure where TARX_NO_SKIP is set
#   must COMMAND...                  a step of preparation: the test ends here when it fails
#   finish                           the plan and the exit code; the last line of every test

tap_said=0
tap_failed=0
# What the last command of exits() said.
# shellcheck disable=SC2034
out='' err=''

# Lines that TAP takes for comments, with odd bytes made visible and huge texts cut.
note()
{
	LC_ALL=C cat -v | LC_ALL=C cut -b 1-200 | sed -n 's/^/#   /;1,30p'
}

tap_say() # HOLDS PROMISE
{
	tap_said=$((tap_said + 1))
	if [ "$1" = yes ]; then
		printf 'ok %d - %s\n' "$tap_said" "$2"
	else
		tap_failed=$((tap_failed + 1))
		printf 'not ok %d - %s\n' "$tap_said" "$2"
	fi
}

ok()
{
	local promise=$1 text code
	shift
	text=$("$@" 2>&1 </dev/null | tr -d '\0'; exit "${PIPESTATUS[0]}")
	code=$?
	if [ "$code" -eq 0 ]; then
		tap_say yes "$promise"
	else
		tap_say no "$promise"
		printf '# got exit %d, want 0\n' "$code"
		note <<<"$*"
		note <<<"$text"
		return 1
	fi
}

not()
{
	local promise=$1 text
	shift
	if text=$("$@" 2>&1 </dev/null | tr -d '\0'; exit "${PIPESTATUS[0]}"); then
		tap_say no "$promise"
		printf '# got exit 0, want a failure\n'
		note <<<"$*"
		note <<<"$text"
		return 1
	fi
	tap_say yes "$promise"
}

is()
{
	if [ "$2" = "$3" ]; then
		tap_say yes "$1"
	else
		tap_say no "$1"
		echo '# got'
		note <<<"$2"
		echo '# want'
		note <<<"$3"
		return 1
	fi
}

like()
{
	# The pattern is meant as one.
	# shellcheck disable=SC2053
	if [[ $2 == $3 ]]; then
		tap_say yes "$1"
	else
		tap_say no "$1"
		echo '# got'
		note <<<"$2"
		echo '# want something like'
		note <<<"$3"
		return 1
	fi
}

exits()
{
	local want=$1 promise=$2 code
	shift 2
	"$@" >"$WORK/.out" 2>"$WORK/.err" </dev/null
	code=$?
	# shellcheck disable=SC2034
	out=$(tr -d '\0' <"$WORK/.out")
	err=$(tr -d '\0' <"$WORK/.err")
	if [ "$code" -eq "$want" ]; then
		tap_say yes "$promise"
	else
		tap_say no "$promise"
		printf '# got exit %d, want %d\n' "$code" "$want"
		note <<<"$*"
		note <<<"$err"
		[ -z "$out" ] || note <<<"$out"
		return 1
	fi
}

skip()
{
	if [ -n "${TARX_NO_SKIP-}" ]; then
		tap_say no "$1"
		printf '# cannot be tried: %s\n' "$2"
	else
		tap_said=$((tap_said + 1))
		printf 'ok %d - %s # SKIP %s\n' "$tap_said" "$1" "$2"
	fi
}

skip_all()
{
	if [ -n "${TARX_NO_SKIP-}" ]; then
		skip "this test can be tried here" "$1"
		finish
	fi
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

bail()
{
	printf 'Bail out! %s\n' "$*"
	exit 99
}

must()
{
	"$@" || bail "preparation failed with $?: $*"
}

finish()
{
	printf '1..%d\n' "$tap_said"
	if [ "$tap_failed" -gt 0 ] || [ "$tap_said" -eq 0 ]; then
		exit 1
	fi
	exit 0
}
