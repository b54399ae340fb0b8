#!/bin/bash
# Headers that are rare or strange are understood as those who wrote them meant it, or refused with a word.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 300M
cd "$FS" || bail "no $FS"

odd() # the archive a.tar from standard input, unpacked in x; $code, said
{
	must "$PYTHON" -B "$fs_lib/odd.py" a.tar
	rm -rf x
	mkdir x
	"$TARX" -x -f a.tar -C x >said 2>&1
	code=$?
}

fine() # WHAT GOT WANT: the last one unpacked without a word, and GOT is WANT
{
	is "$1: unpacks without a word" "$code $(cat said)" "0 "
	is "$1" "$2" "$3"
}

names()
{
	(cd x && find . -mindepth 1 -printf '%P\n' | sort | cat -v | paste -s -d ' ')
}

# ---- global headers

odd <<'END'
("g", [("mtime", "1234567890.5"), ("uid", "4321"), ("gname", "no-such-group"), ("comment", "hello")])
("0", "one", {"data": b"1"})
("x", [("mtime", "-1.5"), ("uid", "77")])
("0", "two", {"data": b"22"})
("x", [("mtime", ""), ("uid", "")])
("0", "three", {"uid": 99})
("g", [("uid", "5555")])
("0", "four")
END
fine "a global header counts for all behind it, and a member's own for more" \
	"$(cd x && stat -c '%n %u %.1Y' one two three four | paste -s)" \
	"one 4321 1234567890.5	two 77 -1.5	three 99 1000000000.0	four 5555 1234567890.5"
odd <<'END'
("g", [("path", "named/by/all"), ("linkpath", "where")])
("2", "link")
END
fine "a global header gives a name and a link's target" "$(readlink x/named/by/all)" where
odd <<'END'
("0", "before", {"data": b"1"})
("g", [("size", "1")])
("0", "behind", {"data": b"22"})
END
is "a global header that changes sizes: exit 2" "$code" 2
like "a global header that changes sizes: is told" "$(cat said)" "*global header*sizes*"
is "a global header that changes sizes: nothing behind it" "$(names)" before
odd <<'END'
("g", [("VENDOR.thing", "1")])
("0", "one")
("0", "two")
END
is "a global header with something unknown: exit 1, told once" "$code $(grep -c global said)" "1 1"

# ---- names

odd <<'END'
("x", [("hdrcharset", "BINARY"), ("path", b"latin-\xe4\xf6")])
("0", "a")
("x", [("path", b"not-utf8-\xff\xfe")])
("0", "b")
("x", [("path", "nfd-a\u0308")])
("0", "c")
("x", [("path", "nfc-\u00e4")])
("0", "d")
("0", b"ustar-\xe4")
("L", b"long-\xe4-" + b"x" * 150 + b"\0")
("0", "short")
("x", [("linkpath", b"to-\xe4"), ("path", b"link-\xe4")])
("2", "e")
END
fine "names are bytes, whatever the character set" "$(names)" "$(printf '%s\n' \
	$'latin-\xe4\xf6' $'not-utf8-\xff\xfe' $'nfd-a\xcc\x88' $'nfc-\xc3\xa4' $'ustar-\xe4' \
	$'link-\xe4' "$(printf 'long-\xe4-'; printf 'x%.0s' $(seq 150))" |
	sort | cat -v | paste -s -d ' ')"
is "names are bytes: a link's target, too" "$(readlink $'x/link-\xe4' | cat -v)" "to-M-d"
odd <<'END'
("x", [("path", b"u\0t\0f\0")])
("0", "a")
("0", "b")
END
is "a name with a byte that is 0: exit 1, and the next is restored" "$code $(names)" "1 b"
odd <<'END'
("K", b"target-" + b"y" * 200 + b"\0")
("L", b"name-" + b"x" * 200 + b"\0")
("2", "cut", {"link": "cut", "magic": b"ustar  \0"})
("x", [("path", "from-x")])
("L", b"from-l\0")
("0", "short")
("L", b"from-l-2\0")
("x", [("path", "from-x-2")])
("0", "short")
("0", "name", {"prefix": "pre/fix"})
END
is "long names: all unpack" "$code $(cat said)" "0 "
is "long names: of a link and its target" \
	"$(readlink "x/name-$(printf 'x%.0s' $(seq 200))")" "target-$(printf 'y%.0s' $(seq 200))"
like "long names: the outer header counts" "$(names)" "from-l-2 from-x name-* pre pre/fix pre/fix/name"
odd <<'END'
("X", [("path", "a-name-of-sun"), ("mtime", "5.25")])
("0", "short", {"data": b"sun"})
END
fine "an X header of Sun's is an x header" "$(stat -c '%n %.2Y %s' x/*)" "x/a-name-of-sun 5.25 3"

