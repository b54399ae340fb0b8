#!/bin/bash
# Every test, from a machine with nothing installed: installs what is missing (Debian, root), builds
# outside of the source tree, runs `make check` and ends with "N passed, N failed".
#
#   check.sh               gcc
#   check.sh --clang       clang
#   check.sh --sanitize    with ASan and UBSan (goes with --clang)
#   check.sh --all         gcc, clang with the sanitizers, then `make distcheck`
#
# BUILD=DIR in the environment: build there instead of in build/. Where CI is set, a test that has
# to skip is a failure.
set -u

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

passed=0
failed=0
skipped=0

usage()
{
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
}

# The results of one test program, from the .trs file automake leaves. A program that failed also
# ends with 1: that is not one more failure. To die without a plan is.
count_program() # FILE
{
	local pass fail error skip
	pass=$(grep -c '^:test-result: \(PASS\|XFAIL\)' "$1")
	skip=$(grep -c '^:test-result: SKIP' "$1")
	fail=$(grep -c '^:test-result: \(FAIL\|XPASS\)' "$1")
	error=$(grep '^:test-result: ERROR' "$1" | grep -c -v ' exited with ')
	if [ $((fail + error)) -eq 0 ] && grep -q '^:test-result: ERROR - exited with ' "$1"; then
		error=1
	fi
	if [ $((pass + fail + error + skip)) -eq 0 ]; then
		error=1
	fi
	passed=$((passed + pass))
	skipped=$((skipped + skip))
	failed=$((failed + fail + error))
	[ $((fail + error)) -eq 0 ] || show_failures "${1%.trs}"
}

show_failures() # TEST
{
	echo "--- $(basename "$1")"
	awk '/^not ok|^ERROR|^Bail out|AddressSanitizer|runtime error/ { show = 1 } /^(ok|PASS|FAIL)/ { show = 0 } show' \
		"$1.log" | head -n 200
	echo "--- the end of its log"
	tail -n 15 "$1.log"
}

count_suite() # DIR EXIT-CODE
{
	local trs before=$failed ran=0
	while IFS= read -r trs; do
		ran=$((ran + 1))
		count_program "$trs"
	done < <(find "$1" -name '*.trs' | sort)
	# make said no and no test did: that counts as well.
	if [ "$failed" -eq "$before" ] && { [ "$2" -ne 0 ] || [ "$ran" -eq 0 ]; }; then
		say "make check ended with $2 after $ran test programs" >&2
		tail -n 60 "$1/check.log"
		failed=$((failed + 1))
	fi
}

suite() # NAME [CONFIGURE OPTION...]
{
	local name=$1 dir=${BUILD:-$top/build}/$1
	shift
	say "$name: building"
	if ! build "$dir" --enable-werror "$@"; then
		failed=$((failed + 1))
		return
	fi
	say "$name: testing"
	find "$dir" -name '*.trs' -delete
	make -C "$dir" -k -j"$(nproc)" check >"$dir/check.log" 2>&1 </dev/null
	count_suite "$dir" $?
	say "$name: so far $passed passed, $failed failed, $skipped skipped"
}

distcheck()
{
	local dir=${BUILD:-$top/build}/dist log code pass fail
	log=$dir/distcheck.log
	say "distcheck: building"
	if ! build "$dir" --enable-werror; then
		failed=$((failed + 1))
		return
	fi
	say "distcheck: testing"
	make -C "$dir" -j"$(nproc)" distcheck >"$log" 2>&1 </dev/null
	code=$?
	pass=$(awk '/^# PASS:/ { n += $3 } END { print n + 0 }' "$log")
	fail=$(awk '/^# (FAIL|XPASS|ERROR):/ { n += $3 } END { print n + 0 }' "$log")
	if [ "$code" -ne 0 ]; then
		[ "$fail" -gt 0 ] || fail=1
		grep -a -E '^(FAIL|ERROR):|^not ok' "$log" | head -n 40
		tail -n 60 "$log"
	fi
	passed=$((passed + pass))
	failed=$((failed + fail))
	say "distcheck: so far $passed passed, $failed failed"
}

mode=one
sanitize=()
compiler=()
name=gcc
for argument; do
	case $argument in
	--all) mode=all ;;
	--clang) compiler=(CC=clang); name=clang ;;
	--sanitize) sanitize=(--enable-sanitizers) ;;
	-h | --help) usage; exit 0 ;;
	*) die "unknown option '$argument'; try --help" ;;
	esac
done

if [ -n "${CI-}" ]; then
	export TARX_NO_SKIP=1
fi

install=("${packages_build[@]}" "${packages_run[@]}" "${packages_test[@]}")
if [ "$mode" = all ] || [ ${#compiler[@]} -gt 0 ]; then
	install+=("${packages_clang[@]}")
fi
install_missing "${install[@]}"

if [ "$mode" = all ]; then
	suite gcc
	suite clang-sanitize CC=clang --enable-sanitizers
	distcheck
else
	suite "$name${sanitize:+-sanitize}" "${compiler[@]}" "${sanitize[@]}"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
