#!/bin/bash
# Real containers, checkpointed and restored by podman and by tarx-podman, in all four ways, with runc and crun, on
# btrfs and XFS; then what must not go wrong when something fails or is killed. On a fresh Debian 12, as root.
#
#   e2e.sh                 20 files of 100 MB in the container
#   e2e.sh --full          50 of them
#   e2e.sh --quick         2 of 10 MB, and few kills
#
#   --files N  --size MB   another container      --fs btrfs|xfs    only that file system
#   --kills N              how often something is killed (default 50)
#   --no-faults            without all that        --runtime runc|crun   only that runtime
#
# TARX=PROGRAM in the environment: tests this one, instead of building; e2e-lib.sh tells more. Prints a promise a line,
# a table a file system, and last "N passed, N failed". Leaves nothing behind but what is in build/.
set -u

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=e2e-lib.sh
. "$top/scripts/e2e-lib.sh"
# shellcheck source-path=SCRIPTDIR source=e2e/container.sh
. "$top/scripts/e2e/container.sh"
# shellcheck source-path=SCRIPTDIR source=e2e/ways.sh
. "$top/scripts/e2e/ways.sh"
# shellcheck source-path=SCRIPTDIR source=e2e/faults.sh
. "$top/scripts/e2e/faults.sh"

files=20
size=100
kills=50
kinds=(btrfs xfs)
runtimes=(runc crun)
faults=yes

usage()
{
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
}

parse_options()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--full) files=50 ;;
		--quick) files=2 size=10 kills=4 ;;
		--files) files=${2-} && shift ;;
		--size) size=${2-} && shift ;;
		--kills) kills=${2-} && shift ;;
		--fs) kinds=("${2-}") && shift ;;
		--runtime) runtimes=("${2-}") && shift ;;
		--no-faults) faults= ;;
		-h | --help) usage; exit 0 ;;
		*) die "unknown option '$1'; try --help" ;;
		esac
		shift || die "a value is missing; try --help"
	done
	[[ $files =~ ^[1-9][0-9]*$ && $size =~ ^[1-9][0-9]*$ && $kills =~ ^[0-9]+$ ]] ||
		die "--files, --size and --kills want numbers"
}

# Images of file systems go into memory where a good part of it stays free, else to the disk. podman alone needs four times
# the container: itself or its successor, the diff twice, and the other file.
choose_room()
{
	local memory
	image_size=$((files * size * 5 + 1500))
	memory=$(($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) / 1024))
	mkdir "$WORK/room"
	WORK=$WORK/room
	[ $((image_size * 4 / 3)) -gt "$memory" ] || must mount -t tmpfs -o "mode=755,size=${image_size}M" tmpfs "$WORK"
	mkdir "$WORK/rows"
}

# At the stage that $WORK/fail names CRIU fails.
make_criu_fail_on_demand()
{
	e2e_etc
	mkdir -p /etc/criu
	rm -f /etc/criu/*.conf
	# shellcheck disable=SC2016 # it is for the script
	printf '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != "$(cat %s/fail 2>/dev/null)" ]\n' "$WORK" >"$WORK/action"
	chmod +x "$WORK/action"
	echo "action-script $WORK/action" | tee /etc/criu/runc.conf /etc/criu/crun.conf >/etc/criu/default.conf
}

parse_options "$@"
e2e_private "$0" "$@"
tarx_podman=$top/scripts/tarx-podman
choose_room
make_criu_fail_on_demand
container_make_image
ok "CRIU runs on this machine" criu check

for kind in "${kinds[@]}"; do
	e2e_fs "$kind" "${image_size}M"
	e2e_image
	for runtime in "${runtimes[@]}"; do
		e2e_runtime "$runtime"
		# podman's own way takes long where there is much; once is enough for the table.
		if [ "$runtime" = "${runtimes[0]}" ]; then
			ways "$kind" "$runtime" "$files" "$size"
			ways_empty "$kind" "$runtime"
			table "$kind" "$runtime" "$files" "$size" >"$WORK/table-$kind"
		else
			ways "$kind" "$runtime" 2 10
			ways_of_tarx "$kind" "$runtime" "$files" "$size"
		fi
	done
	must umount -R "$FS"
	rm "$FS.img"
done
# crun leaves control groups behind where a restore fails, over which it then stumbles itself.
e2e_runtime runc
[ -z "$faults" ] || faults
cat "$WORK"/table-* 2>/dev/null
e2e_done
