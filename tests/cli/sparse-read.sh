#!/bin/bash
# Files with holes come out of every kind of archive with their bytes and their holes, shared where their
# pieces lie on blocks; a map of holes that is wrong never leads to wrong bytes.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

foreign() # KIND ARCHIVE SOURCE [NAME=VALUE...]
{
	must "$PYTHON" -B "$fs_lib/foreign.py" "$@"
}

make_file() # NAME SIZE [OFFSET:LENGTH...]
{
	"$PYTHON" - "$@" <<-'END' || bail "no $1"
		import os, sys
		with open(sys.argv[1], "wb") as file:
		    # First, so that XFS reserves nothing between the pieces.
		    file.truncate(int(sys.argv[2]))
		    for piece in sys.argv[3:]:
		        at, length = map(int, piece.split(":"))
		        file.seek(at)
		        file.write(os.urandom(length))
	END
}

restore() # ARCHIVE: into x, and through a pipe into y
{
	rm -rf x y
	mkdir x y
	"$TARX" -x -f "$1" -C x >said 2>&1
	code=$?
	# The stream is a pipe on purpose.
	# shellcheck disable=SC2002
	cat "$1" | "$TARX" -x -C y >said.pipe 2>&1
	code_pipe=$?
}

for kind in btrfs xfs; do
	fs_make "$kind" 600M
	cd "$FS" || bail "no $FS"
	must mkdir src
	make_file src/pieces $((20 * 1024 * 1024 + 100)) 0:1048576 4194304:1048576 12582912:1048576
	make_file src/many $((8 * 1024 * 1024)) $(seq -f '%.0f:4096' 0 65536 8000000)
	make_file src/ends $((3 * 1024 * 1024 + 5)) 2097152:1048581
	make_file src/hole 50000000
	make_file src/nothing 0
	make_file src/one 5000 4096:904
	fs_sync "$FS"

	# As programs at hand write them.
	for how in "--format=gnu" "--format=posix --sparse-version=0.0" \
		"--format=posix --sparse-version=0.1" "--format=posix --sparse-version=1.0"; do
		# shellcheck disable=SC2086 # several words
		must tar -c -S $how -f a.tar -C src .
		restore a.tar
		is "$kind: GNU tar, $how: without a word" "$code $code_pipe $(cat said said.pipe)" "0 0 "
		ok "$kind: GNU tar, $how: bytes and holes" compare --seconds --holes src x
		ok "$kind: GNU tar, $how: bytes and holes out of a pipe" compare --seconds --holes src y
		is "$kind: GNU tar, $how: lists names and real sizes" \
			"$("$TARX" -tvf a.tar | awk '{ print $6, $3 }' | grep -v '/ ' | sort)" \
			"$(cd src && stat -c './%n %s' -- * | sort)"
	done
	must bsdtar -c --format=pax -f a.tar -C src .
	restore a.tar
	ok "$kind: bsdtar, pax: bytes and holes" compare --holes src x
	ok "$kind: bsdtar, pax: bytes and holes out of a pipe" compare --holes src y
	gzip -1 -f a.tar
	restore a.tar.gz
	ok "$kind: bsdtar, pax, compressed: bytes and holes" compare --holes src x

	# As others write them, on blocks.
	[ "$kind" = btrfs ] && files="pieces many ends one" || files=
	for how in old 0.0 0.1 1.0 large star sun; do
		for file in $files; do
			# Star's pairs are read where they are four or less.
			[ "$how $file" = "star many" ] && continue
			# libarchive does not find its end.
			[ "$how $file" = "large pieces" ] && continue
			foreign "$how" a.tar "src/$file"
			restore a.tar
			is "$kind, $how, $file: without a word" "$code $code_pipe $(cat said said.pipe)" "0 0 "
			ok "$kind, $how, $file: its bytes" cmp "src/$file" x/sparse
			ok "$kind, $how, $file: its bytes out of a pipe" cmp "src/$file" y/sparse
			is "$kind, $how, $file: what follows" "$(tr -d A <x/after | wc -c) $(wc -c <y/after)" \
				"0 70000"
		done
		[ "$how" = large ] && continue
		foreign "$how" a.tar src/pieces ALIGN=4096
		fs_sync "$FS"
		rm -rf x
		mkdir x
		exits 0 "$kind, $how, on blocks: unpacks with --reflink=always" \
			"$TARX" -x --reflink=always --stats=stats.json -f a.tar -C x
		fs_sync "$FS"
		is "$kind, $how, on blocks: every piece is shared" \
			"$("$SHARED" x/sparse) $(stat -c %s x/sparse)" "3145728 3145728 20971620"
		ok "$kind, $how, on blocks: its bytes" cmp src/pieces x/sparse
		is "$kind, $how, on blocks: holes are counted" "$(field stats.json bytes hole)" \
			$((20971620 - 3145728))
		foreign "$how" a.tar src/ends ALIGN=4096
		fs_sync "$FS"
		rm -rf x
		mkdir x
		exits 0 "$kind, $how, with an odd end: unpacks" "$TARX" -x -f a.tar -C x
		ok "$kind, $how, with an odd end: its bytes" cmp src/ends x/sparse
	done
	foreign sun a.tar src/pieces
	is "$kind: a file's holes that are stored are passed over in a list" \
		"$("$TARX" -t -f a.tar | paste -s -d ' ')" "before sparse after"
	foreign 1.0 a.tar src/pieces
	rm -rf x
	mkdir x
	exits 0 "$kind: pieces that lie on no block are copied under --reflink=always too" \
		"$TARX" -x --reflink=always -f a.tar -C x before sparse
	ok "$kind: pieces that lie on no block: the bytes" cmp src/pieces x/sparse
	ok "$kind: pieces that lie on no block: the holes" test \
		"$(stat -c %b x/sparse)" -le $(($(stat -c %b src/pieces) + 512))
