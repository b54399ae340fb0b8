#!/bin/bash
# What tarx is for, shown on a fresh Debian 12 with nothing installed, as root: builds it, makes btrfs
# and XFS images, writes a container-like workload through an overlay mount, archives and restores
# it with tarx, GNU tar and `cp -a --reflink=always`, proves with GNU tar and diff that nothing
# differs, and prints one table per file system.
#
#   demo.sh              as many files of 100 MB as fit easily into memory or onto the disk
#   demo.sh --full       50 files of 100 MB, as in podman's pull request 25050 (needs 13 GB)
#
#   --files N  --size MB   another workload        --fs btrfs|xfs   only that file system
#   --runs N               runs of tarx and cp; the median is shown (default 7)
#
# BUILD=DIR in the environment: build there instead of in build/demo. TMPDIR: where images go that do
# not fit into memory. Ends with 1 if anything differs. Leaves nothing behind but the build.
set -u

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

files=
size=100
runs=7
kinds=(btrfs xfs)
differences=0

usage()
{
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
}

parse_options()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--full) files=50 size=100 ;;
		--files) files=${2-} && shift ;;
		--size) size=${2-} && shift ;;
		--runs) runs=${2-} && shift ;;
		--fs) kinds=("${2-}") && shift ;;
		-h | --help) usage; exit 0 ;;
		*) die "unknown option '$1'; try --help" ;;
		esac
		shift || die "a value is missing; try --help"
	done
	[[ ${files:-1} =~ ^[1-9][0-9]*$ && $size =~ ^[1-9][0-9]*$ && $runs =~ ^[1-9][0-9]*$ ]] ||
		die "--files, --size and --runs want numbers"
	case ${kinds[0]} in
	btrfs | xfs) ;;
	*) die "--fs wants btrfs or xfs" ;;
	esac
}

# --- room ----------------------------------------------------------------------------------------

# MB that one image needs for N files: themselves, the copies that GNU tar makes, the rest.
room_for() # N
{
	echo $(($1 * size * 23 / 10 + 1200))
}

mb_free() # DIR
{
	df --block-size=1M --output=avail "$1" 2>/dev/null | tail -n 1
}

# Images go to memory where at most half of it is taken by them, otherwise to the disk.
choose_room()
{
	local memory shm disk n
	memory=$(($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) / 1024))
	shm=$(mb_free /dev/shm)
	[ "${shm:-0}" -lt "$memory" ] && memory=${shm:-0}
	disk=$(mb_free "${TMPDIR:-/tmp}")
	if [ -n "$files" ]; then
		n=$files
	else
		for n in 20 10 5 2; do
			[ $(($(room_for "$n") * 2)) -le "$memory" ] && break
		done
	fi
	# A workload asked for by name may take more than half, as long as 2 GB stay free.
	if [ $(($(room_for "$n") * 2)) -le "$memory" ] ||
		{ [ -n "$files" ] && [ $(($(room_for "$n") + 2048)) -le "$memory" ]; }; then
		room=/dev/shm
	elif [ $(($(room_for "$n") + 1024)) -le "${disk:-0}" ]; then
		room=${TMPDIR:-/tmp}
	else
		die "$n files of $size MB need $(room_for "$n") MB in memory or in ${TMPDIR:-/tmp}"
	fi
	files=$n
}

# --- set up and take down --------------------------------------------------------------------------

unmount_all()
{
	local dir
	awk -v work="$work/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | tac |
		while IFS= read -r dir; do
			umount "$dir" 2>/dev/null || umount -l "$dir"
		done
}

clean_up()
{
	local code=$?
	trap '' INT TERM
	trap - EXIT
	cd /
	unmount_all
	rm -rf --one-file-system "$work"
	exit "$code"
}

# A mount namespace of its own: nobody else sees the mounts, and none can outlive this script.
enter_private()
{
	if [ "${TARX_DEMO_PRIVATE-}" != "$$" ]; then
		TARX_DEMO_PRIVATE=$$ exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
	fi
}

