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

# XFS shows its ACLs a second time, as attributes.
fs_make xfs 300M
acl_disk=$FS
mkdir "$acl_disk/in" "$acl_disk/out"
echo data >"$acl_disk/in/file"
must setfacl -m u:nobody:rwx "$acl_disk/in/file"
exits 0 "--no-acls: archives" "$TARX" -c --no-acls -f noacl.tar -C "$acl_disk/in" .
not "--no-acls: no ACL is stored in any guise" grep -a -q -i acl noacl.tar
exits 0 "an archive with ACLs" "$TARX" -c -f acl.tar -C "$acl_disk/in" .
is "an ACL is stored once" "$(grep -a -c SGI_ACL acl.tar)" 0

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

# Operands that are neither files nor directories, from where we stand.
mkdir operands
mkfifo operands/pipe
ln -s nowhere operands/link
mknod operands/device c 1 3
rm -rf x
mkdir x
for operand in pipe link device; do
	must setfattr -h -n trusted.note -v "of the $operand" "operands/$operand"
	(cd operands && exec "$TARX" -c -f "../$operand.tar" "$operand") >said 2>&1
	is "a $operand as operand: archives" "$?" 0
	is "a $operand as operand: without a word" "$(cat said)" ""
	exits 0 "a $operand as operand: unpacks" "$TARX" -x -f "$operand.tar" -C x
done
ok "a pipe, a link and a device as operands: keep their attributes" compare --no-dir-mtime operands x

# Attributes of a file that its own mode forbids to write.
mkdir theirs
chown 65534:65534 theirs
echo bytes >read-only
setfattr -n user.note -v text read-only
chmod 444 read-only
must "$TARX" -c -f read-only.tar read-only
exits 0 "not as root, attributes of a read-only file: unpacks" \
	setpriv --reuid=65534 --regid=65534 --clear-groups "$TARX" -x -f read-only.tar -C theirs
is "not as root, attributes of a read-only file: without a word" "$out$err" ""
is "not as root, attributes of a read-only file: are restored" \
	"$(getfattr --only-values -n user.note theirs/read-only; stat -c ' %a' theirs/read-only)" "text 444"

# A tree that is deeper than there may be files open.
mkdir steps x-steps
"$PYTHON" - <<-'END'
	import os
	os.chdir("steps")
	for number in range(300):
	    os.mkdir("d")
	    os.chdir("d")
	    with open("file", "w") as file:
	        file.write(str(number))
END
few_files() # COMMAND...
{
	(ulimit -n 64 && exec "$@")
}
exits 0 "300 directories deep with 64 descriptors: archives" \
	few_files "$TARX" -c -f steps.tar -C steps .
is "300 directories deep with 64 descriptors: archives without a word" "$out$err" ""
exits 0 "300 directories deep with 64 descriptors: unpacks" \
	few_files "$TARX" -x -f steps.tar -C x-steps
ok "300 directories deep with 64 descriptors: nothing differs" compare steps x-steps

# Attributes that XFS has room for, or none for.
fs_make xfs 400M
xfs=$FS
mkdir "$xfs/many" "$xfs/x" compressed
attribute() # FILE NAME LENGTH
{
	"$PYTHON" -c 'import os, sys
os.setxattr(sys.argv[1], sys.argv[2], b"x" * int(sys.argv[3]))' "$@"
}
for name in a b c; do
	echo "bytes of $name" >"$xfs/many/$name"
done
for number in {1..20}; do
	must attribute "$xfs/many/b" "user.$number" 60000
done
exits 1 "over 1 MiB of attributes: exit 1" "$TARX" -c -f "$xfs/a.tar" -C "$xfs/many" a b c
like "over 1 MiB of attributes: the file is named" "$err" "tarx: b: *attributes*"
is "over 1 MiB of attributes: one line is enough" "$(wc -l <<<"$err")" 1
is "over 1 MiB of attributes: tarx lists the archive" "$("$TARX" -tf "$xfs/a.tar" 2>&1 | xargs)" "a b c"
is "over 1 MiB of attributes: bsdtar too" "$(bsdtar -tf "$xfs/a.tar" 2>&1 | xargs)" "a b c"
exits 0 "over 1 MiB of attributes: unpacks" "$TARX" -x -f "$xfs/a.tar" -C "$xfs/x"
ok "over 1 MiB of attributes: no bytes are lost" diff -r "$xfs/many" "$xfs/x"

# The body of a pax header that ends with a block, and is longer than padding would make it.
x_body() # ARCHIVE: the length of its first header's body
{
	echo $((8#$(head -c 135 "$1" | tail -c 11)))
}
echo bytes >"$xfs/file"
must attribute "$xfs/file" user.first 40000
must attribute "$xfs/file" user.second 30000
must "$TARX" -c --align=none -f "$xfs/a.tar" -C "$xfs" file
most=$((30000 + 512 - $(x_body "$xfs/a.tar") % 512))
for length in $((most - 1)) $most $((most + 1)); do
	must attribute "$xfs/file" user.second "$length"
	for align in none 4K; do
		exits 0 "attributes of $((40000 + length)) bytes, --align=$align: archives" \
			"$TARX" -c --align="$align" -f "$xfs/a.tar" -C "$xfs" file
		is "attributes of $((40000 + length)) bytes, --align=$align: without a word" "$out$err" ""
		exits 0 "attributes of $((40000 + length)) bytes, --align=$align: unpacks" \
			"$TARX" -x -f "$xfs/a.tar" -C "$xfs/x"
		is "attributes of $((40000 + length)) bytes, --align=$align: are restored" \
			"$(getfattr --only-values -n user.second "$xfs/x/file" | wc -c)" "$length"
	done
done

# Attributes that only btrfs knows.
for name in a b; do
	echo "bytes of $name" >"compressed/$name"
	must setfattr -n btrfs.compression -v zstd "compressed/$name"
done
exits 0 "btrfs' compression attribute: archives" "$TARX" -c -f compressed.tar -C compressed a b
exits 0 "btrfs' compression attribute, onto XFS: exit 0" "$TARX" -x -f compressed.tar -C "$xfs/x"
like "btrfs' compression attribute, onto XFS: is named" "$err" "tarx: a: btrfs.compression*"
is "btrfs' compression attribute, onto XFS: once" "$(wc -l <<<"$err")" 1

finish