done

# A pair may end anywhere; the next one's data follow at once.
make_file src/odd 1000000 0:4096 65536:4096
foreign 1.0 a.tar src/odd MAP=100,1000,5000,3000,9000,4192
restore a.tar
is "pairs of odd lengths: unpack" "$code $code_pipe" "0 0"
cmp -s x/sparse y/sparse || cat said said.pipe
ok "pairs of odd lengths: a file and a pipe give the same bytes" cmp x/sparse y/sparse
"$PYTHON" - src/odd x/sparse <<-'END'
	import sys
	source, got = (open(name, "rb").read() for name in sys.argv[1:])
	data = source[:4096] + source[65536:69632]
	want = bytearray(1000000)
	want[100:1100], want[5000:8000], want[9000:13192] = data[:1000], data[1000:4000], data[4000:]
	sys.exit(bytes(want) != got)
END
is "pairs of odd lengths: the bytes are where they belong" "$?" 0

# Huge, and nearly all hole.
make_file huge $((1 << 40)) 0:4096 549755813888:4096 1099511623680:4096
foreign 1.0 a.tar huge ALIGN=4096
fs_sync "$FS"
rm -rf x
mkdir x
exits 0 "a file of 1 TiB with three blocks: unpacks in a second" \
	timeout 1 "$TARX" -x --reflink=always -f a.tar -C x
is "a file of 1 TiB with three blocks: has its size, and nothing more" \
	"$(stat -c %s x/sparse) $("$SHARED" x/sparse)" "$((1 << 40)) 12288 12288"
ok "a file of 1 TiB with three blocks: its middle" cmp -i 549755813888 -n 8192 huge x/sparse
is "a file of 1 TiB with three blocks: is listed with its size" \
	"$("$TARX" -tvf a.tar | awk '$6 == "sparse" { print $3 }')" $((1 << 40))

# Maps that are wrong. The archive has 8192 bytes of data, in a file of 1000000.
refused() # WHAT ARCHIVE
{
	restore "$2"
	is "$1: exit 1, or 2 where nothing can be read on" \
		"$([[ $code == [12] && $code_pipe == [12] ]] && echo yes)" yes
	ok "$1: has a message" test -s said -a -s said.pipe
	ok "$1: is not restored" test ! -e x/sparse -a ! -e y/sparse
	for after in x/after y/after; do
		[ ! -e $after ] || is "$1: what follows is whole" "$(tr -d A <$after | wc -c)" 0
	done
	"$TARX" -t -f "$2" >/dev/null 2>&1
	is "$1: is told in a list" "$(($? > 0))" 1
}

for how in old 0.0 0.1 1.0 star sun; do
	while IFS=: read -r what arguments; do
		# Where all is stored there is nothing to contradict.
		case "$how $what" in
		sun*data* | sun*more* | sun*touches*) continue ;;
		esac
		# shellcheck disable=SC2086 # several words
		foreign "$how" a.tar src/odd $arguments
		refused "$how, $what" a.tar
	done <<-'END'
		out of order:MAP=65536,4096,0,4096,1000000,0
		overlapping:MAP=0,4096,4000,4096,1000000,0
		less than its data:MAP=0,4096,1000000,0
		more than its data:MAP=0,4096,65536,8192,1000000,0
		over its end:MAP=0,4096,998000,4096
		a size smaller than its map:REAL=66000 MAP=0,4096,65536,4096,66000,0
		a number beyond any:MAP=0,4096,9223372036854775807,4096
	END
done
for how in 0.0 0.1 1.0; do
	foreign "$how" a.tar src/odd BLOCKS=7
	refused "$how, more pairs promised than there are" a.tar
	foreign "$how" a.tar src/odd BLOCKS=1
	refused "$how, fewer pairs promised than there are" a.tar
done
foreign 1.0 a.tar src/odd BLOCKS=9999999999
refused "1.0, more pairs than memory" a.tar
for how in old 0.0 1.0; do
	foreign "$how" a.tar src/odd EXTRA=GNU.sparse.map=0,4096,65536,4096
	refused "$how, and a second map" a.tar
done
foreign 0.1 a.tar src/odd EXTRA=GNU.sparse.realsize=77
refused "0.1, two sizes" a.tar
foreign star a.tar src/many
refused "star, a map that goes on" a.tar

# Cut off within the data of one.
foreign 1.0 whole.tar src/pieces ALIGN=4096
head -c 2000000 whole.tar >a.tar
restore a.tar
is "cut off in a piece: exit 2" "$code $code_pipe" "2 2"
ok "cut off in a piece: is not restored" test ! -e x/sparse -a ! -e y/sparse

finish
