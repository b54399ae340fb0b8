#!/bin/bash
# --overlay=diff: what an upper layer changed, of every kind, is in the archive; restored into a fresh
# upper layer over the same lower ones, the mount shows the same tree, and the bytes are shared.

# shellcheck disable=SC2154 # changes.sh sets them
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/changes.sh
. "$fs_lib/changes.sh"

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	mkdir "$fs/top" "$fs/bottom"
	must changes_lower "$fs/top" "$fs/bottom"
	fs_sync "$fs"
	for change in $changes $changes_layer; do
		options=$(changes_options "$change")
		mkdir "$fs/upper" "$fs/upper2"
		fs_overlay "$fs/top:$fs/bottom" "$fs/upper" "$options"
		merged=$FS
		must "change_$change" "$merged"
		fs_sync "$fs"
		exits 0 "$kind, $change: archived" \
			"$TARX" -c --align --overlay=diff -C "$merged" -f "$fs/diff.tar" .
		is "$kind, $change: without a word" "$out$err" ""
		fs_sync "$fs"
		ok "$kind, $change: the archive shares the files' blocks" changes_share "$fs/diff.tar"
		exits 0 "$kind, $change: restored into a fresh upper layer" \
			"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/diff.tar" -C "$fs/upper2"
		is "$kind, $change: without a word" "$out$err" ""
		ok "$kind, $change: the restored files share them" \
			changes_shared_back "$fs/diff.tar" "$WORK/stats"
		fs_overlay "$fs/top:$fs/bottom" "$fs/upper2" "$options"
		ok "$kind, $change: the same tree is seen" compare "$merged" "$FS"
		must umount "$FS"
		must umount "$merged"
		rm -rf "$fs/upper" "$fs/upper2"
	done
	fs_umount "$fs"
done

finish
