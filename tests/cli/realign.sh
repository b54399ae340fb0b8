#!/bin/bash
# --realign: the members of any tar, or of several, as one aligned archive; nothing of them is lost, and what
# is damaged leaves no archive behind.

# shellcheck disable=SC2317,SC2016 # functions are called by name; some commands are of another shell
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

realigns() # PROMISE OPTION...: into "out", without a word
{
	local promise=$1
	shift
	exits 0 "$promise" "$TARX" --realign --stats="$WORK/stats" -f out "$@"
	is "$promise: without a word" "$out$err" ''
}

moved() # KEY: of the last one
{
	field "$WORK/stats" bytes "$1"
}

# ---- what tarx made comes out as tarx makes it, whatever lay between

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	cd "$FS" || bail "no $FS"
	more=projects
	[ $kind = btrfs ] && more=subvolumes
	types tree basic past hard xattrs acls names bytes deep sparse flags $more
	must sizes tree/sizes 4096
	fs_sync "$FS"
	for sparse in '' -S; do
		[ "$kind$sparse" = xfs ] && continue
		for align in 4K none 64K; do
			# shellcheck disable=SC2086
			"$TARX" -c $sparse --subvolumes --align=$align -f $align -C tree . 2>/dev/null
		done
		# Not from 64K with -S: zeros that its coarser map takes for data stay data.
		for pair in 4K:none none:4K none:64K 4K:4K ${sparse:-64K:none}; do
			[ "$pair" = -S ] && continue
			align=${pair#*:} from=${pair%:*} what="$kind${sparse:+, $sparse}"
			"$TARX" --realign --align="$align" -f out "$from"
			ok "$what: $from realigned to $align is what -c writes" cmp out "$align"
		done
	done
	must "$TARX" -c --align -f dense -C tree/sizes .
	realigns "$kind: an aligned archive" dense
	is "$kind: every whole block of it is shared" "$(moved cloned)" "$(archive sharable dense 4096)"
	must "$TARX" --realign --align=none -z -f out.gz 4K
	ok "$kind: compressed, it is what -c writes" cmp <(gzip -dc out.gz) none
	"$TARX" --realign --align=4K -f - <out.gz >out
	ok "$kind: from a compressed file as standard input, too" cmp out 4K
	mkfifo fifo
	cat none >fifo &
	exits 0 "$kind: from a FIFO" "$TARX" --realign -f out fifo
	ok "$kind: it is what -c writes" cmp out 4K
	# shellcheck disable=SC2002
	cat 4K | "$TARX" --realign --align=none | cmp - none
	is "$kind: between two pipes" "${PIPESTATUS[*]}" '0 0 0'
	must cp none same
	must ln -s same link
	exits 0 "$kind: in place, through a link" "$TARX" --realign -f link same
	ok "$kind: it is what -c writes" cmp same 4K
	ok "$kind: and the link still leads there" test -L link
	cd / && fs_umount "$FS"
done

fs_make btrfs 600M
cd "$FS" || bail "no $FS"

# ---- what others made

must sizes src/sizes 4096
types src links
types attributes basic xattrs acls names
fs_sync "$FS"

as_gnu() # WHAT ARCHIVE...: GNU tar makes of "out" what it makes of ARCHIVEs
{
	local what=$1 from
	shift
	rm -rf x y
	mkdir x y
	for from in "$@"; do
		tar -x --xattrs --xattrs-include='*' --acls -f "$from" -C x 2>/dev/null
	done
	exits 0 "$what: GNU tar unpacks it" tar -x --xattrs --xattrs-include='*' --acls -f out -C y
	ok "$what: as it unpacks what it came from" compare --no-top x y
	ok "$what: contents of 16K and more are aligned" archive aligned out 4096 16384
}

for format in v7 ustar oldgnu gnu pax; do
	must tar -c --format=$format -f $format.tar -C src .
	realigns "GNU tar, $format" $format.tar
	as_gnu "GNU tar, $format" $format.tar
	ok "GNU tar, $format: it keeps to what all readers take" archive rules out 4096
done
must tar -c --format=pax --xattrs --xattrs-include='*' --acls -f all.tar -C attributes .
exits 0 "GNU tar, with attributes" "$TARX" --realign -f out all.tar
as_gnu "GNU tar, with attributes" all.tar
LC_ALL=C.UTF-8 must bsdtar -c --format=pax -f bsd.tar -C attributes .
must "$TARX" -x -f bsd.tar -C "$(mktemp -d "$FS/want.XXXX")"
realigns "bsdtar, pax" bsd.tar
mkdir got
must "$TARX" -x -f out -C got
ok "bsdtar, pax: unpacks as what it came from" compare "$FS"/want.* got

# Files with holes, in pieces of any length, out of a file and a stream.
"$PYTHON" - <<-'END'
	import os
	for name, size, pieces in (("holes", 3000005, ((0, 16384), (1048576, 100000), (2999000, 1005))),
	                           ("pieces", 1000000, ((0, 4096), (65536, 4096)))):
	    with open(name, "wb") as file:
	        file.truncate(size)
	        for at, n in pieces:
	            os.pwrite(file.fileno(), os.urandom(n), at)
END
foreign() # KIND ARCHIVE SOURCE [NAME=VALUE...]
{
	must "$PYTHON" -B "$fs_lib/foreign.py" "$@"
}

data_of() # FILE: bytes that are no hole
{
	"$PYTHON" - "$1" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_RDONLY)
		at, sum, size = 0, 0, os.fstat(fd).st_size
		while at < size:
		    try:
		        start = os.lseek(fd, at, os.SEEK_DATA)
		    except OSError:
		        break
		    at = os.lseek(fd, start, os.SEEK_HOLE)
		    sum += at - start
		print(sum)
	END
}

