# shellcheck shell=bash
# What the end-to-end scripts share: a real CRIU with podman, runc and crun, in a world of their own. Sourced
# after lib.sh, by a script that runs as root:
#
#   e2e_private "$0" "$@"    goes into namespaces of its own (mounts, processes); comes back inside of them, and
#                            $TARX is the program to test, built if it is not set
#   e2e_etc                  /etc can be written to, and nobody else sees it
#   e2e_fs KIND SIZE         btrfs or xfs in an image; $FS is the mounted folder
#   e2e_rootfs DIR           a root file system with busybox and files to change
#   e2e_podman ARGUMENT...   podman, or what $E2E_PODMAN names, with its storage on $FS and the runtime $E2E_RUNTIME
#   e2e_image                localhost/base in that storage, of $WORK/rootfs.tar, without a registry
#   e2e_runtime runc|crun    sets $E2E_RUNTIME
#   e2e_done                 "N passed, N failed", and the exit code; promises are counted by tests/lib/tap.sh
#
# CRIU of Debian 12 does not work with new kernels, and its crun has no CRIU. Those of a newer suite are
# downloaded with all their libraries into a folder, and run from there with their own loader: nothing
# of that suite is installed. BUILD=DIR in the environment: the folder is in there instead of in build/.

# shellcheck source-path=SCRIPTDIR source=../tests/lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tests/lib/tap.sh"

packages_e2e=(podman runc crun busybox btrfs-progs xfsprogs iptables iproute2 tar gzip attr python3
	util-linux mount)
e2e_suite=${E2E_SUITE:-trixie}
e2e_newer=${BUILD:-$top/build}/e2e-$e2e_suite

# ---- what is needed

e2e_fetch() # FOLDER: downloads of the newer suite, unpacked
{
	local mirror apt=$1.apt deb
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
	[ -n "$mirror" ] || { echo "apt knows no source of bookworm" >&2; return 1; }
	rm -rf "$1" "$apt"
	mkdir -p "$1" "$apt/lists/partial" "$apt/cache/archives/partial" || return
	# No package is installed as far as this apt knows: it takes every library.
	: >"$apt/status"
	printf '%s\n' 'Types: deb' "URIs: $mirror" "Suites: $e2e_suite" 'Components: main' \
		'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$apt/newer.sources"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$apt/newer.sources";
		Dir::Etc::sourceparts "/nonexistent";
		Dir::State "$apt";
		Dir::State::lists "$apt/lists";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
	END
	APT_CONFIG=$apt/apt.conf apt-get -q update &&
		APT_CONFIG=$apt/apt.conf apt-get -q -y -d install criu crun libcriu2 || return
	for deb in "$apt"/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$1" || return
	done
	rm -rf "$apt"
}

