#!/bin/bash
# --threads: the same archive, the same words in the same order, whatever the number.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

differ() # PROMISE OPTION...: archives of one thread and of several, and what is said meanwhile
{
	local promise=$1 threads
	shift
	"$TARX" -c --threads=1 "$@" -f one.tar -C tree . >said.one 2>&1
	echo "exit $?" >>said.one
	for threads in 2 3 16; do
		rm -f more.tar
		"$TARX" -c --threads=$threads "$@" -f more.tar -C tree . >said.more 2>&1
		echo "exit $?" >>said.more
		ok "$promise: $threads threads write the same archive" cmp one.tar more.tar
		ok "$promise: and say the same" cmp said.one said.more
	done
}

for kind in btrfs ext4; do
	fs_make "$kind" 512M
	cd "$FS" || bail "no $FS"
	types tree basic past hard xattrs acls names bytes deep
	must sizes tree/sizes 4096
	for dir in tree/many/{a,b,c,d}/{1,2,3}; do
		must mkdir -p "$dir/cache/below"
		for file in {1..12}; do
			echo "$dir $file" >"$dir/$file"
			echo "$dir $file" >"$dir/cache/below/$file"
		done
		echo tag >"$dir/cache/tag"
		"$PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/5s"
	done
	fs_sync "$FS"
	differ "$kind"
	ok "$kind: sockets are told" test "$(grep -c socket said.one)" -ge 12
	differ "$kind, no alignment, listed" --align=none -v
	differ "$kind, sparse" -S
	differ "$kind, a tag" --exclude-tag=tag -v
	ok "$kind: a tag: nothing below it is stored" eval '! tar -tf one.tar | grep -q below/.'
	ok "$kind: a tag: it is" eval 'tar -tf one.tar | grep -q cache/tag'
	differ "$kind, some excluded, links followed" --exclude=below -h
	differ "$kind, inodes" --sort=inode --no-xattrs --no-fflags
	exits 0 "$kind: with few descriptors" "$BASH" -c \
		"ulimit -n 48; exec '$TARX' -c --threads=8 -f few.tar -C tree/many/a/1 1 2 3 4 cache"
done

exits 2 "--threads=0 is refused" "$TARX" -c --threads=0 -f no.tar tree
exits 2 "--threads=many is refused" "$TARX" -c --threads=many -f no.tar tree
finish
