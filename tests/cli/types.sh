#!/bin/bash
# Every type of entry and every attribute survives the way into an archive and out of it.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

blocks_used() # FILE: KiB on disk
{
	du -k "$1" | cut -f 1
}

survives() # KIND WHAT [COMPARE-OPTION...]: the tree $fs/WHAT after archiving and unpacking
{
	local kind=$1 what=$2
	shift 2
	rm -rf "$fs/x" "$fs/a.tar"
	mkdir "$fs/x"
	exits 0 "$kind: $what: archives" "$TARX" -c -f "$fs/a.tar" -C "$fs/$what" .
	is "$kind: $what: archives without a word" "$out$err" ""
	exits 0 "$kind: $what: unpacks" "$TARX" -x -f "$fs/a.tar" -C "$fs/x"
	is "$kind: $what: unpacks without a word" "$out$err" ""
	ok "$kind: $what: nothing differs" compare "$@" "$fs/$what" "$fs/x"
}

for kind in btrfs xfs ext4; do
	fs_make "$kind" 1G
	fs=$FS
	case $kind in
	btrfs) LARGE=12000 ;;
	xfs) LARGE=60000 ;;
	ext4) LARGE=2000 ;;
	esac
	export LARGE

	for group in basic past hard xattrs acls names bytes deep; do
		types "$fs/$group" "$group"
		survives "$kind" "$group"
	done

	# Unpacking over what is there gives the same again.
	exits 0 "$kind: unpacks over what is there" "$TARX" -x -f "$fs/a.tar" -C "$fs/x"
	ok "$kind: nothing differs after it" compare "$fs/deep" "$fs/x"

	# Through pipes, where nobody can seek.
	rm -rf "$fs/x"
	mkdir "$fs/x"
	types "$fs/all" basic past hard xattrs acls names bytes deep
	"$TARX" -c -C "$fs/all" . | "$TARX" -x -C "$fs/x"
	is "$kind: everything through a pipe: exit 0" "${PIPESTATUS[*]}" "0 0"
	ok "$kind: everything through a pipe: nothing differs" compare "$fs/all" "$fs/x"

	# Holes, with a file that no classic header has room for.
	HUGE=1 types "$fs/sparse" sparse
	fs_sync "$fs"
	survives "$kind" sparse --holes
	ok "$kind: 9 GiB with holes take no space in the archive" \
		test "$(blocks_used "$fs/a.tar")" -lt 16384
	ok "$kind: nor unpacked" test "$(blocks_used "$fs/x/sparse/nine-gib")" -lt 2048
	exits 0 "$kind: --stats of it" "$TARX" -c --stats="$WORK/stats" -f "$fs/a.tar" -C "$fs/sparse" .
	counts=$("$PYTHON" - "$WORK/stats" <<-'END'
		import json, sys
		b = json.load(open(sys.argv[1]))["bytes"]
		print(b["payload"] == b["cloned"] + b["copied"] + b["hole"], b["payload"] > 9 << 30,
		      b["hole"] > 9 * 1000**3)
	END
	)
	is "$kind: payload is cloned + copied + hole, and most of it hole" "$counts" "True True True"
	fs_umount "$fs"
done

fs_make btrfs 1G
fs=$FS
cd "$fs" || bail "no $fs"

# GNU tar agrees about a file over 8 GiB.
HUGE=1 types sparse sparse
must "$TARX" -c -f a.tar -C sparse .
is "a file over 8 GiB: GNU tar sees its size" \
	"$(tar -tvf a.tar ./sparse/nine-gib | awk '{ print $3 }')" "$((9 << 30))"

# Sockets.
types sockets basic socket
exits 1 "a socket: exit 1" "$TARX" -c --stats=stats -f socket.tar -C sockets .
like "a socket: named in a warning" "$err" "*socket*"
like "a socket: the whole name is in it" "$err" "*sockets/socket*"
ok "a socket: counted in --stats" test "$(field stats warnings)" -ge 1
mkdir x
exits 0 "a socket: the archive without it unpacks" "$TARX" -x -f socket.tar -C x
not "a socket: is not in the archive" test -e x/sockets/socket
ok "a socket: everything else is" compare --no-dir-mtime --skip=sockets/socket sockets x

# Counting.
types counted hard
exits 0 "counts members" "$TARX" -c --stats=stats -f counted.tar -C counted .
is "hard links are counted as such" "$(field stats members hardlink)" 8
is "files are counted once" "$(field stats members file)" 1
is "symbolic links too" "$(field stats members symlink)" 1
is "FIFOs too" "$(field stats members fifo)" 1
is "devices too" "$(field stats members device)" 1
is "directories too" "$(field stats members directory)" 3

# Where it is restored must not matter.
mkdir acl-parent
setfacl -m d:u:nobody:rwx,d:g:daemon:rwx,d:m::rwx acl-parent
chmod g+s acl-parent
types basic basic acls
exits 0 "a parent with default ACL: archives" "$TARX" -c -f acl.tar -C basic basic acls
exits 0 "a parent with default ACL: unpacks" "$TARX" -x -f acl.tar -C acl-parent
for part in basic acls; do
	ok "a parent with default ACL and setgid: nothing of them gets into $part" \
		compare "basic/$part" "acl-parent/$part"
done
(
	umask 077
	mkdir masked
	"$TARX" -x -f acl.tar -C masked
)
for part in basic acls; do
	ok "a strict umask: modes in $part are as archived" compare "basic/$part" "masked/$part"
done

# Existing entries in the way are replaced.
types way basic
mkdir -p in-the-way/basic/file.d in-the-way/basic/directory
ln -s /nowhere in-the-way/basic/file
mkfifo in-the-way/basic/link
echo old >in-the-way/basic/fifo
echo old >in-the-way/basic/large
ln in-the-way/basic/large in-the-way/other-name
exits 0 "entries in the way: archives" "$TARX" -c -f way.tar -C way .
exits 0 "entries in the way: unpacks" timeout 20 "$TARX" -x -f way.tar -C in-the-way
ok "entries in the way: all is as archived" \
	compare --no-dir-mtime --skip=other-name --skip=basic/file.d way in-the-way
is "a file replaced: its other name keeps the old bytes" "$(cat in-the-way/other-name)" old

finish