e2e_wrap() # FOLDER PROGRAM: a script that runs it with the libraries it came with
{
	local lib
	lib=$(echo "$1"/usr/lib/*-linux-gnu)
	mkdir -p "$1/wrap" &&
		printf '#!/bin/sh\nexec %s --library-path %s --argv0 %s %s "$@"\n' "$(echo "$lib"/ld-linux-*.so.?)" \
			"$lib" "$(basename "$2")" "$1/$2" >"$1/wrap/$(basename "$2")" &&
		chmod 755 "$1/wrap/$(basename "$2")"
}

# The folder is complete when it has "wrap"; two scripts at once make it once.
e2e_prepare()
{
	install_missing "${packages_e2e[@]}"
	mkdir -p "$(dirname "$e2e_newer")" || return
	(
		flock 9 || exit
		[ -d "$e2e_newer/wrap" ] && exit
		say "fetching CRIU and crun of $e2e_suite"
		quietly "fetching" e2e_fetch "$e2e_newer.new" || exit
		rm -rf "$e2e_newer"
		mv "$e2e_newer.new" "$e2e_newer"
		e2e_wrap "$e2e_newer" usr/sbin/criu && e2e_wrap "$e2e_newer" usr/bin/crun
	) 9>"$e2e_newer.lock"
}

e2e_tarx()
{
	local dir=${BUILD:-$top/build}/gcc
	[ -n "${TARX-}" ] && return
	install_missing "${packages_build[@]}"
	build "$dir" --enable-werror || return
	TARX=$(program_in "$dir") && export TARX
}

# ---- a world of its own

# Cgroups outlive namespaces; all of ours are below one name.
e2e_forget_cgroups()
{
	find /sys/fs/cgroup -depth -path "*/$E2E_CGROUP*" -type d -exec rmdir {} + 2>/dev/null
}

# Processes that are left end with the first one of their namespace, mounts with the last process.
e2e_private() # SCRIPT ARGUMENT...
{
	local code
	if [ "${E2E_INSIDE-}" = "$$" ]; then
		e2e_world
		return
	fi
	[ "$(id -u)" -eq 0 ] || die "needs root"
	e2e_tarx || die "cannot build tarx"
	e2e_prepare || die "no CRIU to test with"
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/tarx-e2e.XXXXXX") || die "no temporary folder"
	chmod 755 "$WORK"
	export WORK E2E_CGROUP=${WORK##*/}
	trap : INT TERM
	E2E_INSIDE=1 unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- "$BASH" "$@"
	code=$?
	e2e_forget_cgroups
	rm -rf --one-file-system "$WORK"
	exit "$code"
}

e2e_world()
{
	unset E2E_INSIDE
	export LC_ALL=C TZ=UTC HOME=$WORK PATH=$e2e_newer/wrap:$PATH
	must mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/lock
	must mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	# Where there are cgroups of both versions crun wants the second one out of sight.
	if mountpoint -q /sys/fs/cgroup/unified; then
		must umount /sys/fs/cgroup/unified
	fi
	# Without CAP_SYS_RESOURCE podman's own limits cannot be set.
	cat >"$WORK/containers.conf" <<-END
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		[containers]
		default_ulimits = [ "nofile=1024:4096", "nproc=4096:4096" ]
	END
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
		echo 'pids_limit = 0' >>"$WORK/containers.conf"
	fi
	export CONTAINERS_CONF=$WORK/containers.conf PODMAN_IGNORE_CGROUPSV1_WARNING=1
	e2e_runtime runc
}

e2e_etc()
{
	must mkdir -p /run/etc/upper /run/etc/work
	must mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
}

e2e_runtime() # runc|crun
{
	E2E_RUNTIME=$(command -v "$1") || bail "no $1"
}

e2e_fs() # KIND SIZE
{
	FS=$(mktemp -d "$WORK/$1.XXXXXX") || bail "no folder for $1"
	must truncate -s "$2" "$FS.img"
	case $1 in
	btrfs) must mkfs.btrfs -q "$FS.img" >/dev/null ;;
	xfs) must mkfs.xfs -q -m reflink=1 "$FS.img" ;;
	*) bail "unknown kind of file system: $1" ;;
	esac
	must mount -o loop "$FS.img" "$FS"
	chmod 755 "$FS"
}

# ---- containers

e2e_rootfs() # DIR
{
	local busybox library name
	busybox=$(command -v busybox) || bail "no busybox"
	must mkdir -p "$1"/{bin,dev,proc,sys,tmp,run,root,etc/base-dir}
	must cp "$busybox" "$1/bin/busybox"
	while read -r library; do
		must install -D "$library" "$1/$library"
	done < <(ldd "$busybox" 2>/dev/null | grep -o '/[^ )]*')
	for name in sh ls cat dd cp mv rm mkdir rmdir ln sleep echo chmod chown touch sync md5sum wc stat find; do
		ln -s busybox "$1/bin/$name"
	done
	must dd if=/dev/urandom of="$1/etc/base-big" bs=1M count=1 status=none
	echo one >"$1/etc/base-changed"
	echo two >"$1/etc/base-gone"
	echo three >"$1/etc/base-dir/file"
}

e2e_podman()
{
	local name=${FS##*/}
	"${E2E_PODMAN:-podman}" --root "$FS/storage" --runroot "/run/root-$name" --tmpdir "/run/tmp-$name" \
		--storage-driver overlay --cgroup-manager cgroupfs --runtime "$E2E_RUNTIME" "$@"
}

# What e2e_podman run wants besides, so that nothing is left behind.
# shellcheck disable=SC2034 # for whoever sources this
e2e_run_options=(--network=none "--cgroup-parent=/${E2E_CGROUP-}")

e2e_image()
{
	if [ ! -f "$WORK/rootfs.tar" ]; then
		e2e_rootfs "$WORK/rootfs"
		must tar -C "$WORK/rootfs" -cf "$WORK/rootfs.tar" .
	fi
	E2E_PODMAN='' must e2e_podman import -q "$WORK/rootfs.tar" localhost/base >/dev/null 2>&1
}

# ---- the end

e2e_done()
{
	printf '%d passed, %d failed\n' "$((tap_said - tap_failed))" "$tap_failed"
	[ "$tap_failed" -eq 0 ] && [ "$tap_said" -gt 0 ]
	exit
}