for how in old 0.0 0.1 1.0 star sun odd; do
	if [ $how = odd ]; then
		foreign 1.0 holes.tar pieces MAP=100,1000,5000,3000,9000,4192
	else
		foreign $how holes.tar holes
	fi
	rm -rf x y && mkdir x y
	must "$TARX" -xf holes.tar -C x
	realigns "holes, $how" holes.tar
	must "$TARX" -xf out -C y
	ok "holes, $how: the same bytes" cmp x/sparse y/sparse
	is "holes, $how: GNU tar reads the same" "$(tar -xOf out sparse | cmp - x/sparse 2>&1)" ''
	fs_sync "$FS"
	is "holes, $how: every piece lies on blocks" "$("$SHARED" y/sparse | sed 's/ .*//')" "$(data_of y/sparse)"
	"$TARX" --realign --align=4K <holes.tar | cat >piped
	gzip -c holes.tar | "$TARX" --realign --align=4K -f gzipped
	ok "holes, $how: a file and a stream give the same" cmp out gzipped
	ok "holes, $how: into a pipe, too" cmp out piped
	realigns "holes, $how: once more" gzipped
	ok "holes, $how: changes no byte" cmp out gzipped
done
"$PYTHON" -c 'import os; os.truncate(os.open("huge", os.O_RDWR | os.O_CREAT), 1 << 40)'
must "$TARX" -c -S -f huge.tar huge
for from in huge.tar -; do
	exits 0 "1 TiB of a hole, from $from" bash -c '"$0" --realign -f out "$1" <huge.tar' "$TARX" $from
	ok "1 TiB of a hole, from $from: the same" cmp out huge.tar
done
rm huge

