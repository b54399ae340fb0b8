#!/bin/bash
# A diff comes back into layers: into an upper directory from every spelling of its removals, and into a
# live mount, which shows it at once.

# shellcheck disable=SC2154 # changes.sh sets them
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/changes.sh
. "$fs_lib/changes.sh"

# Everything that a live mount could have in its caches by then.
look_around() # MERGED
{
	find "$1" -ls >/dev/null
	find "$1" -type f -exec cat {} + >/dev/null
	stat "$1"/{new,to,symlink,fifo}/x "$1"/etc/{of\ lower,new\ one} 2>/dev/null
	return 0
}

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	mkdir "$fs/top" "$fs/bottom"
	must changes_lower "$fs/top" "$fs/bottom"
	fs_sync "$fs"
	for change in $changes $changes_layer; do
		options=$(changes_options "$change")
		mkdir "$fs/upper"
		fs_overlay "$fs/top:$fs/bottom" "$fs/upper" "$options"
		merged=$FS
		must "change_$change" "$merged"
		fs_sync "$fs"
		for spelling in overlay oci podman; do
			exits 0 "$kind, $change, $spelling: archived" \
				"$TARX" -c --align --overlay=diff --whiteouts="$spelling" \
				-C "$merged" -f "$fs/$spelling.tar" .
			is "$kind, $change, $spelling: without a word" "$out$err" ""
			mkdir "$fs/upper2"
			if [ "$spelling" != overlay ]; then
				exits 0 "$kind, $change, $spelling: restored into an upper layer" \
					"$TARX" -x --overlay=diff -f "$fs/$spelling.tar" -C "$fs/upper2"
				is "$kind, $change, $spelling: without a word" "$out$err" ""
				fs_overlay "$fs/top:$fs/bottom" "$fs/upper2" "$options"
				ok "$kind, $change, $spelling: the same tree is seen" compare "$merged" "$FS"
				must umount "$FS"
				rm -rf "$fs/upper2"
				mkdir "$fs/upper2"
			fi
			fs_overlay "$fs/top:$fs/bottom" "$fs/upper2" "$options"
			look_around "$FS"
			exits 0 "$kind, $change, $spelling: restored into a live mount" \
				"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/$spelling.tar" -C "$FS"
			is "$kind, $change, $spelling: live, without a word" "$out$err" ""
			ok "$kind, $change, $spelling: live, the same tree is seen at once" \
				compare "$merged" "$FS"
			ok "$kind, $change, $spelling: live, the blocks are shared" \
				changes_shared_back "$fs/$spelling.tar" "$WORK/stats"
			[ "$spelling" = overlay ] && exits 0 "$kind, $change: restored once more over itself" \
				"$TARX" -x --overlay=diff -f "$fs/$spelling.tar" -C "$FS"
			[ "$spelling" = overlay ] && ok "$kind, $change: once more, the same tree is seen" \
				compare "$merged" "$FS"
			must umount "$FS"
			fs_overlay "$fs/top:$fs/bottom" "$fs/upper2" "$options"
			ok "$kind, $change, $spelling: live, and when it is mounted again" \
				compare "$merged" "$FS"
			must umount "$FS"
			rm -rf "$fs/upper2"
		done
		must umount "$merged"
		rm -rf "$fs/upper"
	done

	# Other ways to name the target.
	mkdir -p "$fs/upper" "$fs/upper2" "$fs/upper3/sub"
	fs_overlay "$fs/top:$fs/bottom" "$fs/upper"
	merged=$FS
	must change_opaque-again "$merged"
	must change_added "$merged"
	exits 0 "$kind, an upper layer that is not mounted: archived" \
		"$TARX" -c --overlay=diff -C "$merged" -f "$fs/diff.tar" .
	fs_overlay "$fs/top:$fs/bottom" "$fs/upper2"
	look_around "$FS"
	exits 0 "$kind, an upper layer that is mounted: restored" \
		"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/diff.tar" -C "$fs/upper2"
	like "$kind, an upper layer that is mounted: by way of the mount" "$err" "*through the mount at $FS*"
	ok "$kind, an upper layer that is mounted: the mount shows it at once" compare "$merged" "$FS"
	ok "$kind, an upper layer that is mounted: shared" changes_shared_back "$fs/diff.tar" "$WORK/stats"
	must umount "$FS"

	fs_overlay "$fs/top:$fs/bottom" "$fs/upper3"
	must mount --bind "$FS/etc" "$FS/kept"
	exits 0 "$kind, a directory of the mount: archived" \
		"$TARX" -c --overlay=diff -C "$merged/again" -f "$fs/part.tar" .
	exits 0 "$kind, a directory of the mount: restored" \
		"$TARX" -x --overlay=diff -f "$fs/part.tar" -C "$FS/again"
	ok "$kind, a directory of the mount: the same is seen" compare "$merged/again" "$FS/again"
	exits 0 "$kind, a bind mount in the mount: restored" \
		"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/diff.tar" -C "$FS/kept"
	ok "$kind, a bind mount in the mount: it is what it stands for" \
		compare "$merged/new" "$FS/etc/new"
	ok "$kind, a bind mount in the mount: shared" changes_shared_back "$fs/diff.tar" "$WORK/stats"
	must umount "$FS/kept"
	must umount "$FS"

	# An upper layer as GNU tar stores it.
	rm "$merged"/etc/gone*
	must tar -c --format=pax --xattrs --xattrs-include='*' --acls -f "$fs/gnu.tar" -C "$fs/upper" .
	rm -rf "$fs/upper3"
	mkdir "$fs/upper3"
	exits 0 "$kind, an upper layer by GNU tar: restored" \
		"$TARX" -x --overlay=diff -f "$fs/gnu.tar" -C "$fs/upper3"
	fs_overlay "$fs/top:$fs/bottom" "$fs/upper3"
	ok "$kind, an upper layer by GNU tar: the same tree is seen" compare "$merged" "$FS"
	must umount "$FS"
	rm -rf "$fs/upper3"
	mkdir "$fs/upper3"
	fs_overlay "$fs/top:$fs/bottom" "$fs/upper3"
	exits 0 "$kind, an upper layer by GNU tar: restored into a live mount" \
		"$TARX" -x --overlay=diff -f "$fs/gnu.tar" -C "$FS"
	ok "$kind, an upper layer by GNU tar: live, the same tree is seen" compare "$merged" "$FS"
	must umount "$FS"
	exits 0 "$kind, once more with what changed since: archived" \
		"$TARX" -c --overlay=diff -C "$merged" -f "$fs/diff.tar" .

	# Mounted where this process does not see it.
	rm -rf "$fs/upper3" "$WORK/ns"
	mkdir -p "$fs/upper3" "$fs/work3" "$fs/hidden"
	mkfifo "$WORK/ns"
	unshare -m bash -c "mount -t overlay -o lowerdir=$fs/top:$fs/bottom,upperdir=$fs/upper3,workdir=$fs/work3 \
		overlay $fs/hidden && ls -R $fs/hidden >/dev/null && echo x >$WORK/ns && sleep 60" &
	read -r <"$WORK/ns"
	exits 0 "$kind, an upper layer mounted elsewhere: restored" \
		"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/diff.tar" -C "$fs/upper3"
	like "$kind, an upper layer mounted elsewhere: by way of that mount" "$err" "*through the mount*"
	ok "$kind, an upper layer mounted elsewhere: shared" \
		changes_shared_back "$fs/diff.tar" "$WORK/stats"
	ok "$kind, an upper layer mounted elsewhere: it is seen there at once" \
		compare "$merged" "/proc/$!/root$fs/hidden"
	kill $!
	wait $! 2>/dev/null

	# A layer of container storage, named by its directory or by the diff in it.
	for dir in layer layer/diff; do
		rm -rf "$fs/overlay"
		mkdir -p "$fs"/overlay/{l,low,layer/diff,layer/work}
		must cp -a "$fs/top" "$fs/overlay/low/diff"
		ln -s ../low/diff "$fs/overlay/l/LOW"
		ln -s ../layer/diff "$fs/overlay/l/TOP"
		printf LOW >"$fs/overlay/low/link"
		printf TOP >"$fs/overlay/layer/link"
		printf l/LOW >"$fs/overlay/layer/lower"
		exits 0 "$kind, container storage, $dir: restored" \
			"$TARX" -x --overlay=diff -f "$fs/diff.tar" -C "$fs/overlay/$dir"
		is "$kind, container storage, $dir: without a word" "$out$err" ""
		fs_overlay "$fs/overlay/low/diff:$fs/bottom" "$fs/overlay/layer/diff"
		ok "$kind, container storage, $dir: the same tree is seen" compare "$merged" "$FS"
		must umount "$FS"
	done
	exits 0 "$kind, container storage: its diff" \
		"$TARX" -c --overlay=diff --whiteouts=podman -C "$fs/overlay/layer" -f "$fs/part.tar" .
	must umount "$merged"
	mkdir "$fs/low"
	fs_overlay "$fs/top:$fs/bottom" "$fs/low" ro
	must mount -o remount,ro "$FS"
	exits 2 "$kind, a mount that cannot be written to: fatal" \
		"$TARX" -x --overlay=diff -f "$fs/diff.tar" -C "$FS"
	must umount "$FS"
	must mount -t overlay -o "lowerdir=$fs/top:$fs/bottom" overlay "$FS"
	exits 2 "$kind, a mount without an upper layer: fatal" \
		"$TARX" -x --overlay=diff -f "$fs/diff.tar" -C "$FS"
	like "$kind, a mount without an upper layer: says so" "$err" "*no upper layer*"
	must umount "$FS"
	fs_umount "$fs"
done

finish