# ---- numbers

odd <<'END'
("0", "large", {"uid": 3000000000, "gid": 2500000, "mtime": 2 ** 33 + 5, "magic": b"ustar  \0"})
("0", "past", {"mtime": -100, "magic": b"ustar  \0"})
END
fine "numbers in base-256" "$(cd x && stat -c '%n %u %g %Y' large past | paste -s)" \
	"large 3000000000 2500000 8589934597	past 0 0 -100"
odd <<'END'
("0", "whose", {"uid": 5000000000, "magic": b"ustar  \0"})
("x", [("uid", "4294967295")])
("0", "nobody")
("x", [("uid", "-2")])
("0", "negative")
END
is "owners that this system does not have: exit 1, restored all the same" "$code $(names)" \
	"1 negative nobody whose"
is "owners that this system does not have: each is told" "$(grep -c "owner's number" said)" 3
odd <<'END'
("x", [("mtime", "-0.5")])
("0", "half")
("x", [("mtime", "-0.000000001")])
("0", "nano")
("x", [("mtime", "-86400.25")])
("0", "day")
("x", [("mtime", "1.9999999999")])
("0", "fine")
END
fine "times within and before the last second before 1970" \
	"$(cd x && stat -c '%n %.9Y' half nano day fine | paste -s)" \
	"half -0.500000000	nano -0.000000001	day -86400.250000000	fine 1.999999999"
odd <<'END'
("x", [("mtime", "yesterday")])
("0", "when")
END
is "a time that is none: exit 1, restored all the same" "$code $(names)" "1 when"

# ---- attributes

odd <<'END'
("x", [("SCHILY.xattr.user.a%3Db%25c", "gnu"), ("SCHILY.xattr.user.x%20y", "plain")])
("0", "gnu")
("x", [("SCHILY.xattr.user.x%20y", "one"), ("LIBARCHIVE.xattr.user.x%20y", "b25l")])
("0", "bsd")
("x", [("SCHILY.xattr.user.twice", "1"), ("SCHILY.xattr.user.twice", "2"), ("LIBARCHIVE.xattr.user.%C3%BC", "AAE")])
("0", "more")
END
is "attributes: unpack without a word" "$code $(cat said)" "0 "
is "attributes have their names and values" "$(cd x && "$PYTHON" - <<-'END'
	import os
	for name in ("gnu", "bsd", "more"):
	    print({key: os.getxattr(name, key) for key in sorted(os.listxattr(name))})
END
)" "{'user.a=b%c': b'gnu', 'user.x%20y': b'plain'}
{'user.x y': b'one'}
{'user.twice': b'2', 'user.ü': b'\\x00\\x01'}"
odd <<'END'
("x", [("LIBARCHIVE.xattr.user.bad", "*"), ("LIBARCHIVE.xattr.user.a%00b", "AAE"), ("SCHILY.xattr.", "x"), ("SCHILY.xattr.user.good", "1")])
("0", "a")
END
is "attributes that are none: exit 1, the rest is there" "$code $(getfattr -d x/a 2>/dev/null | sed -n 2p)" \
	'1 user.good="1"'
odd <<'END'
("x", [("SCHILY.acl.access", "user::rw-,user:1234:r--,group::---,mask::r--,other::---")])
("0", "commas", {"mode": 0o640})
("x", [("SCHILY.acl.access", "user::rw-\nuser:4000000000:rwx:4000000000\ngroup::r--\nmask::r--\nother::---\n")])
("0", "lines", {"mode": 0o640})
("A", b"1000005\0user::rw-,user:1234:r-x:1234,group::r--,mask:r--,other:---\0")
("0", "solaris", {"mode": 0o640})
END
is "ACLs: unpack without a word" "$code $(cat said)" "0 "
is "ACLs of others are set" "$(cd x && getfacl -cnE commas lines solaris | paste -s -d ' ')" \
	"user::rw- user:1234:r-- group::--- mask::r-- other::---  user::rw- user:4000000000:rwx group::r-- mask::r-- other::---  user::rw- user:1234:r-x group::r-- mask::r-- other::--- "

# ---- members that are not whole, headers that contradict

odd <<'END'
("M", "rest", {"data": b"the end of it", "magic": b"ustar  \0"})
("0", "good")
END
is "the rest of a file from another volume: exit 1, not restored" "$code $(names)" "1 good"
odd <<'END'
("x", [("path", "first")])
("x", [("path", "second")])
("0", "own", {"data": b"x"})
("0", "good")
END
is "two x headers: what follows is restored" "$([ -e x/good ] && echo yes)" yes
for count in 20 40; do
	odd < <(
		for _ in $(seq "$count"); do
			echo '("g", [("comment", "again")])'
		done
		echo '("0", "member", {"data": b"x"})'
	)
	case $count in
	20) is "many global headers in a row" "$code $(names)" "0 member" ;;
	*) is "too many global headers in a row: exit 1 or 2 and a word" "$((code > 0)) $((0 < $(wc -l <said)))" "1 1" ;;
	esac
