#!/bin/bash
# tarx -d finds every difference, in GNU tar's words, and reads nothing of what lies in the same
# extents; what only looks the same on the disk is read.

# shellcheck disable=SC2317,SC2016 # functions and snippets are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

compares() # PROMISE WANT WORD...: tarx -d ends with 0 where WANT is empty, else 1, and prints WANT
{
	local promise=$1 want=$2 code=1
	shift 2
	[ "$want" ] || code=0
	exits "$code" "$promise: exit" "$TARX" -d "$@"
	is "$promise" "$out$err" "$want"
}

# How many bytes a command asks for by read(2) and the like.
bytes_read() # COMMAND...
{
	bash -c '"$@" >/dev/null; awk "/^rchar/ { print \$2 }" /proc/$$/io' - "$@"
}

poke() # FILE OFFSET: changes a byte, and not the time
{
	local byte='!'
	[ "$(dd if="$1" bs=1 skip="$2" count=1 status=none | tr -d '\0')" != '!' ] || byte='?'
	touch -r "$1" "$WORK/time"
	printf '%s' "$byte" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
	touch -r "$WORK/time" "$1"
}

mib=$((1024 * 1024))

# ---- extents that are shared, on each file system

for kind in btrfs xfs xfs64k ext4; do
	fs_make "$kind" 600M
	cd "$FS" || bail "no $FS"
	mkdir src
	for i in one two three; do
		head -c $((20 * mib + 1000)) /dev/urandom >src/$i
	done
	head -c 700 /dev/urandom >src/small
	truncate -s 3M src/holes
	head -c 200000 /dev/urandom >>src/holes
	fallocate -l 2M src/ahead
	: >src/empty
	fs_sync .
	must "$TARX" -c --align -f a.tar -C src .
	mkdir x
	must "$TARX" -x -f a.tar -C x
	fs_sync .
	compares "$kind: what was restored is the same" '' -f a.tar -C x --stats=stats
	compares "$kind: so is what was stored" '' -f a.tar -C src
	ok "$kind: and from a pipe" bash -c 'cat a.tar | "$0" -d -C x' "$TARX"
	payload=$(field stats bytes payload)
	proved=$(field stats bytes cloned)
	is "$kind: all bytes are accounted for" \
		"$((proved + $(field stats bytes copied) + $(field stats bytes hole)))" "$payload"
	asked=$(bytes_read "$TARX" -d -f a.tar -C x)
	if [ "$kind" = ext4 ]; then
		is "$kind: nothing is proved by extents" "$proved" 0
		ok "$kind: all is read, on both sides" test "$asked" -gt $((120 * mib))
	else
		ok "$kind: whole blocks are proved by their extents" test "$proved" -ge $((60 * mib))
		ok "$kind: shared extents are not read: $asked bytes were" test "$asked" -lt $((8 * mib))
	fi
	for at in 0 4095 $((10 * mib)) $((20 * mib + 999)); do
		cp -a --reflink=auto x/two spare
		poke x/two "$at"
		compares "$kind: another byte at $at is found while it is only in memory" \
			'./two: Contents differ' -f a.tar -C x
		fs_sync .
		compares "$kind: another byte at $at is found on the disk" \
			'./two: Contents differ' -f a.tar -C x
		mv spare x/two
	done
	poke x/holes 1000000
	poke x/ahead 1000000
	poke x/small 699
	compares "$kind: bytes in holes, ahead, and at the end are found" './ahead: Contents differ
./holes: Contents differ
./small: Contents differ' -f a.tar -C x
	cp -a --reflink=auto src/holes whole
	must tar cSf gnu.tar whole
	must tar --format=pax -cSf pax.tar whole
	for archive in gnu pax; do
		compares "$kind: a sparse member of $archive.tar is the same" '' -f $archive.tar
		cp -a --reflink=auto whole spare
		poke whole 1000000
		compares "$kind: a byte in its hole is found" 'whole: Contents differ' -f $archive.tar
		cp -a --reflink=auto spare whole
		poke whole 3200000
		compares "$kind: a byte in its data is found" 'whole: Contents differ' -f $archive.tar
		mv spare whole
	done
	gzip -c a.tar >a.tar.gz
	compares "$kind: and by reading a compressed archive" './ahead: Contents differ
