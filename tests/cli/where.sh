#!/bin/bash
# Where an overlay and its layers are found, and what is said when they are not: odd names, bind mounts, other
# mount namespaces, overlays of overlays, container storage, user namespaces, fuse-overlayfs.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/layers.sh
. "$fs_lib/layers.sh"

# Where mounts are and what they are called.
few_layers() # DIR
{
	mkdir -p "$1"/{low,upper,work,merged}
	layers make "$1" 2 &&
		mount -t overlay -o "redirect_dir=on,metacopy=on,lowerdir=$1/1:$1/2,upperdir=$1/upper,workdir=$1/work" \
			overlay "$1/merged" &&
		layers change "$1/merged"
}

wait_for() # FILE, of a process in the background
{
	local turn
	for ((turn = 0; turn < 500; turn++)); do
		[ ! -e "$1" ] || return
		sleep 0.01
	done
	bail "no $1"
}

for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS

	odd="$fs/a b,c:d\\e"$'\n\t'"\"#'"$'\xff'
	mkdir -p "$odd"/{upper,work,merged}
	must layers make "$odd" 2
	must "$PYTHON" -B "$fs_lib/fsmount.py" "$odd/merged" "lowerdir+=$odd/1" "lowerdir+=$odd/2" \
		"upperdir@=$odd/upper" "workdir@=$odd/work" redirect_dir=on metacopy=on
	must layers change "$odd/merged"
	fs_sync "$fs"
	seen_and_shared "$kind, odd names, by descriptors" "$fs" "$odd/merged" '' --overlay=merged
	must umount "$odd/merged"
	escaped=${odd//\\/\\\\}
	escaped=${escaped//:/\\:}
	escaped=${escaped//,/\\,}
	must "$PYTHON" - "$odd/merged" "lowerdir=$escaped/1:$escaped/2,upperdir=$escaped/upper,workdir=$escaped/work,redirect_dir=on,metacopy=on" <<-'END'
		import ctypes, os, sys
		libc = ctypes.CDLL(None, use_errno=True)
		at, options = map(os.fsencode, sys.argv[1:])
		if libc.mount(b"overlay", at, b"overlay", 0, options):
		    sys.exit(os.strerror(ctypes.get_errno()))
	END
	seen_and_shared "$kind, odd names, with escapes" "$fs" "$odd/merged" '' --overlay=merged
	must umount "$odd/merged"

	must few_layers "$fs/few"
	fs_sync "$fs"
	merged=$fs/few/merged
	mkdir "$fs/bound"
	must mount --bind "$merged/shared" "$fs/bound"
	seen_and_shared "$kind, a directory that is mounted elsewhere" "$fs" "$fs/bound" '' --overlay=merged
	must umount "$fs/bound"
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --propagation private -- sh -c 'mount --bind "$1/few/merged/opaque-2" "$1/bound" &&
		umount "$1/few/merged" && : >"$1/ready"; exec sleep 1000' sh "$fs" &
	away=$!
	wait_for "$fs/ready"
	seen_and_shared "$kind, a directory that is mounted in another namespace" "$fs" \
		"/proc/$away/root$fs/bound" '' --overlay=merged
	kill "$away"
	wait "$away" 2>/dev/null
	rm "$fs/ready"
	seen_and_shared "$kind, a directory below" "$fs" "$merged/shared/deep" '' --overlay=merged

	# Something else over a place in it is what it is: another file system, a place of the same overlay, a
	# file.
	must mount --bind "$fs/few/1/own-1" "$merged/own-2"
	must mount --bind "$merged/new" "$merged/shared/deep"
	must mount -t tmpfs tmpfs "$merged/new"
	seen_and_shared "$kind, mounts within" "$fs" "$merged" '' --overlay=merged
	must mount --bind "$fs/few/1/shared/in-all" "$merged/becomes-file-1/sub/hidden"
	exits 0 "$kind, a file mounted within: archives" \
		"$TARX" -c --align --overlay=merged -C "$merged" -f "$fs/a.tar" .
	ok "$kind, a file mounted within: the bytes are those that are seen" archive same "$fs/a.tar" "$merged"
	must umount "$merged/becomes-file-1/sub/hidden" "$merged/own-2" "$merged/shared/deep" "$merged/new"
	must umount "$merged"

	# Mounted where only another process sees it, with paths that are its own and something else to us.
	mkdir -p "$fs/theirs"/{1,2}/shared
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --propagation private -- sh -c 'mount --bind "$1/few" "$1/theirs" && cd "$1/theirs" &&
		rm -rf work/work && mount -i -t overlay -o \
		"redirect_dir=on,metacopy=on,lowerdir=$1/theirs/1:$1/theirs/2,upperdir=$1/theirs/upper,workdir=work" overlay merged &&
		: >"$1/ready"; exec sleep 1000' sh "$fs" &
	away=$!
	wait_for "$fs/ready"
	seen_and_shared "$kind, mounted in another namespace" "$fs" "/proc/$away/root$fs/theirs/merged" '' \
		--overlay=merged
	for path in "$fs/few/upper" "/proc/$away/root$fs/theirs/upper"; do
		exits 0 "$kind, mounted in another namespace: what its upper changed" \
			"$TARX" -c --align --overlay=diff -C "$path" -f "$fs/b.tar" .
		is "$kind, mounted in another namespace: the metadata-only file has its bytes" \
			"$(tar -xOf "$fs/b.tar" ./shared/of-1-20000 | cksum)" \
			"$(cksum <"$fs/few/1/shared/of-1-20000")"
	done
	kill "$away"
	wait "$away" 2>/dev/null

	# A container: the overlay is the root of all that it sees.
	rm -r "$fs/ready" "$fs/few/work/work"
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --propagation private -- sh -c 'mount -t overlay -o \
		"redirect_dir=on,metacopy=on,lowerdir=$1/1:$1/2,upperdir=$1/upper,workdir=$1/work" overlay "$1/merged" &&
		mkdir -p "$1/merged/host" && cd "$1/merged" && pivot_root . host && : >"/host$1/../ready"
		kill -STOP $$' sh "$fs/few" &
	away=$!
	wait_for "$fs/ready"
	for path in new shared opaque-2; do
		seen_and_shared "$kind, in the root of a container, $path" "$fs" "/proc/$away/root/$path" '' \
			--overlay=merged
	done
	kill -KILL "$away"
	wait "$away" 2>/dev/null
	fs_umount "$fs"
done

# Overlays of overlays, and such that nothing can be written to.
for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS
	must few_layers "$fs/few"
	mkdir -p "$fs"/{low,upper,work,merged}
	must layers make "$fs/low" 1
	must mount -t overlay -o "lowerdir=$fs/low/1:$fs/few/merged,upperdir=$fs/upper,workdir=$fs/work,metacopy=on" \
		overlay "$fs/merged"
	chmod 600 "$fs/merged/own-2/came-from-shared"
	head -c 20000 /dev/urandom >"$fs/merged/added"
	rm "$fs/merged/shared/in-all"
	fs_sync "$fs"
	seen_and_shared "$kind, an overlay over an overlay" "$fs" "$fs/merged" '' --overlay=merged
	must umount "$fs/merged"
	must umount "$fs/few/merged"
	must mount -t overlay -o "ro,lowerdir=$fs/few/upper:$fs/few/1:$fs/few/2,metacopy=on" overlay "$fs/merged"
	seen_and_shared "$kind, an overlay without an upper" "$fs" "$fs/merged" '' --overlay=merged
	must umount "$fs/merged"

	# Layers out of reach: said once, and only a word where no more was asked for.
	must mount -t overlay -o "lowerdir=$fs/low/1:$fs/few/2,upperdir=$fs/upper,workdir=$fs/work" \
		overlay "$fs/merged"
	must mv "$fs/few/2" "$fs/few/away"
	exits 0 "$kind, a lower out of reach, auto: archives" "$TARX" -c --align -C "$fs/merged" -f "$fs/a.tar" .
	like "$kind, a lower out of reach, auto: says which" "$err" "*few/2*cannot be reached*read through*"
	is "$kind, a lower out of reach, auto: once" "$(wc -l <<<"$err")" 1
	ok "$kind, a lower out of reach, auto: the bytes are right" archive same "$fs/a.tar" "$fs/merged"
	exits 2 "$kind, a lower out of reach, merged: fails" \
		"$TARX" -c --align --overlay=merged -C "$fs/merged" -f "$fs/b.tar" .
	like "$kind, a lower out of reach, merged: says which" "$err" "*few/2*cannot be reached*"
	must mv "$fs/upper" "$fs/upper away"
	exits 0 "$kind, the upper out of reach, auto: archives" \
		"$TARX" -c --align -C "$fs/merged" -f "$fs/a.tar" . shared
	ok "$kind, the upper out of reach, auto: the bytes are right" archive same "$fs/a.tar" "$fs/merged"
	like "$kind, the upper out of reach, auto: says so" "$err" "*upper layer*read through the overlay*"
	is "$kind, the upper out of reach, auto: once" "$(wc -l <<<"$err")" 1
	for mode in merged diff; do
		exits 2 "$kind, the upper out of reach, $mode: fails" \
			"$TARX" -c --overlay="$mode" -C "$fs/merged" -f "$fs/b.tar" .
		like "$kind, the upper out of reach, $mode: says why" "$err" "*upper layer*"
		not "$kind, the upper out of reach, $mode: leaves no archive" test -e "$fs/b.tar"
	done
	must umount "$fs/merged"
	fs_umount "$fs"
done

# Container storage: GRAPHROOT/overlay with a folder a layer, mounted by short relative paths.
storage() # HOME
{
	local home=$1 at
	mkdir -p "$home/l" && layers make "$home" 3 || return
	for at in 1 2 3; do
		mkdir -p "$home/layer$at/work" &&
			mv "$home/$at" "$home/layer$at/diff" &&
			ln -s "../layer$at/diff" "$home/l/NAME$at" &&
			printf 'NAME%s' "$at" >"$home/layer$at/link" || return
	done
	mkdir -p "$home"/top/{diff,work,merged}
	ln -s ../top/diff "$home/l/NAMETOP"
	printf NAMETOP >"$home/top/link"
	printf l/NAME1:l/NAME2:l/NAME3 >"$home/top/lower"
	printf l/NAME2:l/NAME3 >"$home/layer1/lower"
	printf l/NAME3 >"$home/layer2/lower"
}

for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS
	home=$fs/graphroot/overlay
	must storage "$home"
	(cd "$home" && must mount -i -t overlay -o \
		redirect_dir=on,metacopy=on,lowerdir=l/NAME1:l/NAME2:l/NAME3,upperdir=top/diff,workdir=top/work \
		overlay top/merged)
	merged=$home/top/merged
	must layers change "$merged"
	fs_sync "$fs"
	for dir in "$merged" "$home/top" "$home/top/diff"; do
		seen_and_shared "$kind, storage, ${dir#"$home/"}" "$fs" "$merged" "$dir" --overlay=merged
	done
	mkdir "$fs/rootfs"
	must mount --bind "$merged" "$fs/rootfs"
	seen_and_shared "$kind, storage, mounted elsewhere as well" "$fs" "$fs/rootfs" '' --overlay=merged
	must umount "$fs/rootfs"
	must cp -a "$merged" "$fs/kept"
	must umount "$merged"

	# Long lists of layers are mounted from /proc/self/fd, by numbers that tell nothing later.
	for upper in descriptor path; do
		must "$PYTHON" - "$upper" "$fs/rootfs" "$home"/layer{1,2,3}/diff "$home"/top/{diff,work} <<-'END'
			import ctypes, os, sys
			upper, at, *paths = sys.argv[1:]
			fds = [os.open(path, os.O_PATH) for path in paths]
			if upper == "path":
			    fds[3:] = paths[3:]
			os.chdir("/proc/self/fd")
			options = "redirect_dir=on,metacopy=on,lowerdir={}:{}:{},upperdir={},workdir={}".format(*fds)
			libc = ctypes.CDLL(None, use_errno=True)
			if libc.mount(b"overlay", os.fsencode(at), b"overlay", 0, options.encode()):
			    sys.exit(os.strerror(ctypes.get_errno()))
		END
		[ "$upper" = path ] || must mount --bind "$fs/rootfs" "$merged"
		seen_and_shared "$kind, storage, layers told as descriptors, the upper as a $upper" \
			"$fs" "$fs/rootfs" '' --overlay=merged
		[ "$upper" = path ] || must umount "$merged"
		must umount "$fs/rootfs"
	done

	# A container with owners of its own: its layers are mounted with these only until the overlay is.
	mkdir -p "$fs/mapped"/{1,2,3} "$fs/fresh"
	mv "$home/top/diff" "$fs/used"
	mkdir "$home/top/diff"
	rm -rf "$home/top/work/work"
	for at in 1 2 3; do
		must "$PYTHON" -B "$fs_lib/idmount.py" "$home/layer$at/diff" "$fs/mapped/$at" 200000
	done
	must mount -t overlay -o "lowerdir=$(list "$fs/mapped" 3),upperdir=$home/top/diff,workdir=$home/top/work" \
		overlay "$merged"
	must umount "$fs/mapped"/{1,2,3}
	rm -r "$fs/mapped"
	touch "$merged/shared/of-2-20000"
	fs_sync "$fs"
	is "$kind, storage, owners are mapped" "$(stat -c %u "$merged/shared/of-1-65536")" 200000
	seen_and_shared "$kind, storage, owners are mapped" "$fs" "$merged" '' --overlay=merged
	must umount "$merged"
	rm -r "$home/top/diff"
	mv "$fs/used" "$home/top/diff"

	# Not mounted: the kernel is asked what the layers show together.
	for dir in "$home/top" "$home/top/diff"; do
		seen_and_shared "$kind, storage, not mounted, ${dir#"$home/"}" "$fs" "$fs/kept" "$dir" \
			--overlay=merged
	done
	exits 0 "$kind, storage, not mounted, auto: is a plain directory" \
		"$TARX" -c --align -C "$home/top" -f "$fs/a.tar" .
	ok "$kind, storage, not mounted, auto: with all that is in it" archive same "$fs/a.tar" "$home/top"
	exits 0 "$kind, storage, not mounted, diff: archives" \
		"$TARX" -c --align --overlay=diff -C "$home/top" -f "$fs/a.tar" .
	is "$kind, storage, not mounted, diff: a metadata-only file has its bytes" \
		"$(tar -xOf "$fs/a.tar" ./shared/of-1-20000 | cksum)" \
		"$(cksum <"$home/layer1/diff/shared/of-1-20000")"
	printf 'l/NAME1:/etc' >"$home/top/lower"
	exits 2 "$kind, storage, a list of layers that makes no sense: fails" \
		"$TARX" -c --align --overlay=merged -C "$home/top" -f "$fs/b.tar" .
	like "$kind, storage, a list of layers that makes no sense: says so" "$err" "*lower*"

	# A layer that nothing tells about but its marks.
	mv "$home/top/link" "$home/top/nolink"
	exits 2 "$kind, an upper without lowers, merged: fails" \
		"$TARX" -c --align --overlay=merged -C "$home/top/diff" -f "$fs/b.tar" .
	like "$kind, an upper without lowers, merged: says so" "$err" "*nothing shows this layer*"
	exits 2 "$kind, an upper without lowers, diff: metadata-only files are an error" \
		"$TARX" -c --align --overlay=diff -C "$home/top/diff" -f "$fs/b.tar" .
	exits 0 "$kind, an upper without lowers, diff: a part that is whole" \
		"$TARX" -c --align --overlay=diff -C "$home/top/diff/new" -f "$fs/b.tar" .
	ok "$kind, an upper without lowers, diff: its bytes" archive same "$fs/b.tar" "$home/top/diff/new"
	fs_umount "$fs"
done

# In a user namespace, by somebody who is nobody outside of it.
chmod 711 "$WORK" "$WORK/bin"
for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS
	chown 100000:100000 "$fs"
	# Out of a folder that everybody can enter, wherever the sources are.
	[ -d "$WORK/lib" ] || must cp -r "$fs_lib" "$WORK/lib"
	cat >"$WORK/rootless" <<-'END'
		set -e
		fs=$1 fs_lib=$2 TARX=$3 PYTHON=$4
		cd "$fs"
		mkdir upper work merged x
		"$PYTHON" -B "$fs_lib/layers.py" make "$fs" 3 user
		mount -t overlay -o userxattr,lowerdir=1:2:3,upperdir=upper,workdir=work overlay merged
		"$PYTHON" -B "$fs_lib/layers.py" change merged plain
		sync -f .
		"$TARX" -c --align --align-min=1 --overlay=merged --stats=stats -C merged -f a.tar . >said 2>&1
		"$TARX" -x -f a.tar -C x >>said 2>&1
		"$PYTHON" -B "$fs_lib/compare.py" merged x >compared 2>&1 || :
		"$PYTHON" -B "$fs_lib/layers.py" whole merged "$(stat -f -c %S .)" >whole
		"$TARX" -c --align --overlay=diff -C merged -f diff.tar . >>said 2>&1
		"$TARX" -c --align --overlay=diff -C upper -f diff2.tar . >>said 2>&1
	END
	exits 0 "$kind, rootless: archives and unpacks" setpriv --reuid=100000 --regid=100000 --clear-groups \
		unshare --user --map-root-user --mount -- sh "$WORK/rootless" "$fs" "$WORK/lib" "$TARX" "$PYTHON"
	is "$kind, rootless: without a word" "$(cat "$fs/said")" ""
	is "$kind, rootless: all whole blocks are shared" "$(field "$fs/stats" bytes cloned)" "$(cat "$fs/whole")"
	like "$kind, rootless: is the tree that is seen" "$(cat "$fs/compared")" "*, 0 differences"
	is "$kind, rootless: owners are those of the namespace" \
		"$(tar --numeric-owner -tvf "$fs/a.tar" | awk '{ print $2 }' | sort -u)" 0/0
	is "$kind, rootless: opaque marks are the user's" \
		"$(archive pax "$fs/diff.tar" | grep -a -o '[a-z]*\.overlay\.[a-z]*' | sort -u)" user.overlay.opaque
	ok "$kind, rootless: an upper stands for the same as its mount" cmp "$fs/diff.tar" "$fs/diff2.tar"
	fs_umount "$fs"
done

# The process of fuse-overlayfs ends a little after its mount does.
umount_when_free() # DIR
{
	local turn
	for ((turn = 0; turn < 250; turn++)); do
		! umount "$1" 2>/dev/null || return
		sleep 0.02
	done
	must umount "$1"
}

# fuse-overlayfs, whose layers only its own command line tells. It is asked for all files before, because
# at first it tells other numbers of hard links.
for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS/f
	mkdir -p "$fs"/{upper,work,merged}
	must layers make "$fs" 3
	mkdir "$fs"/{2,3}/hidden
	head -c 9000 /dev/urandom >"$fs/3/hidden/file"
	cp "$fs/3/hidden/file" "$fs/2/hidden/other"
	echo x >"$fs/3/hand-made"
	touch "$fs/2/hidden/.wh..wh..opq" "$fs/2/.wh.gone-file-3" "$fs/upper/.wh.hand-made"
	# The same words of another mount, in a mount namespace that ends with its process.
	mkdir -p "$fs/other"/{lower,upper,work,merged}
	unshare --mount sh -c 'cd "$1" && exec fuse-overlayfs -f -o lowerdir=lower,upperdir=upper,workdir=work merged' \
		sh "$fs/other" 2>"$WORK/said" &
	other=$!
	until [ ! -e "/proc/$other" ] || grep -q fuse-overlayfs "/proc/$other/mountinfo"; do sleep 0.01; done
	if ! (cd "$fs" && fuse-overlayfs -o "lowerdir=1:$fs/2:3" -o upperdir=upper,workdir=work merged) 2>"$WORK/said"; then
		skip "$kind, fuse-overlayfs" "$(tail -n 1 "$WORK/said")"
		wait "$other"
		fs_umount "$FS"
		continue
	fi
	must layers change "$fs/merged" plain
	ls -lR "$fs/merged" >"$WORK/listed"
	fs_sync "$fs"
	seen_and_shared "$kind, fuse-overlayfs" "$fs" "$fs/merged" '' --overlay=merged --overlay=auto

	# Its upper, which has marks in its own spelling.
	exits 0 "$kind, fuse-overlayfs, diff: archives" \
		"$TARX" -c --align --overlay=diff -C "$fs/merged" -f "$fs/a.tar" .
	is "$kind, fuse-overlayfs, diff: without a word" "$out$err" ""
	is "$kind, fuse-overlayfs, diff: its own names for removals are not in it" \
		"$(tar -tf "$fs/a.tar" | grep '\.wh\.')" ""
	is "$kind, fuse-overlayfs, diff: a removal is a device 0:0" \
		"$(tar -tvf "$fs/a.tar" | awk '$3 == "0,0" { print $6 }' | sort | xargs)" \
		"./hand-made ./shared/of-1-4096 ./shared/of-1-4097 ./shared/of-3-4096 ./shared/of-3-4097"
	mkdir "$fs"/{upper2,work2,merged2}
	exits 0 "$kind, fuse-overlayfs, diff: unpacks" "$TARX" -x -f "$fs/a.tar" -C "$fs/upper2"
	(cd "$fs" && must fuse-overlayfs -o lowerdir=1:2:3,upperdir=upper2,workdir=work2 merged2) 2>"$WORK/said"
	ls -lR "$fs/merged2" >"$WORK/listed"
	ok "$kind, fuse-overlayfs, diff: over the same lowers it shows the same tree" \
		compare "$fs/merged" "$fs/merged2"
	must umount "$fs/merged2"
	must umount "$fs/merged"
	kill "$other"
	wait "$other"
	umount_when_free "$FS"
done

finish