make_fs() # KIND
{
	fs=$work/$1
	mkdir "$fs"
	truncate -s "$(room_for "$files")M" "$fs.img"
	case $1 in
	btrfs) quietly "making btrfs" mkfs.btrfs "$fs.img" ;;
	xfs) quietly "making XFS" mkfs.xfs -m reflink=1 "$fs.img" ;;
	esac || die "cannot make an image of $1"
	mount -o loop "$fs.img" "$fs" || die "cannot mount $1"
}

make_overlay()
{
	mkdir "$fs"/{lower,upper,work,merged}
	cp -a /etc "$fs/lower/etc"
	echo 'part of the image' >"$fs/lower/image-file"
	sync -f "$fs"
	mount -t overlay -o "lowerdir=$fs/lower,upperdir=$fs/upper,workdir=$fs/work" overlay \
		"$fs/merged" || die "cannot mount an overlay on $fs"
}

write_workload()
{
	local n
	mkdir -p "$fs/merged/data"
	for ((n = 1; n <= files; n++)); do
		head -c "$((size * 1000000))" /dev/urandom >"$fs/merged/data/file-$n" ||
			die "cannot write the workload"
	done
	rm "$fs/merged/image-file"
}

# A real tree with many small files: the documentation where there is some, otherwise another.
write_tree()
{
	for tree in /usr/share/doc /usr/include /usr/share; do
		[ "$(find "$tree" -type f 2>/dev/null | head -n 500 | wc -l)" -ge 500 ] && break
	done
	mkdir -p "$fs/merged$(dirname "$tree")"
	cp -a "$tree" "$fs/merged$tree" || die "cannot copy $tree"
}

# --- measuring -------------------------------------------------------------------------------------

# Bytes in use, once the file system has done all that it put off.
used()
{
	local before='' after
	while :; do
		sync -f "$fs"
		after=$(df --block-size=1 --output=used "$fs" | tail -n 1)
		[ "$after" = "$before" ] && break
		before=$after
		sleep 0.2
	done
	echo "$after"
}

