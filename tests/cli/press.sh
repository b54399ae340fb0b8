#!/bin/bash
# Compression on writing, and other programs that do it.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 300M
cd "$FS" || bail "no $FS"
mkdir -p tree/sub
head -c 700000 "$TARX" >tree/program
seq 20000 >tree/numbers
seq 3 >tree/sub/small
ln tree/numbers tree/sub/linked
ln -s numbers tree/link
must "$TARX" -c --align=none -f plain.tar tree

magic() # FILE
{
	head -c 4 "$1" | od -An -tx1 | tr -d ' \n'
}

while read -r option start name; do
	exits 0 "$option: archives" "$TARX" -c "$option" -f "out$name" tree
	is "$option: is what it says" "$(magic "out$name" | cut -c "1-${#start}")" "$start"
	ok "$option: is smaller" test "$(stat -c %s "out$name")" -lt "$(stat -c %s plain.tar)"
	exits 0 "$option: is read again" "$TARX" -t -f "out$name"
	is "$option: all of it" "$out" "$("$TARX" -tf plain.tar)"
	mkdir "x$name"
	exits 0 "$option: is restored" "$TARX" -x -f "out$name" -C "x$name"
	ok "$option: all of it" compare --no-dir-mtime tree "x$name/tree"
	exits 0 "-a: knows $name" "$TARX" -c -a -f "auto$name" tree
	ok "-a: $name is the same, and so are two runs" cmp "out$name" "auto$name"
	rm -rf "x$name"
done <<-'END'
	-z 1f8b .tar.gz
	-j 425a68 .tar.bz2
	-J fd377a58 .tar.xz
	--zstd 28b52ffd .tar.zst
	--lz4 04224d18 .tar.lz4
	--lzma 5d .tar.lzma
	--lzip 4c5a4950 .tar.lz
	-Z 1f9d .tar.Z
END
for name in .tgz .taz .tbz .tbz2 .tz2 .txz .tzst .tlz .taZ; do
	exits 0 "-a: knows $name" "$TARX" -c -a -f "auto$name" tree
	not "-a: $name is compressed" cmp -s -n 512 "auto$name" plain.tar
done
for name in .tar .foo .gzip ''; do
	exits 0 "-a: '$name' says nothing" "$TARX" -c -a -f "auto$name" tree
	ok "-a: '$name' is not compressed" tar -tf "auto$name"
done
exits 0 "--no-auto-compress" "$TARX" -c -a --no-auto-compress -f no.tar.gz tree
ok "takes -a back" cmp -s -n 512 no.tar.gz plain.tar
exits 0 "another option than the name says" "$TARX" -c -a -z -f other.tar.xz tree
is "counts for more" "$(magic other.tar.xz | cut -c 1-4)" 1f8b

ok "gzip finds it sound" gzip -t out.tar.gz
ok "xz finds it sound" xz -t out.tar.xz
ok "zstd finds it sound" zstd -q -t out.tar.zst
ok "bzip2 finds it sound" bzip2 -t out.tar.bz2
zcat out.tar.gz >un.tar
ok "what was compressed is the plain archive" cmp un.tar plain.tar

exits 0 "--align with compression" "$TARX" -c -z --align=4K -f aligned.tar.gz tree
zcat aligned.tar.gz >un.tar
ok "--align with compression: is aligned" archive aligned un.tar 4096 4096
exits 0 "--stats of it" "$TARX" -c -z --stats=stats -f s.tar.gz tree
is "nothing is shared" "$(field stats bytes cloned)" 0
exits 2 "--reflink=always with compression" "$TARX" -c -z --reflink=always -f none.tar tree
like "is refused with the reason" "$err" '*nothing can be shared with a compressed archive*'
exits 2 "two kinds of compression" "$TARX" -c -z -J -f none.tar tree

# shellcheck disable=SC2016
is "through a pipe" "$("$TARX" -c -z tree | gzip -d | cmp - plain.tar && echo same)" same

# ---- other programs

exits 0 "-I: archives" "$TARX" -c -I 'gzip -1' -f command.tar.gz tree
is "-I: is what the program makes" "$(zcat command.tar.gz | cmp - plain.tar && echo same)" same
exits 0 "-I: is read through COMMAND -d" "$TARX" -t -I 'gzip' -f command.tar.gz
is "-I: all of it" "$out" "$("$TARX" -tf plain.tar)"
is "-I: from standard input" "$("$TARX" -t -I gzip <command.tar.gz)" "$("$TARX" -tf plain.tar)"
# shellcheck disable=SC2016
is "-I: to standard output" "$("$TARX" -c -I gzip tree | gzip -d | cmp - plain.tar && echo same)" same
mkdir x
exits 0 "-I: is restored" "$TARX" -x -I zcat\ -f\ # -f command.tar.gz -C x
ok "-I: all of it" compare --no-dir-mtime tree x/tree
exits 2 "-I: a program that fails" "$TARX" -c -I false -f none.tar tree
like "-I: a program that fails is named" "$err" '*false*exit status 1*'
exits 2 "-I: a program that fails at the end" "$TARX" -c -I 'cat; exit 3' -f none.tar tree
like "-I: is named with its status" "$err" '*exit status 3*'
exits 2 "-I: a program that stops reading" "$TARX" -c -I 'head -c 10000; exit 0' -f none.tar tree
exits 2 "-I: a program that is not there" "$TARX" -c -I no-such-program -f none.tar tree
exits 2 "-I: a program that is killed" "$TARX" -c -I 'kill -9 $$' -f none.tar tree
not "none of them leaves an archive" test -e none.tar
echo before >kept.tar
exits 2 "-I: a program that fails, over an archive" "$TARX" -c -I false -f kept.tar tree
is "what was there stays" "$(cat kept.tar)" before
exits 2 "-I: a program that cannot read it" "$TARX" -t -I false -f command.tar.gz
like "-I: is named" "$err" '*false*'
head -c 30000 plain.tar | gzip >cut.tar.gz
exits 2 "-I: an archive that is damaged" "$TARX" -t -I gzip -f cut.tar.gz
like "-I: is named by its own name" "$err" 'tarx: cut.tar.gz: *'
exits 0 "-I: --stats" "$TARX" -t -I gzip --stats=stats -f command.tar.gz
is "-I: --stats name the archive" "$(field stats archive)" command.tar.gz
mkdir top
(cd top && must "$TARX" -x -I gzip --one-top-level -f ../command.tar.gz)
is "-I: a directory is named after it" "$(ls top)" command
exits 2 "-I: an archive that is not there" "$TARX" -t -I gzip -f nosuch.tar
like "-I: is named too" "$err" '*nosuch.tar*'

# ---- a disk that is full

fs_make tmpfs 64K
exits 2 "a full disk" "$TARX" -c -z -f "$FS/a.tar.gz" tree
like "a full disk: the reason is said" "$err" '*No space left*'
is "a full disk: nothing is left" "$(ls -A "$FS")" ''
exits 2 "a full disk behind a program" "$TARX" -c -I gzip -f "$FS/a.tar.gz" tree
is "a full disk behind a program: nothing is left" "$(ls -A "$FS")" ''

# ---- reading

must tar -c -z -f gnu.tar.gz tree
for archive in plain.tar gnu.tar.gz out.tar.bz2; do
	for mode in -t -d; do
		tar $mode --totals -f $archive 2>&1 >/dev/null | grep Total >gnu.total
		exits 0 "$mode --totals of $archive" "$TARX" $mode --totals -f $archive
		is "$mode --totals of $archive: as GNU tar" "${err%%(*}" "$(sed 's/(.*//' gnu.total)"
	done
done

exits 0 "-z of an archive that is not compressed" "$TARX" -t -z -f plain.tar
exits 0 "-J of one compressed by gzip" "$TARX" -t -J -f out.tar.gz

finish