# What only others know stays as it is, padding does not.
must "$PYTHON" -B "$fs_lib/odd.py" odd.tar <<'END'
("x", [("atime", "1700000000.123456789"), ("VENDOR.thing", b"\x00\n\xff"), ("comment", "by hand"), ("comment", "aaaaaaaaaaaaaa"), ("comment", "tarx.later=1")])
("0", "odd", {"data": b"1" * 5000, "uname": "nobody-here", "gname": "none", "uid": 4000000000, "mode": 0o4755})
("raw", b"\0" * 0)
("3", "", {})
("x", [("path", "n" * 200 + "/\n\\\x01"), ("SCHILY.xattr.trusted.overlay.opaque", "y"), ("ctime", "1")])
("5", "long")
("1", "./hard", {"link": "odd"})
("3", "gone", {"raw": (329, b"0000000\x000000000\x00")})
("0", "/abs/../up", {"data": b"x"})
("x", [("mtime", "99999999999999.5")])
("0", "late")
("x", [("mtime", "9223372036854775806")])
("0", "latest")
END
realigns "odd members" odd.tar
is "odd members: records of others stay, byte for byte" \
	"$(grep -a -c -F -x -e '30 atime=1700000000.123456789' -e '19 comment=by hand' -e '24 comment=tarx.later=1' \
		-e '11 ctime=1' out) $(tr -d '\0' <out | grep -a -c aaaaaaaa)" '4 0'
ok "odd members: a value may have any byte" "$PYTHON" -c \
	'import sys; sys.exit(b"20 VENDOR.thing=\0\n\xff\n" not in open("out", "rb").read())'
is "odd members: names, owners and times are the same" \
	"$(archive differ odd.tar out | grep -v -e '^[-+@ ]*@' -e '^---' -e '^+++')" \
	"-char '' 644 0('') 0('') 1000000000 0 '' 0,0"
is "odd members: GNU tar lists them without a word" "$(tar -tvf out 2>&1 | grep ^tar: | grep -v -e VENDOR -e \`/)" ''
like "odd members: marks of overlays stay" "$(archive pax out | tr -d '\0')" '*SCHILY.xattr.trusted.overlay.opaque=y*'
must cp out once
realigns "odd members, once more" once
ok "odd members, once more: no byte changes" cmp out once

# ---- several archives

must tar -cf one.tar -C src sizes
must tar -czf two.tar.gz -C src links
# shellcheck disable=SC2094
exits 0 "two archives, one of them standard input" \
	bash -c '"$0" --realign -v -f out one.tar - <two.tar.gz >list' "$TARX"
as_gnu "two archives" one.tar two.tar.gz
is "two archives: their members in order" "$(cat list)" "$(tar -tf one.tar; tar -tf two.tar.gz)"
cat one.tar one.tar >both.tar
exits 1 "an archive with another one behind its end" "$TARX" --realign -f out both.tar
like "is warned of" "$err" '*both.tar: what follows the archive'\''s end*-i reads on*'
exits 1 "in a pipe, too" bash -c 'cat both.tar | "$0" --realign -f out' "$TARX"
like "with the same words" "$err" '*what follows the archive'\''s end*'
exits 0 "-i reads on" "$TARX" --realign -i -f out both.tar
is "and has all members" "$(tar -tf out)" "$(tar -tf one.tar; tar -tf one.tar)"
exits 2 "standard input twice" "$TARX" --realign -f never - -

# ---- contents from a directory

