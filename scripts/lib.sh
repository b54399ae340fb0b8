# shellcheck shell=bash
# The start that check.sh and demo.sh share: what is missing is installed, then tarx is built
# outside of the source tree.
#
# shellcheck disable=SC2034 # the lists of packages are for whoever sources this

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=$(basename "$0")

packages_build=(autoconf automake make gcc libc6-dev pkg-config
	libarchive-dev liblzma-dev libzstd-dev liblz4-dev libbz2-dev zlib1g-dev
	libacl1-dev libjansson-dev libbtrfsutil-dev xfslibs-dev)
packages_run=(xfsprogs btrfs-progs util-linux mount)
packages_test=(python3 e2fsprogs procps libarchive-tools busybox attr acl libcap2-bin
	zstd xz-utils bzip2 lz4 mandoc gnuplot-nox fuse-overlayfs
	buildah skopeo gccgo-12 p7zip-full pax perl podman squashfs-tools-ng toybox umoci debootstrap)
packages_clang=(clang libclang-rt-14-dev)

say()
{
	printf '%s: %s\n' "$me" "$*"
}

die()
{
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

# Runs a step in silence; when it fails, the end of what it said is shown.
quietly() # WHAT COMMAND...
{
	local what=$1 log
	shift
	log=$(mktemp) || return 1
	if ! "$@" >"$log" 2>&1 </dev/null; then
		say "$what failed: $*" >&2
		tail -n "${QUIETLY_LINES:-60}" "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

package_is_there()
{
	case $1 in
	busybox) command -v busybox >/dev/null && return ;; # busybox-static will do as well
	esac
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_missing() # PACKAGE...
{
	local package missing=()
	if ! command -v dpkg-query >/dev/null; then
		say "not a Debian system; going on with what is installed"
		return
	fi
	for package in "$@"; do
		package_is_there "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return
	[ "$(id -u)" -eq 0 ] || die "missing, and only root can install: ${missing[*]}"
	say "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	quietly "updating the package lists" apt-get -q update ||
		say "going on with the package lists that are there"
	quietly "installing" apt-get -q -y --no-install-recommends install "${missing[@]}" ||
		die "cannot install ${missing[*]}"
}

# configure is made anew where something that it is made of is newer.
configure_is_fresh()
{
	[ -x "$top/configure" ] && [ -f "$top/Makefile.in" ] &&
		[ -z "$(find "$top" -path "$top/build" -prune -o \
			\( -name configure.ac -o -name Makefile.am -o -name Makemodule.am -o \
			-path "$top/m4/tarx*.m4" \) -newer "$top/Makefile.in" -print)" ]
}

# Leaves the program in DIR (see program_in); a second call with the same options only makes what changed.
build() # DIR [CONFIGURE OPTION...]
{
	local dir=$1 wanted
	shift
	wanted=$*
	configure_is_fresh || quietly autogen.sh "$top/scripts/autogen.sh" || return 1
	if [ -e "$top/config.status" ]; then
		say "the source tree itself is configured; run 'make distclean' in it first" >&2
		return 1
	fi
	mkdir -p "$dir" || return 1
	if [ ! -f "$dir/config.status" ] || [ "$(cat "$dir/.options" 2>/dev/null)" != "$wanted" ]; then
		(cd "$dir" && quietly configure "$top/configure" "$@") || return 1
		printf '%s\n' "$wanted" >"$dir/.options"
	fi
	quietly make make -C "$dir" -j"$(nproc)"
}

program_in() # DIR: where a build has left tarx
{
	local path
	for path in "$1"/tarx-bin "$1"/tarx/tarx "$1"/src/tarx "$1"/tarx; do
		[ -f "$path" ] && [ -x "$path" ] && echo "$path" && return
	done
	return 1
}
