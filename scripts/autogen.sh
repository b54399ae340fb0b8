#!/bin/sh
# Makes ./configure and the Makefile.in out of configure.ac and Makefile.am. Works from any folder;
# needs autoconf and automake, nothing else.
set -eu

cd "$(dirname "$0")/.."

lacking=
for tool in autoreconf automake; do
	command -v "$tool" >/dev/null 2>&1 || lacking="$lacking $tool"
done
if [ -n "$lacking" ]; then
	echo "autogen.sh: not found:$lacking; install autoconf and automake" \
		"(Debian: apt-get install autoconf automake)" >&2
	exit 1
fi

exec autoreconf --force --install "$@"
