# shellcheck shell=bash
# Real file systems for a test: images on loop devices in a private folder, mounted where nobody
# else sees them. Sourced first by every test in tests/cli; brings tap.sh along.
#
#   fs_make KIND SIZE        btrfs, xfs, xfs64k, ext4 or tmpfs; $FS is the mounted folder
#   fs_overlay LOWER[:LOWER...] UPPER [OPTIONS]    an overlay; $FS is the merged folder
#   fs_umount DIR            takes one of them away early
#   fs_sync DIR              everything on that file system is on disk
#
# $WORK is the private folder. Whatever way the test ends, all mounts and files are gone after it.

if [ "$(id -u)" -ne 0 ]; then
	WORK=${TMPDIR:-/tmp}
	fs_lacks_root=yes
fi

# In a mount namespace of its own a test leaves no mounts behind even when it is killed. The number
# of this process tells that the step was taken: exec keeps it, children have another.
if [ -z "${fs_lacks_root-}" ] && [ "${TARX_TEST_PRIVATE-}" != "$$" ]; then
	# Whoever runs the tests in the background may have them ignore signals that tarx is to be ended by.
	TARX_TEST_PRIVATE=$$ exec env --default-signal=INT,HUP unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi

export LC_ALL=C TZ=UTC
umask 022
ulimit -c 0

fs_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_srcdir=${top_srcdir:-$(cd "$fs_lib/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir}
top_srcdir=$(cd "$top_srcdir" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)

# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
. "$fs_lib/tap.sh"

[ -z "${fs_lacks_root-}" ] || skip_all "mounting file systems needs root"

if [ -x /usr/bin/python3 ]; then PYTHON=/usr/bin/python3; else PYTHON=python3; fi

# RAM where there is plenty, as images of several GB pass through it.
fs_room()
{
	local need=$((3 * 1024 * 1024)) free shm
	free=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
	shm=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)
	if [ "${free:-0}" -ge "$need" ] && [ "${shm:-0}" -ge "$need" ] && [ -w /dev/shm ]; then
		echo /dev/shm
	else
		echo "${TMPDIR:-/tmp}"
	fi
}

# Mount points beneath the private folder, the latest first.
fs_mounts()
{
	awk -v work="$WORK/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | tac
}

fs_cleanup()
{
	local code=$? dir
	trap '' INT TERM
	trap - EXIT
	cd /
	# shellcheck disable=SC2046
	kill $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	fs_mounts | while IFS= read -r dir; do
		umount "$dir" 2>/dev/null || umount -l "$dir"
	done
	rm -rf --one-file-system "$WORK"
	exit "$code"
}

WORK=$(mktemp -d "$(fs_room)/tarx-test.XXXXXX") || bail "no temporary folder"
trap fs_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 755 "$WORK"

# A copy of the program that every user can reach, as some tests run it as nobody.
TARX=${TARX:-$top_builddir/tarx-bin}
case $TARX in
*/*) ;;
*) TARX=$(command -v "$TARX") ;;
esac
mkdir "$WORK/bin"
must cp "$TARX" "$WORK/bin/tarx"
TARX=$WORK/bin/tarx

helper() # NAME: a program or script of tests/lib
{
	local dir
	for dir in "$top_builddir/tests/lib" "$fs_lib"; do
		[ -f "$dir/$1" ] && [ -x "$dir/$1" ] && echo "$dir/$1" && return
	done
	bail "tests/lib/$1 is missing" >&2
}
must cp "$(helper shared)" "$(helper forbid)" "$WORK/bin/"
export SHARED=$WORK/bin/shared FORBID=$WORK/bin/forbid

compare() # [OPTIONS] TREE TREE
{
	"$PYTHON" -B "$fs_lib/compare.py" "$@"
}

archive() # COMMAND ARCHIVE...: looks into an archive with other eyes than ours
{
	"$PYTHON" -B "$fs_lib/archive.py" "$@"
}

sizes() # DIR [BLOCK]: files of every size that matters, filled with distinct bytes
{
	"$PYTHON" -B "$fs_lib/sizes.py" "$@"
}

field() # FILE KEY...: one value out of a --stats object
{
	"$PYTHON" -B - "$@" <<-'END'
		import json, sys
		value = json.load(open(sys.argv[1]))
		for key in sys.argv[2:]:
		    value = value[key]
		print(value)
	END
}

fs_image() # KIND SIZE IMAGE
{
	truncate -s "$2" "$3" || return
	case $1 in
	btrfs) mkfs.btrfs -q "$3" >/dev/null ;;
	xfs) mkfs.xfs -q -m reflink=1 "$3" ;;
	xfs64k) mkfs.xfs -q -b size=64k -m reflink=1 "$3" ;;
	ext4) mkfs.ext4 -q -F "$3" ;;
	*) echo "unknown kind of file system: $1" >&2; return 1 ;;
	esac
}

fs_make()
{
	FS=$(mktemp -d "$WORK/$1.XXXXXX") || bail "no folder for $1"
	if [ "$1" = tmpfs ]; then
		must mount -t tmpfs -o "size=$2" tmpfs "$FS"
	else
		must fs_image "$1" "$2" "$FS.img"
		must mount -o loop "$FS.img" "$FS"
	fi
	chmod 755 "$FS"
}

fs_overlay()
{
	local work
	work=$(mktemp -d "$(dirname "$2")/.work.XXXXXX") || bail "no work folder"
	FS=$(mktemp -d "$WORK/merged.XXXXXX") || bail "no folder for the overlay"
	must mount -t overlay -o "lowerdir=$1,upperdir=$2,workdir=$work${3:+,$3}" overlay "$FS"
}

fs_umount()
{
	must umount "$1"
	rm -rf --one-file-system "$1" "$1.img"
}

fs_sync()
{
	must sync -f "$1"
}

block_of() # DIR: the file system's block size
{
	stat -f -c %S "$1"
}

types() # DIR GROUP...: a tree with one of everything, see kinds.py
{
	must "$PYTHON" -B "$fs_lib/kinds.py" "$@"
}