./holes: Contents differ
./small: Contents differ' -f a.tar.gz -C x
	truncate -s -1M a.tar
	exits 2 "$kind: an archive that is cut short is fatal" "$TARX" -d -f a.tar -C src
	eval "$kind=\$FS"
done

# ---- what only looks the same

# Two parts of one compressed extent: FIEMAP tells the same address for both.
# shellcheck disable=SC2154 # set by eval
cd "$btrfs" || bail "no $btrfs"
mkdir packed mixed
must btrfs property set packed compression zstd
"$PYTHON" - packed/file mixed/file <<'END' || bail "cannot clone"
import fcntl, os, struct, sys
FICLONERANGE = 0x4020940d
with open(sys.argv[1], "wb") as f:
    for block in range(32):
        f.write(bytes([65 + block]) * 4096)
    f.flush()
    os.fsync(f.fileno())
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as f:
    for block in range(32):
        fcntl.ioctl(f, FICLONERANGE, struct.pack("qQQQ", source.fileno(), (block or 31) * 4096, 4096,
                                                 block * 4096))
    os.fsync(f.fileno())
END
touch -r packed/file mixed/file
must "$TARX" -c --align=4096 -f packed.tar -C packed file
compares "compressed extents that are the same" '' -f packed.tar -C packed --stats=stats
is "compressed extents are read" "$(field stats bytes cloned)" 0
compares "another part of the same compressed extent" 'file: Contents differ' --no-fflags -f packed.tar -C mixed

# The same addresses on another file system.
for kind in btrfs xfs; do
	trees=()
	for n in 1 2; do
		fs_make "$kind" 300M
		trees+=("$FS")
		mkdir "$FS/src"
		head -c 8388608 /dev/zero | tr '\0' "$n" >"$FS/src/file"
		touch -d 2020-02-02 "$FS/src/file" "$FS/src"
		fs_sync "$FS"
		must "$TARX" -c --align -f "$FS/a.tar" -C "$FS/src" .
		fs_sync "$FS"
	done
	compares "$kind: the same place on another file system is something else" \
		'./file: Contents differ' -f "${trees[0]}/a.tar" -C "${trees[1]}/src"
done

if btrfs subvolume create "$btrfs/volume" >/dev/null 2>&1; then
	cd "$btrfs" || bail "no $btrfs"
	must cp -a --reflink=always src/one volume/
	must "$TARX" -c --align -f volume.tar -C src one
	fs_sync .
	compares "btrfs: in another subvolume" '' -f volume.tar -C volume --stats=stats
	ok "btrfs: in another subvolume extents prove it too" \
		test "$(field stats bytes cloned)" -ge $((20 * mib))
fi

# ---- beside GNU tar

# shellcheck disable=SC2154
cd "$ext4" || bail "no $ext4"
mkdir s
(
	cd s || exit
	mkdir d
	echo a >a
	echo b >d/b
	ln -s a link
	ln a hard
	mkfifo pipe
	mknod null c 1 3
	echo colon >a:b
	touch -d 2001-01-01 a d/b
)
must tar cf g.tar -C s a d link hard pipe null a:b
must tar cf dot.tar --format=pax -C s .
must tar czf z.tar.gz -C s .

beside() # PROMISE CHANGE WORD...: the same lists and messages; GNU tar's 2 may be 1 here
{
	local promise=$1 change=$2 code gnu
	shift 2
	rm -rf t
	cp -a s t
	(cd t && eval "$change") || bail "cannot change: $change"
	tar -d "$@" >gnu.out 2>gnu.err
	gnu=$?
	"$TARX" -d "$@" >tarx.out 2>tarx.err
	code=$?
	is "as GNU tar: $promise" "$((code > 0)) $(cat tarx.out; sed s/^tarx:/tar:/ tarx.err)" \
		"$((gnu > 0)) $(cat gnu.out; grep -v ^tar:.Exiting gnu.err)"
}

