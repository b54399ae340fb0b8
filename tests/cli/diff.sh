#!/bin/bash
# --overlay=diff: what an upper layer changed, of every kind, is in the archive; restored into a fresh
# upper layer over the same lower ones, the mount shows the same tree, and the bytes are shared.

# shellcheck disable=SC2154 # changes.sh sets them
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/changes.sh
. "$fs_lib/changes.sh"

# The overlay at $FS, whose upper layer is $fs/upper: archived, and restored into a fresh one.
same_again() # WHAT LOWERS OPTIONS
{
	local merged=$FS
	mkdir "$fs/upper2"
	fs_sync "$fs"
	exits 0 "$1: archived" "$TARX" -c --align --overlay=diff -C "$merged" -f "$fs/diff.tar" .
	is "$1: without a word" "$out$err" ""
	fs_sync "$fs"
	ok "$1: the archive shares the files' blocks" changes_share "$fs/diff.tar"
	exits 0 "$1: restored into a fresh upper layer" \
		"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/diff.tar" -C "$fs/upper2"
	is "$1: without a word" "$out$err" ""
	ok "$1: the restored files share them" changes_shared_back "$fs/diff.tar" "$WORK/stats"
	fs_overlay "$2" "$fs/upper2" "$3"
	ok "$1: the same tree is seen" compare "$merged" "$FS"
	must umount "$FS"
	must umount "$merged"
	rm -rf "$fs/upper" "$fs/upper2"
}

# As newer kernels know them, in a layer that is made by hand.
xattr_whiteouts() # UPPER
{
	mkdir "$1/dir" && : >"$1/dir/low" &&
		setfattr -n trusted.overlay.whiteout -v y "$1/dir/low" &&
		setfattr -n trusted.overlay.opaque -v x "$1/dir"
}

# A file of DIR whose bytes are in a layer that shows no names.
data_only() # DIR DATA
{
	truncate -r "$2/etc/meta" "$1/lower-data" &&
		setfattr -n trusted.overlay.metacopy "$1/lower-data" &&
		setfattr -n trusted.overlay.redirect -v /etc/meta "$1/lower-data"
}

# An overlay without an upper layer; $FS is the merged folder.
view() # LAYERS
{
	FS=$(mktemp -d "$WORK/merged.XXXXXX")
	must mount -t overlay -o "lowerdir=$1" overlay "$FS"
}

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	mkdir "$fs/top" "$fs/bottom"
	must changes_lower "$fs/top" "$fs/bottom"
	fs_sync "$fs"
	for change in $changes $changes_layer; do
		mkdir "$fs/upper"
		options=$(changes_options "$change")
		fs_overlay "$fs/top:$fs/bottom" "$fs/upper" "$options"
		must "change_$change" "$FS"
		same_again "$kind, $change" "$fs/top:$fs/bottom" "$options"
	done
	mkdir "$fs/upper"
	must xattr_whiteouts "$fs/upper"
	fs_overlay "$fs/top:$fs/bottom" "$fs/upper"
	exits 0 "$kind, whiteouts by xattr: archived" \
		"$TARX" -c --overlay=diff -C "$FS" -f "$fs/diff.tar" .
	must umount "$FS"
	mkdir "$fs/upper2"
	exits 0 "$kind, whiteouts by xattr: restored" \
		"$TARX" -x --overlay=diff -f "$fs/diff.tar" -C "$fs/upper2"
	# A listing through an upper layer has names that cannot be looked up, so both are lower ones here.
	view "$fs/upper:$fs/top:$fs/bottom"
	merged=$FS
	view "$fs/upper2:$fs/top:$fs/bottom"
	ok "$kind, whiteouts by xattr: hide what they hid" test ! -e "$FS/dir/low"
	ok "$kind, whiteouts by xattr: the same tree is seen" compare "$merged" "$FS"
	must umount "$FS"
	must umount "$merged"
	rm -rf "$fs/upper" "$fs/upper2"
	mkdir "$fs/upper" "$fs/meta"
	must data_only "$fs/meta" "$fs/top"
	fs_overlay "$fs/meta::$fs/top" "$fs/upper" metacopy=on
	chmod 600 "$FS/lower-data"
	same_again "$kind, data-only lower layer" "$fs/meta::$fs/top" metacopy=on
	view "$fs/top:$fs/bottom"
	exits 2 "$kind, no upper layer: is refused" "$TARX" -c --overlay=diff -f "$fs/diff.tar" -C "$FS" .
	like "$kind, no upper layer: says so" "$err" '*upper*'
	must umount "$FS"
	fs_umount "$fs"
done

finish