must mkdir -p static/checkpoint static/other
head -c 3000000 /dev/urandom >static/checkpoint/pages-1.img
head -c 300000 /dev/urandom >static/checkpoint/pages-2.img
head -c 200000 /dev/urandom >static/checkpoint/link.img
head -c 300000 /dev/urandom >static/checkpoint/inside.img
head -c 100000 /dev/urandom >static/checkpoint/shorter.img
head -c 50000 /dev/urandom >static/checkpoint/fifo.img
head -c 40000 /dev/urandom >static/checkpoint/gone.img
head -c 30000 /dev/urandom >static/other/through.img
echo small >static/checkpoint/small
must cp -a static stream
must tar -cf stream.tar -C stream .
must cp static/checkpoint/link.img elsewhere
must ln -sf "$FS/elsewhere" static/checkpoint/link.img
must ln -sf pages-2.img static/checkpoint/inside.img
must truncate -s 99999 static/checkpoint/shorter.img
must rm static/checkpoint/{fifo,gone}.img
must mkfifo static/checkpoint/fifo.img
must mv static/other outside
must ln -s ../outside static/other
must mkdir -p second/checkpoint
must cp stream/checkpoint/gone.img second/checkpoint/
echo other >static/checkpoint/small
fs_sync "$FS"
for from in stream.tar -; do
	exits 0 "--take-from, from $from" bash -c '"$0" --realign --align --stats=stats --take-from=static \
		--take-from=second -f out "$1" < <(cat stream.tar)' "$TARX" $from
	is "--take-from, from $from: what fits is taken, and nothing else" \
		"$(field stats taken)" "{'members': 3, 'bytes': 3340000}"
	rm -rf x && mkdir x
	must tar -xf out -C x
	ok "--take-from, from $from: all bytes are right" compare --seconds stream x
	ok "--take-from, from $from: they are shared" test "$(field stats bytes cloned)" -ge \
		$((3000000 / 4096 * 4096 + 300000 / 4096 * 4096 + 40000 / 4096 * 4096))
done
must "$PYTHON" -B "$fs_lib/odd.py" lead.tar <<'END'
("0", "../elsewhere", {"data": b"y" * 200000})
("0", "/checkpoint/pages-2.img", {"data": b"z" * 300000})
END
exits 0 "--take-from, a name that leads out of it" "$TARX" --realign --align --stats=stats \
	--take-from=static -f out lead.tar
is "--take-from, a name that leads out of it: takes nothing" \
	"$(tar -xPOf out ../elsewhere | tr -d y | wc -c)" 0
is "a leading slash counts for nothing there" "$(field stats taken members)" 1
exits 0 "into a pipe nothing is taken" bash -c \
	'"$0" --realign --stats=stats --take-from=static stream.tar | cat >out' "$TARX"
is "into a pipe nothing is taken, and told" "$(field stats taken members)" 0
exits 2 "a directory that is missing" "$TARX" --realign --take-from=nowhere -f never one.tar
like "is named" "$err" '*--take-from: nowhere: open the directory: No such file*'

# ---- what is left out, and other names

exits 0 "--exclude" "$TARX" --realign --exclude='*.img' -f out stream.tar
is "--exclude: the rest is there" "$(tar -tf out | sort)" "$(tar -tf stream.tar --exclude='*.img' | sort)"
exits 1 "a hard link to what is excluded" "$TARX" --realign --exclude=odd -f out odd.tar
like "is warned of" "$err" "*./hard: a hard link to 'odd', which is left out*"
(cd stream && tar -cf ../stream.tar --sort=name .)
exits 0 "--transform and --strip-components" "$TARX" --realign --transform='s,checkpoint,ck,' \
	--strip-components=1 -f out stream.tar
is "--transform and --strip-components: the names" "$(tar -tf out | head -n 3)" $'ck/\nck/fifo.img\nck/gone.img'
for option in -S --owner=me -Tlist --mtime=@0 -Cdir --no-xattrs; do
	exits 2 "$option" "$TARX" --realign $option -f never one.tar
	like "$option is refused" "$err" '*means nothing in this mode*'
done

# ---- what is broken

foreign 1.0 broken.tar pieces MAP=65536,4096,0,4096,1000000,0
exits 1 "a member that contradicts itself" "$TARX" --realign -f out broken.tar
like "is named" "$err" '*sparse: left out: its map of holes is damaged*'
is "and the others are there" "$(tar -tf out)" $'before\nafter'
must "$PYTHON" -B "$fs_lib/odd.py" volume.tar <<'END'
("M", "part", {"data": b"rest", "magic": b"ustar  \0"})
("0", "file")
END
exits 1 "the rest of another volume's file" "$TARX" --realign -f out volume.tar
is "is left out" "$(tar -tf out)" file
must "$PYTHON" -B "$fs_lib/odd.py" global.tar <<'END'
("g", [("comment", "0123456789abcdef"), ("uid", "77")])
("V", "LABEL")
("0", "file", {"uid": 5})
("0", "no-owner", {"uid": 1 << 40})
("1", "link", {"link": "file", "data": b"content"})
("0", "last")
END
exits 1 "what no member can have" "$TARX" --realign -f out global.tar
for word in "'comment' of a global header" "the volume's label" "link: the content that comes with" \
	"no-owner: its owner"; do
	like "what no member can have is told: $word" "$err" "*$word*"
