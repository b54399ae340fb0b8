#!/bin/bash
# What goes into an archive comes out of it again, byte for byte, whoever unpacks it; payloads lie on
# blocks, and where the file system can share, whole blocks are shared and not copied.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fresh() # DIR: empty again
{
	rm -rf "$1"
	mkdir "$1"
}

unpack_with() # READER ARCHIVE DIR
{
	case $1 in
	tarx) "$TARX" -xf "$2" -C "$3" ;;
	tar) tar -xf "$2" -C "$3" ;;
	bsdtar) bsdtar -xf "$2" -C "$3" ;;
	tarfile) "$PYTHON" -m tarfile -e "$2" "$3" ;;
	esac
}

is_multiple() # FILE UNIT
{
	[ $(($(stat -c %s "$1") % $2)) -eq 0 ]
}

# Bytes that FIEMAP calls shared: in the whole blocks of an archive's aligned payloads, in a tree.
shared_in_archive() # ARCHIVE BLOCK
{
	archive payloads "$1" |
		awk -v b="$2" '$1 % b == 0 && $2 >= b { print $1, $2 - $2 % b }' |
		"$SHARED" -p "$1" | cut -d ' ' -f 1
}

shared_in_tree() # DIR
{
	find "$1" -type f -exec "$SHARED" -a {} + | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

at_least() # GOT WANT
{
	echo "got $1, want at least $2"
	[ "$1" -ge "$2" ]
}

# Archive and extraction of the same tree, with tarx run by RUNNER and the options after it.
round_trip() # NAME SHARES OPTION... (RUNNER in the environment)
{
	local name=$1 shares=$2 reader whole
	shift 2
	rm -f "$fs/a.tar"
	exits 0 "$name: archives files of every size" \
		"${RUNNER[@]}" "$TARX" -c --align "--align-min=$block" "$@" --stats="$WORK/stats" \
		-f "$fs/a.tar" -C "$fs/src" .
	is "$name: says nothing" "$out$err" ""
	ok "$name: payloads start on blocks" archive aligned "$fs/a.tar" "$block" "$block"
	ok "$name: the archive ends on a block" is_multiple "$fs/a.tar" "$block"
	ok "$name: the archive holds the files' bytes" archive same "$fs/a.tar" "$fs/src"
	whole=$(archive sharable "$fs/a.tar" "$block")
	if [ "$shares" = yes ]; then
		fs_sync "$fs"
		is "$name: every whole block is shared into the archive" \
			"$(shared_in_archive "$fs/a.tar" "$block")" "$whole"
		is "$name: and counted as cloned" "$(field "$WORK/stats" bytes cloned)" "$whole"
	else
		is "$name: nothing is counted as cloned" "$(field "$WORK/stats" bytes cloned)" 0
	fi

	fresh "$fs/x"
	exits 0 "$name: tarx unpacks it" \
		"${RUNNER[@]}" "$TARX" -x "$@" --stats="$WORK/stats" -f "$fs/a.tar" -C "$fs/x"
	ok "$name: nothing differs after tarx" diff -r "$fs/src" "$fs/x"
	ok "$name: nor do the attributes" compare "$fs/src" "$fs/x"
	if [ "$shares" = yes ]; then
		fs_sync "$fs"
		ok "$name: every whole block is shared out of the archive" \
			at_least "$(shared_in_tree "$fs/x")" "$whole"
		ok "$name: and counted as cloned" at_least "$(field "$WORK/stats" bytes cloned)" "$whole"
	else
		is "$name: nothing is counted as cloned" "$(field "$WORK/stats" bytes cloned)" 0
	fi
	for reader in tar bsdtar tarfile; do
		fresh "$fs/x"
		ok "$name: $reader unpacks it" unpack_with "$reader" "$fs/a.tar" "$fs/x"
		ok "$name: nothing differs after $reader" diff -r "$fs/src" "$fs/x"
	done
}

for kind in btrfs xfs xfs64k ext4; do
	fs_make "$kind" 1G
	fs=$FS
	block=$(block_of "$fs")
	must sizes "$fs/src" "$block"
	fs_sync "$fs"
	RUNNER=(env)
	if [ "$kind" = ext4 ]; then
		round_trip "$kind" no
	else
		round_trip "$kind" yes --reflink=always
		round_trip "$kind, --reflink=never" no --reflink=never
		RUNNER=("$FORBID" clone)
		round_trip "$kind, cloning forbidden" no
		fs_sync "$fs"
		[ "$(field "$WORK/stats" refused EOPNOTSUPP)" -gt 0 ] && counted=yes || counted=no
		is "$kind, cloning forbidden: the refusals are counted" "$counted" yes
	fi
	[ "$kind" = btrfs ] && keep=$fs && continue
	fs_umount "$fs"
done

# The rest on btrfs.
fs=$keep
block=4096
cd "$fs" || bail "no $fs"

exits 0 "archives without any option" "$TARX" -c -f plain.tar -C src .
ok "large files are aligned without being asked where the file system can clone" \
	archive aligned plain.tar 4096 262144

for size in 512 1K 2K 4K 8K 16K 64K 128K 512K 1M; do
	bytes=$(numfmt --from=iec "$size")
	exits 0 "--align=$size: archives" "$TARX" -c "--align=$size" "--align-min=$size" -f a.tar -C src .
	ok "--align=$size: payloads start on multiples of it" archive aligned a.tar "$bytes" "$bytes"
	ok "--align=$size: the archive's length is a multiple of it" is_multiple a.tar "$bytes"
	fresh x
	exits 0 "--align=$size: tarx unpacks it" "$TARX" -x -f a.tar -C x
	ok "--align=$size: nothing differs" diff -r src x
	fresh x
	ok "--align=$size: nothing differs after GNU tar" unpack_with tar a.tar x
	ok "--align=$size: nothing differs after GNU tar" diff -r src x
done
exits 0 "--align=4096 is --align=4K" "$TARX" -c --align=4096 -f b.tar -C src .
exits 0 "--align=4K is --align=4096" "$TARX" -c --align=4K -f a.tar -C src .
ok "--align=4096 and --align=4K write the same" cmp a.tar b.tar

exits 0 "--align=none: archives" "$TARX" -c --align=none -f none.tar -C src .
is "--align=none: no member is padded" "$(archive padded none.tar)" ""
fresh x
exits 0 "--align=none: tarx unpacks it" "$TARX" -x -f none.tar -C x
ok "--align=none: nothing differs" diff -r src x

exits 0 "--align-min=64K: archives" "$TARX" -c --align --align-min=64K -f min.tar -C src .
ok "--align-min=64K: larger files are aligned" archive aligned min.tar 4096 65536
not_padded=$(archive padded min.tar | grep -c -x -E '\./size-(4096|8193|65535)')
is "--align-min=64K: smaller files are not padded" "$not_padded" 0

for size in 3000 256 2M 0 x 4Q -1 ''; do
	exits 2 "--align=$size is refused" "$TARX" -c "--align=$size" -f refused.tar -C src .
	like "--align=$size: the message names the option" "$err" "*align*"
done
not "a refused --align leaves no archive" test -e refused.tar

# Pipes.
"$TARX" -c --align --align-min=4096 -C src . | cat >pipe.tar
is "into a pipe: exit 0" "${PIPESTATUS[0]}" 0
ok "into a pipe: payloads are aligned relative to its start" archive aligned pipe.tar 4096 4096
ok "into a pipe: the bytes are right" archive same pipe.tar src
fresh x
# A real pipe is the point here.
# shellcheck disable=SC2002
cat pipe.tar | "$TARX" -x -C x
is "out of a pipe: exit 0" "$?" 0
ok "out of a pipe: nothing differs" compare src x
fresh x
"$TARX" -c -f - -C src . | "$TARX" -x -f - -C x
is "from pipe to pipe: exit 0" "${PIPESTATUS[*]}" "0 0"
ok "from pipe to pipe: nothing differs" compare src x

"$TARX" -c --align --align-min=4096 --reflink=always -C src . >redirected.tar
is "standard output is a file: exit 0" "$?" 0
fs_sync "$fs"
is "standard output is a file: whole blocks are shared" \
	"$(shared_in_archive redirected.tar 4096)" "$(archive sharable redirected.tar 4096)"
fresh x
"$TARX" -x --reflink=always -C x <redirected.tar
is "standard input is a file: exit 0" "$?" 0
ok "standard input is a file: nothing differs" compare src x
fs_sync "$fs"
ok "standard input is a file: whole blocks are shared" \
	at_least "$(shared_in_tree x)" "$(archive sharable redirected.tar 4096)"

# Several roots.
mkdir -p roots/one/a roots/two/b
cp src/size-4097 roots/one/a/first
cp src/size-8192 roots/two/b/second
exits 0 "two roots, absolute" "$TARX" -c --align -f two.tar -C "$fs/roots/one" a -C "$fs/roots/two" b
is "two roots, absolute: members of both, in order" "$(tar -tf two.tar)" \
	"$(printf '%s\n' a/ a/first b/ b/second)"
exits 0 "two roots, the second relative to the first" \
	"$TARX" -c --align -f relative.tar -C roots/one a -C ../two b
ok "two roots: written either way it is the same archive" cmp two.tar relative.tar
fresh x
exits 0 "two roots: unpacks" "$TARX" -xf two.tar -C x
ok "two roots: the first is there" cmp roots/one/a/first x/a/first
ok "two roots: the second is there" cmp roots/two/b/second x/b/second

# A later root overwrites what a hard link would be a link to.
mkdir -p roots/three
echo one >roots/one/name
ln roots/one/name roots/one/other-name
echo three >roots/three/name
exits 0 "a hard link whose first name another root takes: archives" \
	"$TARX" -c -f links.tar -C roots/one name -C ../three name -C ../one other-name
for reader in tarx tar; do
	fresh x
	ok "a hard link whose first name another root takes: $reader unpacks it" \
		unpack_with "$reader" links.tar x
	is "a hard link whose first name another root takes: $reader finds each one's bytes" \
		"$(cat x/name x/other-name | xargs)" "three one"
done
exits 0 "the same name, spelled in another way: archives" \
	"$TARX" -c -f links.tar -C roots/one ./name -C ../three name -C ../one other-name
fresh x
exits 0 "the same name, spelled in another way: unpacks" "$TARX" -xf links.tar -C x
is "the same name, spelled in another way: each one's bytes" \
	"$(cat x/name x/other-name | xargs)" "three one"
exits 0 "a name given twice: archives" "$TARX" -c -f links.tar -C roots/one name name other-name
fresh x
exits 0 "a name given twice: unpacks" "$TARX" -xf links.tar -C x
ok "a name given twice: its links are links" test x/name -ef x/other-name

# Named members.
fresh x
exits 0 "named members: unpacks" "$TARX" -xf two.tar -C x b
is "named members: that one and what is below it, no other" "$(cd x && find . | sort | xargs)" \
	". ./b ./b/second"

# An archive in the tree it is made of.
mkdir self
cp src/size-4097 self/file
exits 0 "an archive in the tree it is made of: archives" "$TARX" -c -f self/self.tar -C self .
not "an archive in the tree it is made of: does not hold itself" \
	grep -q 'self\.tar' <(tar -tf self/self.tar)

finish