shared_in() # PATH
{
	find "$1" -type f -exec "$shared" -a {} + | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

# Runs COMMAND, notes time and memory under ROW; on the first run of a row also the space that its
# result takes and how much of that is shared. What the run before has left to the file system (btrfs
# gives back the space of what was removed in the background) is over first.
measured() # ROW RESULT COMMAND...
{
	local row=$1 result=$2 before first=
	shift 2
	before=$(used)
	[ -s "$rows/$row.time" ] || first=yes
	"$measure" "$rows/now" "$@" >"$rows/said" 2>&1 || {
		cat "$rows/said" >&2
		die "failed: $*"
	}
	cut -d ' ' -f 1 "$rows/now" >>"$rows/$row.time"
	cut -d ' ' -f 2 "$rows/now" >>"$rows/$row.memory"
	if [ -n "$first" ]; then
		echo $(($(used) - before)) >"$rows/$row.space"
		shared_in "$result" >"$rows/$row.shared"
	fi
}

tarx_create() { measured "$1-create-tarx" "$fs/layer.tar" \
	"$tarx" -c --align --overlay=diff -C "$fs/merged" -f "$fs/layer.tar" .; }
tarx_extract() { rm -rf "$fs/x" && mkdir "$fs/x" && measured "$1-extract-tarx" "$fs/x" \
	"$tarx" -x -f "$fs/layer.tar" -C "$fs/x"; }
tar_create() { measured "$1-create-tar" "$fs/gnu.tar" \
	tar -c --format=posix --xattrs --acls -f "$fs/gnu.tar" -C "$fs/upper" .; }
tar_extract() { rm -rf "$fs/x" && mkdir "$fs/x" && measured "$1-extract-tar" "$fs/x" \
	tar -x -p --xattrs --xattrs-include='*' --acls -f "$fs/layer.tar" -C "$fs/x"; }
cp_upper() { rm -rf "$fs/copy" && measured "$1-create-cp" "$fs/copy" \
	cp -a --reflink=always "$fs/upper" "$fs/copy" && rm -rf "$fs/copy"; }

measure_all() # GROUP
{
	local run
	for ((run = 1; run <= runs; run++)); do
		if [ $((run % 2)) -eq 1 ]; then
			rm -f "$fs/layer.tar"
			tarx_create "$1"
			tarx_extract "$1"
			rm -rf "$fs/x"
			cp_upper "$1"
		else
			cp_upper "$1"
			rm -f "$fs/layer.tar"
			tarx_create "$1"
			tarx_extract "$1"
			rm -rf "$fs/x"
		fi
	done
	tar_create "$1"
	rm "$fs/gnu.tar"
	tar_extract "$1"
	cp "$rows/$1-create-cp.time" "$rows/$1-extract-cp.time"
	for what in memory space shared; do
		cp "$rows/$1-create-cp.$what" "$rows/$1-extract-cp.$what"
	done
}

# --- proof -----------------------------------------------------------------------------------------

# One line for everything that has no bytes to be compared by diff.
listing() # DIR
{
	(
		cd "$1" || exit
		find . \( -type f -printf '%p file %m %U:%G %s %T@\n' \) -o \
			\( -type d -printf '%p directory %m %U:%G %T@\n' \) -o \
			\( -type l -printf '%p link %U:%G %T@ %l\n' \) -o \
			\( \( -type c -o -type b \) -printf '%p %y %m %U:%G %T@ ' -exec stat -c %t:%T {} \; \) -o \
			-printf '%p %y %m %U:%G %T@\n'
	) | sort
}

prove() # WHAT DIR DIR
{
	if ! diff -r --no-dereference "$2" "$3" >"$rows/diff" 2>&1; then
		# The same device on both sides is no difference; the listing has its number.
		grep -v 'is a character special file while file .* is a character special file$' \
			"$rows/diff" >"$rows/diff.real"
	else
		: >"$rows/diff.real"
	fi
	if [ -s "$rows/diff.real" ] ||
		! diff <(listing "$2") <(listing "$3") >>"$rows/diff.real"; then
		say "$1: DIFFERS"
		head -n 20 "$rows/diff.real"
		differences=$((differences + 1))
	else
		say "$1: nothing differs ($(find "$3" | wc -l) entries)"
	fi
}

prove_all()
{
	# What tar_extract left in x is GNU tar's reading of tarx's archive.
	prove "$1: GNU tar unpacks layer.tar, against the upper layer" "$fs/upper" "$fs/x"
	rm -rf "$fs/x"
	mkdir "$fs/x" "$fs/work2" "$fs/merged2"
	"$tarx" -x -f "$fs/layer.tar" -C "$fs/x" || differences=$((differences + 1))
	prove "$1: tarx unpacks layer.tar, against the upper layer" "$fs/upper" "$fs/x"
	mount -t overlay -o "lowerdir=$fs/lower,upperdir=$fs/x,workdir=$fs/work2" overlay "$fs/merged2" ||
		die "cannot mount an overlay over what tarx unpacked"
	prove "$1: mounted over the same image, against the container" "$fs/merged" "$fs/merged2"
	umount "$fs/merged2"
	if tar -tvf "$fs/layer.tar" ./image-file 2>/dev/null | grep -q '^c.* 0,0 '; then
		say "$1: the removed image file is a whiteout in the archive"
	else
		say "$1: the removed image file is NOT a whiteout in the archive"
		differences=$((differences + 1))
	fi
}

# --- the table -------------------------------------------------------------------------------------

median() # FILE
{
	sort -g "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

bytes() # N
{
	awk -v n="$1" 'BEGIN {
		if (n < 0) n = 0
		if (n >= 1e9) printf "%.3f GB", n / 1e9
		else if (n >= 1e6) printf "%.1f MB", n / 1e6
		else printf "%.1f kB", n / 1e3
	}'
}

percent() # PART WHOLE
{
	awk -v part="$1" -v whole="$2" 'BEGIN { printf "%.2f %%", 100 * part / whole }'
}

table_row() # GROUP WHAT TOOL NAME
{
	local row=$rows/$1-$2-$3 space shared_bytes
	space=$(cat "$row.space")
	shared_bytes=$(cat "$row.shared")
	printf '| %-7s | %-24s | %9.4f s | %10s | %10s | %8s | %9s |\n' "$2" "$4" "$(median "$row.time")" \
		"$(bytes "$space")" "$(bytes "$shared_bytes")" "$(percent "$shared_bytes" "$payload")" \
		"$(bytes "$(($(sort -n "$row.memory" | tail -n 1) * 1024))")"
}

ratio() # GROUP WHAT
{
	awk -v tarx="$(median "$rows/$1-$2-tarx.time")" -v tar="$(median "$rows/$1-$2-tar.time")" \
		-v cp="$(median "$rows/$1-create-cp.time")" -v what="$2" \
		'BEGIN { printf "  tarx %s: %.1f times as fast as GNU tar, %.2f times the time of cp\n",
			what, tar / tarx, tarx / cp }'
}

