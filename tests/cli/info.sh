#!/bin/bash
# --info tells how an archive is laid out.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib/fs.sh"

layout() # KEY: of the last --stats
{
	field stats layout "$1"
}

for kind in btrfs xfs ext4; do
	fs_make $kind 400M
	cd "$FS" || bail "no $FS"
	must mkdir tree
	head -c 300000 /dev/urandom >tree/large
	head -c 65536 /dev/urandom >tree/blocks
	echo small >tree/small
	must ln tree/small tree/again
	must ln -s small tree/link
	fs_sync "$FS"

	must "$TARX" -c --align=16K -f a.tar tree
	fs_sync "$FS"
	exits 0 "$kind: an aligned archive" "$TARX" --info --stats=stats -f a.tar
	like "$kind: its members" "$out" '*members*3 files, 1 directory, 1 symbolic link, 1 hard link*'
	like "$kind: its format" "$out" '*format*pax*'
	is "$kind: the alignment" "$(layout align)" 16384
	is "$kind: bytes of payload" "$(layout payload)" $((300000 + 65536 + 6))
	is "$kind: all of the archive is told" \
		$(($(layout header) + $(layout end) + 300032 + 65536 + 512)) "$(stat -c %s a.tar)"
	ok "$kind: padding is a part of the headers" \
		test "$(layout padding)" -gt 0 -a "$(layout padding)" -lt "$(layout header)"
	ok "$kind: what the file takes" test "$(layout occupied)" = $(($(stat -c '%b * %B' a.tar)))
	case $kind in
	ext4) is "$kind: nothing is shared" "$(layout shared)" 0 ;;
	*) ok "$kind: the large ones are shared" test "$(layout shared)" -ge $((299008 + 65536)) ;;
	esac
	is "$kind: both lie on blocks" $(($(layout on_block) >= 300000 + 65536)) 1

	exits 0 "$kind: a line a member" "$TARX" --info -v -f a.tar
	is "$kind: with its place" "$(awk '$7 == "tree/large" { print $2 % 16384, $4 }' <<<"$out")" \
		"0 300000"
	is "$kind: a line each" "$(grep -c ' tree/' <<<"$out")" 6

	must "$TARX" -c --align=none -f plain.tar tree
	exits 0 "$kind: an archive without alignment" "$TARX" --info --stats=stats -f plain.tar
	is "$kind: has no padding" "$(layout padding)" 0
done

must tar -c --format=gnu -f gnu.tar tree
must tar -c --format=ustar -f ustar.tar tree
must tar -c --format=v7 -f v7.tar tree
for format in gnu ustar v7; do
	exits 0 "an archive of $format" "$TARX" --info --stats=stats -f $format.tar
	like "is recognized as $format" "$out" "*format      $format*"
	is "all of $format is told" $(($(layout header) + $(layout end) + 300032 + 65536 + 512)) \
		"$(stat -c %s $format.tar)"
done

# Holes that were left out count as what they are, and maps of holes as headers.
must mkdir holes
truncate -s 1M holes/nothing
truncate -s 10M holes/much
head -c 100000 /dev/urandom >>holes/much
must "$TARX" -c -S --align=16K -f holes-tarx.tar holes
must tar -c -S --format=gnu -f holes-gnu.tar holes
must tar -c -S --format=pax -f holes-pax.tar holes
must tar -c -S --format=pax --sparse-version=0.1 -f holes-old.tar holes
for archive in holes-{tarx,gnu,pax,old}.tar; do
	exits 0 "$archive" "$TARX" --info --stats=stats -f "$archive"
	is "$archive: payload is what is stored" "$(layout payload)" 100000
	is "$archive: holes are not" "$(layout left_out)" $((11 * 1024 * 1024))
	like "$archive: which is told" "$out" "*left out  11534336 bytes of holes*"
	is "$archive: all of it is told" $(($(layout header) + $(layout end) + 100352)) "$(stat -c %s "$archive")"
done
is "holes do not count for the alignment" \
	"$("$TARX" --info -f holes-tarx.tar | awk '/^alignment/ { print $2 }')" 16384

must gzip -k gnu.tar
must bzip2 -k gnu.tar
for archive in gzip:gnu.tar.gz bzip2:gnu.tar.bz2; do
	exits 0 "$archive: a compressed archive" "$TARX" --info --stats=stats -f "${archive#*:}"
	like "$archive: is told to be one, and of what kind" "$out" "*compressed by ${archive%:*}*"
	is "$archive: and how much is in it" "$(layout payload)" $((300000 + 65536 + 6))
done
exits 0 "an archive in a pipe" bash -c "cat gnu.tar | '$TARX' --info --stats=stats"
like "has its members counted" "$out" '*3 files*'
like "is a pipe and not compressed" "$out" '*archive*a pipe:*'
is "is not compressed" "$(layout compression)" none
head -c 10240 /dev/zero >zeros.tar
exits 0 "an archive of nothing" "$TARX" --info -f zeros.tar
like "has no members" "$out" '*members     none*'
head -c 20000 /dev/urandom >junk
exits 2 "what is no archive is told" "$TARX" --info -f junk
finish
