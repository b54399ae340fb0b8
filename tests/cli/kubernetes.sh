#!/bin/bash
# A checkpoint of the kubelet, in CRI-O's layout, goes through the commands that README.md has for it: they are taken
# from there, and run as they stand.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

# shellcheck source-path=SCRIPTDIR source=../lib/readme.sh
. "$(dirname "$0")/../lib/readme.sh"
PATH=$WORK/bin:$PATH

# What CRI-O writes, with names and order as it has them; the bytes on no block, as with any tar.
make_checkpoint() # FILE
{
	"$PYTHON" - "$1" <<-'END'
		import io, json, random, sys, tarfile
		noise = random.Random(1)
		def add(tar, name, data=None, mode=0o600, kind=None, link=""):
		    info = tarfile.TarInfo(name)
		    info.mode, info.mtime = mode, 1700000000
		    if kind:
		        info.type, info.linkname = kind, link
		    info.size = len(data or b"")
		    tar.addfile(info, io.BytesIO(data or b""))
		inner = io.BytesIO()
		with tarfile.open(fileobj=inner, mode="w", format=tarfile.USTAR_FORMAT) as tar:
		    add(tar, "data", kind=tarfile.DIRTYPE, mode=0o755)
		    add(tar, "data/big", noise.randbytes((2 << 20) + 5), 0o644)
		    add(tar, "data/hard", kind=tarfile.LNKTYPE, link="data/big", mode=0o644)
		    add(tar, "data/soft", kind=tarfile.SYMTYPE, link="big", mode=0o777)
		    add(tar, "etc", kind=tarfile.DIRTYPE, mode=0o755)
		    add(tar, "etc/changed", b"new\n", 0o644)
		with tarfile.open(sys.argv[1], "w", format=tarfile.USTAR_FORMAT) as tar:
		    add(tar, "artifacts", kind=tarfile.DIRTYPE, mode=0o700)
		    add(tar, "bind.mounts", b"[]")
		    add(tar, "checkpoint", kind=tarfile.DIRTYPE, mode=0o700)
		    for name, size in ("core-1", 900), ("inventory", 86), ("pages-1", (1 << 20) + 4096), ("pstree", 40):
		        add(tar, f"checkpoint/{name}.img", noise.randbytes(size), 0o644)
		    add(tar, "config.dump", json.dumps({"id": "0" * 64, "name": "counter"}).encode())
		    add(tar, "deleted.files", json.dumps(["/etc/gone"]).encode())
		    add(tar, "dump.log", b"(00.000000) Dumping finished successfully\n")
		    add(tar, "io.kubernetes.cri-o.LogPath", b"a line\n", 0o644)
		    add(tar, "rootfs-diff.tar", inner.getvalue())
		    add(tar, "spec.dump", b"{}")
		    add(tar, "stats-dump", b"12345")
	END
}

fs_make btrfs 256M
cd "$FS" || bail "no $FS"
export CHECKPOINT=$FS/checkpoint-pod_default-counter-2026-11-25T10:00:00Z.tar ALIGNED=$FS/aligned.tar PARTS=$FS/parts \
	TARGET=$FS/target UPPER=$FS/upper NAME=counter IMAGE=$FS/image:latest
must make_checkpoint "$CHECKPOINT"
before=$(tar -tf "$CHECKPOINT")

exits 0 "it is listed" documented Kubernetes 'tarx -tf'
is "the checkpoint and what the container changed" "$out" "$before
data/
data/big
data/hard
data/soft
etc/
etc/changed"

exits 0 "it is made aligned" documented Kubernetes --realign
is "with the same members" "$(tar -tf "$ALIGNED")" "$before"
is "and the folder's own entry for checkpointctl" "$(tar -tf "$ALIGNED" | grep -x 'checkpoint/')" checkpoint/
not "and no parts are left" test -e "$PARTS"
same_contents()
{
	local name
	for name in $(grep -v '/$' <<<"$before" | grep -v rootfs-diff); do
		cmp <(tar -xOf "$CHECKPOINT" "$name") <(tar -xOf "$ALIGNED" "$name") || return
	done
	tar -xOf "$CHECKPOINT" rootfs-diff.tar | tar -x -C "$1/old" &&
		tar -xOf "$ALIGNED" rootfs-diff.tar | tar -x -C "$1/new" && touch -r "$1/old" "$1/new" && compare "$1/old" "$1/new"
}
mkdir -p "$WORK/trees/old" "$WORK/trees/new"
ok "the same contents" same_contents "$WORK/trees"
details() # ARCHIVE
{
	tar --numeric-owner --full-time -tvf "$1" | grep -v rootfs-diff | tr -s ' '
}
is "and owners, modes and times" "$(details "$ALIGNED")" "$(details "$CHECKPOINT")"

mkdir "$TARGET" "$UPPER" lower work merged
mkdir lower/etc
echo old >lower/etc/changed
echo old >lower/etc/gone
exits 0 "it is restored" documented Kubernetes --overlay=diff
is "the images" "$(ls "$TARGET/checkpoint" | tr '\n' ' ')" "core-1.img inventory.img pages-1.img pstree.img "
is "shared with the checkpoint" "$("$SHARED" "$TARGET/checkpoint/pages-1.img" | cut -d ' ' -f 1)" $(((1 << 20) + 4096))
ok "the changes, too" test "$("$SHARED" "$UPPER/data/big" | cut -d ' ' -f 1)" -ge $((2 << 20))
is "and nothing else" "$(ls "$TARGET" "$UPPER" | tr '\n' ' ')" "$TARGET: checkpoint  $UPPER: data etc "
must mount -t overlay -o "lowerdir=lower,upperdir=$UPPER,workdir=work" overlay merged
is "an overlay of it shows them" "$(cat merged/etc/changed)" new
not "and not what was removed" test -e merged/etc/gone
is "hard links are links" "$(stat -c %h "$UPPER/data/hard")" 2
must umount merged

if command -v buildah >/dev/null && command -v skopeo >/dev/null; then
	must mount -t tmpfs tmpfs /run
	must mount -t tmpfs tmpfs /var/lib
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "/run/storage"\n' "$FS/storage" >"$WORK/storage.conf"
	export CONTAINERS_STORAGE_CONF=$WORK/storage.conf HOME=$WORK BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
	exits 0 "it becomes an OCI image" documented Kubernetes buildah
	is "annotated for whom restores it" "$(skopeo inspect --raw "oci:$IMAGE" |
		"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["annotations"]["org.criu.checkpoint.container.name"])')" \
		counter
	layer=$(skopeo inspect "oci:$IMAGE" | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["Layers"][0][7:])')
	is "which has its members" "$(tar -tf "${IMAGE%:*}/blobs/sha256/$layer" | sort)" "$(sort <<<"$before")"
else
	skip "it becomes an OCI image" "buildah and skopeo are not installed"
fi

finish