table_group() # GROUP TITLE
{
	local what
	printf '| %-93s |\n' "$2"
	for what in create extract; do
		table_row "$1" "$what" tarx tarx
		table_row "$1" "$what" tar "GNU tar"
		table_row "$1" "$what" cp "cp -a --reflink=always"
	done
}

payload_of() # DIR
{
	find "$1" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

demonstrate() # KIND
{
	local kind=$1 title
	rows=$work/$kind.rows
	mkdir "$rows"
	make_fs "$kind"
	make_overlay
	say "$kind: writing $files files of $size MB through the overlay ($room)"
	write_workload
	sync -f "$fs"
	say "$kind: measuring, $runs runs of tarx and cp, one of GNU tar"
	payload_large=$(payload_of "$fs/upper")
	measure_all large
	rm -rf "$fs/x" "$fs/layer.tar"
	write_tree
	sync -f "$fs"
	say "$kind: measuring again, with $tree copied in"
	payload_all=$(payload_of "$fs/upper")
	measure_all all
	prove_all "$kind"

	title=$(printf '%s, %s, images in %s' "$kind" "$(uname -r)" "$room")
	{
		echo
		echo "$title"
		printf '| %-7s | %-24s | %11s | %10s | %10s | %8s | %9s |\n' \
			"" tool "time" "space" "shared" "of all" memory
		payload=$payload_large
		table_group large "$files files of $size MB ($(bytes "$payload")), one image file removed"
		payload=$payload_all
		table_group all "the same and $tree: $(find "$fs/upper" -type f | wc -l) files, $(bytes "$payload")"
		echo "  $files files of $size MB:"
		ratio large create
		ratio large extract
		echo "  with $tree:"
		ratio all create
		ratio all extract
	} >"$work/table-$kind"
	unmount_all
	rm -rf --one-file-system "$fs" "$fs.img"
	cat "$work/table-$kind"
	echo
}

# --- all of it -------------------------------------------------------------------------------------

parse_options "$@"
[ "$(id -u)" -eq 0 ] || die "must run as root: it installs packages and mounts file systems"
install_missing "${packages_build[@]}" "${packages_run[@]}"
enter_private "$@"
export LC_ALL=C TZ=UTC

dir=${BUILD:-$top/build/demo}
say "building in $dir"
build "$dir" || die "cannot build tarx"
dir=$(cd "$dir" && pwd)
quietly "make" make -C "$dir" tests/lib/shared scripts/measure || die "cannot build the helpers"
tarx=$(program_in "$dir") || die "the build has left no tarx in $dir"
shared=$dir/tests/lib/shared
measure=$dir/scripts/measure

choose_room
work=$(mktemp -d "$room/tarx-demo.XXXXXX") || die "no temporary folder in $room"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for kind in "${kinds[@]}"; do
	demonstrate "$kind"
done

if [ "$differences" -eq 0 ]; then
	echo "demo: everything came back as it was"
else
	echo "demo: $differences comparisons FAILED"
	exit 1
fi