beside "nothing differs" : -f g.tar -C t
beside "nothing differs, by name" : -vf g.tar -C t
beside "nothing differs, in full" : -vvf g.tar -C t
cat g.tar dot.tar >both.tar
beside "archives one behind the other" 'touch -d 2002-02-02 a' -if both.tar -C t
beside "nothing differs in a compressed archive" : -f z.tar.gz -C t
beside "modes" 'chmod 600 a; chmod 700 d; chmod 600 pipe; chmod 4755 a:b' -f g.tar -C t
beside "owners" 'chown 3:4 a a:b' -f g.tar -C t
beside "times" 'touch a a:b; touch -d "2001-01-01 00:00:00.5" d/b' -f g.tar -C t
beside "fractions of times" 'touch -d "2001-01-01 00:00:00.5" d/b' -f dot.tar -C t ./d
beside "sizes" 'echo more >>a; : >d/b; touch -d 2001-01-01 a d/b' -f g.tar -C t
beside "contents" 'printf x >a; truncate -s 2 a; touch -d 2001-01-01 a' -f g.tar -C t
beside "contents, by name" 'printf x >a; truncate -s 2 a' -vf g.tar -C t
beside "a name with a colon" 'echo COLON >a:b' -f g.tar -C t a:b
beside "links" 'ln -snf b link; rm hard; cp -p a hard' -f g.tar -C t
beside "devices" 'rm null; mknod null c 1 5' -f g.tar -C t
beside "kinds" 'rm pipe null; touch pipe; mkfifo null; rm -r d; ln -s a d; rm a:b; mkdir a:b' \
	-f g.tar -C t a d pipe null a:b
beside "nothing is there" 'rm -r ./*' -f g.tar -C t a d link hard pipe null
beside "not all is there" 'rm -r d link a' -f dot.tar -C t
beside "named members" 'echo >a; rm d/b' -f g.tar -C t d link
beside "named members, one of which the archive has not" 'echo >a' -f g.tar -C t a nope
beside "patterns" 'echo >a; echo >d/b' -f g.tar -C t --wildcards '*b'
beside "each -C for its names" 'mkdir q; mv d q' -f g.tar -C t a -C q d
beside "other names" 'mv a q; ln -snf q link; echo >q' -f g.tar -C t '--transform=s,a$,q,' a link
beside "names with less" 'mv d/b .; echo >b' -f g.tar -C t --strip-components=1 d/b
beside "through a link on the way" 'mv d e; ln -s e d; echo >e/b' -f g.tar -C t d/b
beside "through an absolute link on the way" 'mv d e; ln -s "$PWD/e" d; echo >e/b' -f g.tar -C t d/b

exits 1 "a link that is a file now: exit" "$TARX" -d -f g.tar -C s --transform=s,link,a,r link
is "a link that is a file now: the kind is said to differ" "$out" "a: File type differs"
exits 2 "-d without the directory of -C is fatal" "$TARX" -d -f g.tar -C nowhere
exits 2 "-d without the archive is fatal" "$TARX" -d -f nowhere.tar

# ---- what GNU tar does not compare

mkdir m
echo f >m/f
ln -s f m/l
mkdir m/d
setfattr -n user.one -v 1 m/f
setfattr -n user.two -v 2 m/f
setfacl -m u:1:r,g:2:rwx m/f
setfacl -d -m u:3:rx m/d
must "$TARX" -c -f m.tar -C m .
must tar --xattrs --acls -cf gm.tar -C m .
for archive in m gm; do
	compares "$archive.tar: attributes and ACLs are the same" '' -f $archive.tar -C m
done
cp -a m n
setfattr -x user.one n/f
setfattr -n user.two -v other n/f
setfacl -m u:1:rw n/f
setfacl -d -m u:3:rwx n/d
chown -h 7:8 n/l
want='./d: Default ACL differs
./f: Extended attribute user.one differs
./f: Extended attribute user.two differs
./f: ACL differs
./l: Uid differs
./l: Gid differs'
for archive in m gm; do
	exits 1 "$archive.tar: other attributes: exit" "$TARX" -d -f $archive.tar -C n
	is "$archive.tar: other attributes, ACLs, and a link's owner are found" "$(sort <<<"$out")" \
		"$(sort <<<"$want")"
done
chown -h 0:0 n/l
compares "without attributes and ACLs nothing differs" '' --no-xattrs --no-acls -f m.tar -C n
compares "--xattrs-exclude takes some out" './f: Extended attribute user.two differs' \
	--no-acls '--xattrs-exclude=*.one' -f m.tar -C n
mkdir top
cp -a s/. top/
compares "--one-top-level is where it looks" '' -f g.tar --one-top-level=top
exits 0 "-d changes nothing" test "$(find s -newer g.tar | wc -l)" -eq 0

finish
