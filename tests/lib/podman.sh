#!/bin/bash
# podman.sh ARCHIVE DIR: what `podman import` makes of an archive ("-": standard input), copied to DIR. It keeps
# nothing: its storage is a folder beside DIR, and /run and /var/lib are its own for as long as it runs.
set -eu

if [ "${PODMAN_PRIVATE-}" != "$$" ]; then
	PODMAN_PRIVATE=$$ exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi

dir=$(realpath "$2")
home=$(mktemp -d "$dir.podman.XXXXXX")
trap 'cd /; rm -rf --one-file-system "$home"' EXIT
archive=$1
[ "$archive" = - ] || archive=$(realpath "$1")
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
cat >"$home/containers.conf" <<'END'
[engine]
events_logger = "none"
lock_type = "file"
END
export HOME=$home TMPDIR=$home XDG_RUNTIME_DIR=$home CONTAINERS_CONF=$home/containers.conf
podman=(podman --root "$home/root" --runroot /run/podman --tmpdir /run/libpod --storage-driver vfs)
"${podman[@]}" import -q "$archive" image >"$home/out"
tree=$("${podman[@]}" image mount image)
cp -a "$tree/." "$dir"
"${podman[@]}" image umount image >"$home/out"