done
is "what no member can have: the rest" "$(tar --numeric-owner -tvf out | awk '{ print $2, $6 }' | paste -sd ' ')" \
	'77/0 file 65534/65534 no-owner 77/0 link 77/0 last'

must mkdir dir
must touch dir/file
must tar --format=gnu -c -g snapshot -f changes.tar dir
exits 1 "GNU tar's lists of names" "$TARX" --realign -f out changes.tar
like "GNU tar's lists of names are told" "$err" "*dir/: the names that GNU tar's --incremental*"
is "GNU tar's lists of names: the rest" "$(tar -tf out)" $'dir/\ndir/file'

echo before >kept
for cut in 5000 100000 1500000; do
	head -c $cut one.tar >cut.tar
	exits 2 "cut off at $cut" "$TARX" --realign -f kept cut.tar
	is "cut off at $cut: nothing takes the old one's place" "$(cat kept)" before
	exits 2 "cut off at $cut, from a pipe" bash -c 'cat cut.tar | "$0" --realign -f never' "$TARX"
done
gzip -c one.tar | head -c 1000000 >cut.gz
exits 2 "cut off and compressed" "$TARX" --realign -f never cut.gz
head -c $(($(stat -c %s pax.tar) - 10240)) pax.tar >noend.tar
exits 2 "what is no archive" "$TARX" --realign -f never elsewhere
exits 2 "an archive that is missing behind one that is there" "$TARX" --realign -f never one.tar nowhere
exits 2 "a damaged header" bash -c '{ cat one.tar; } | sed "0,/ustar/s//vstar/" >bad.tar; "$0" --realign -f never bad.tar' "$TARX"
must cp one.tar grow.tar
exits 2 "an archive that would be written to while it is read" \
	bash -c '"$0" --realign grow.tar 1<>grow.tar' "$TARX"
like "is told so" "$err" '*grow.tar: is the archive that is written*'
ok "nothing of it appeared" test ! -e never

# ---- interrupted

diesat=$(helper diesat)
export ASAN_OPTIONS=detect_leaks=0
must tar -cf few.tar -C stream checkpoint/pages-2.img checkpoint/small
must cp few.tar kept.tar
ls -A >before
bad='' n=1
while :; do
	"$diesat" $n "$TARX" --realign --reflink=never -f kept.tar few.tar two.tar.gz 2>/dev/null
	code=$?
	[ $code -eq 137 ] && [ $n -lt 200 ] || break
	cmp -s kept.tar few.tar || bad+="$n: another archive"$'\n'
	n=$((n + 1))
done
is "killed at any of $n changes the old archive is there" "$bad" ''
is "not killed, all is done" $code 0
is "and nothing lies about" "$(ls -A)" "$(cat before)"

# ---- nothing but sharing

must "$TARX" -c --align -f aligned.tar -C src .
exits 0 "--reflink=always: an aligned archive" "$TARX" --realign --reflink=always -f out aligned.tar
exits 2 "--reflink=always: a pipe" bash -c 'cat aligned.tar | "$0" --realign --reflink=always -f never' "$TARX"
like "is told so" "$err" '*--reflink=always: nothing can be shared out of a pipe*'
must mkdir small
mount -t tmpfs -o size=1M tmpfs small || bail "no tmpfs"
exits 2 "a full disk" "$TARX" --realign -f small/full.tar one.tar
is "a full disk: nothing is left" "$(ls -A small)" ''
umount small
finish