done
odd <<'END'
("", "", {"raw": (156, b"3"), "mode": 0})
("0", "one", {"data": b"1"})
("3", "", {"mode": 0})
("0", "two", {"data": b"2"})
END
like "devices 0:0 without a name are passed over in silence" "$code $(cat said) $(names)" "0  one two"

# ---- ends

odd <<'END'
("0", "one", {"data": b"1"})
("raw", bytes(512))
("0", "two", {"data": b"2"})
END
is "one block of zeros ends it: exit 0, and a word" "$code $(names) $(wc -l <said)" "0 one 1"
exits 0 "one block of zeros with -i: reads on" "$TARX" -t -i -f a.tar
is "one block of zeros with -i: names both" "$(paste -s <<<"$out")" "one	two"
odd <<'END'
("0", "one", {"data": b"1"})
("end", b"")
END
is "no end mark: exit 0, and a word" "$code $(names) $(wc -l <said)" "0 one 1"

# One behind the other, compressed or not, out of a file and a pipe.
mkdir s
for name in one two three; do
	head -c 100000 /dev/urandom >s/$name
	must tar -c --format=posix -f $name.tar -C s $name
done
cat one.tar two.tar three.tar >all.tar
all="one	two	three"
for tool in cat gzip bzip2 xz zstd lz4 "bsdtar --lzip" "bsdtar --lzma" "bsdtar -Z"; do
	for name in one two three; do
		case $tool in
		bsdtar*) must ${tool% *} -c "${tool#* }" -f $name.tar.z "@$name.tar" ;;
		*) $tool -c <$name.tar >$name.tar.z 2>/dev/null || cat $name.tar >$name.tar.z ;;
		esac
	done
	rm -rf x
	mkdir x
	exits 0 "$tool: unpacks" "$TARX" -x -f one.tar.z -C x
	ok "$tool: the bytes" cmp s/one x/one
	# shellcheck disable=SC2002
	is "$tool: out of a pipe" "$(cat one.tar.z | "$TARX" -t)" one
	# The two that end nowhere cannot be put one behind the other.
	case $tool in *lzma | *-Z) continue ;; esac
	cat one.tar.z two.tar.z three.tar.z >all.z
	is "$tool, one behind the other: the first without -i" "$("$TARX" -tf all.z)" one
	is "$tool, one behind the other: all with -i" "$("$TARX" -tif all.z | paste -s)" "$all"
	# shellcheck disable=SC2002
	is "$tool, one behind the other, from a pipe: all with --ignore-zeros" \
		"$(cat all.z | "$TARX" -t --ignore-zeros | paste -s)" "$all"
done

# What is wrong behind the end of a compressed archive.
gzip -c <all.tar >good.gz
length=$(stat -c %s good.gz)
head -c $((length - 3)) good.gz >cut.gz
cp good.gz sum.gz
printf 'XX' | dd of=sum.gz bs=1 seek=$((length - 8)) conv=notrunc status=none
{
	cat good.gz
	echo more
} >more.gz
for what in cut sum; do
	exits 2 "$what, behind the end of a compressed archive: exit 2" "$TARX" -t -f $what.gz
	like "$what, behind the end of a compressed archive: is told" "$err" "*$what.gz: *compressed*"
	is "$what, behind the end of a compressed archive: what was read is listed" "$out" one
done
exits 0 "bytes behind compressed data: exit 0" "$TARX" -t -f more.gz
like "bytes behind compressed data: are told" "$err" "*more.gz*not looked at*"

# The writer of a pipe may write to its end.
{
	cat one.tar
	head -c 3000000 /dev/zero
	echo "$?" >written
} | "$TARX" -t >/dev/null
is "a pipe is read to its end" "$(cat written)" 0

# ---- libarchive's own padding

# 512 for the x header, 3072 of records, 512 for the file's own header.
odd <<'END'
("x", b"3050 LIBARCHIVE.pad=" + b"\0" * 3029 + b"\n")
("0", "one", {"data": open("s/one", "rb").read()})
END
is "libarchive's padding: without a word" "$code $(cat said)" "0 "
ok "libarchive's padding: the bytes" cmp s/one x/one
fs_sync "$FS"
rm -rf x
mkdir x
exits 0 "libarchive's padding: unpacks with --reflink=always" "$TARX" -x --reflink=always -f a.tar -C x
fs_sync "$FS"
is "libarchive's padding: is shared" "$("$SHARED" x/one | cut -d ' ' -f 1)" 98304

finish
