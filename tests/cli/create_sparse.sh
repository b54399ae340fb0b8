#!/bin/bash
# With -S the holes of files stay out of the archive, in a format that others read, and the data between
# them is shared all the same.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

unpacked_by() # READER ARCHIVE DIR
{
	case $1 in
	tar) tar --warning=no-timestamp -xpf "$2" -C "$3" ;;
	bsdtar) LC_ALL=C.UTF-8 bsdtar -xpf "$2" -C "$3" ;;
	tarfile) "$PYTHON" -m tarfile -e "$2" "$3" ;;
	tarx) "$TARX" -xf "$2" -C "$3" ;;
	esac
}

# XFS gives a file that grows more room than it asks for.
are_holes() # TREE TREE: the second takes not much more space
{
	[ "$(du -sk "$2" | cut -f 1)" -le $(($(du -sk "$1" | cut -f 1) * 3 / 2 + 4096)) ]
}

# Large, mostly holes, with names that make readers think.
make_tree() # DIR
{
	types "$1" sparse
	must "$PYTHON" -B - "$1" <<-'END'
		import os, sys
		os.chdir(sys.argv[1])
		names = ["plain", "x" * 255, "new\nline", "n\u00e4me", "d" * 120 + "/" + "f" * 120, "a=b %41%"]
		for number, name in enumerate(names):
		    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
		    with open(name, "wb") as file:
		        for piece in range(40):
		            file.seek(piece << 17)
		            file.write(b"%d:%d " % (number, piece) * (number * 300 + 1))
		        file.truncate((40 << 17) + number)
		with open("dense", "wb") as file:
		    file.write(os.urandom(300001))
	END
	must find "$1" -exec touch -h -d '2023-04-05 06:07:08' {} +
}

# ---- on every file system, read by everyone

for kind in btrfs xfs xfs64k ext4 tmpfs; do
	fs_make "$kind" 1G
	cd "$FS" || bail "no $FS"
	make_tree src
	fs_sync .
	exits 0 "$kind: -S archives" "$TARX" -cS --stats=stats -f a.tar -C src .
	is "$kind: without a word" "$out$err" ""
	ok "$kind: the archive is not longer than the data" \
		test "$(stat -c %s a.tar)" -lt $(($(du -sk src | cut -f 1) * 1024 + 10240 + 100 * 70000))
	is "$kind: payload is what the files have" "$(field stats bytes payload)" \
		"$(($(find src -type f -printf '%s\n' | paste -sd+)))"
	# What they read does not depend on the file system but for its blocks.
	case $kind in btrfs | xfs) readers='tar bsdtar tarfile tarx' ;; *) readers='tar tarx' ;; esac
	for reader in $readers; do
		rm -rf x
		mkdir x
		unpacked_by "$reader" a.tar x >said 2>&1
		is "$kind: $reader unpacks it: exit 0" "$?" 0
		is "$kind: $reader unpacks it without a word" "$(cat said)" ""
		ok "$kind: nothing differs after $reader" compare --no-dir-mtime src x
		ok "$kind: holes stay holes after $reader" are_holes src x
	done
	must "$TARX" -cS -f again.tar -C src .
	ok "$kind: twice gives the same bytes" cmp a.tar again.tar
	rm -rf x
	mkdir x
	"$TARX" -cS -C src . | tar -xf - -C x
	is "$kind: through a pipe into GNU tar: exit 0" "${PIPESTATUS[*]}" "0 0"
	ok "$kind: nothing differs after it" compare --no-dir-mtime src x
	case $kind in btrfs | xfs | xfs64k)
		block=$(block_of .)
		exits 0 "$kind: -S shares every whole block" \
			"$TARX" -cS --align-min=4K --reflink=always --stats=stats -f b.tar -C src .
		ok "$kind: only the files' ends are copied" test "$(field stats bytes copied)" -lt \
			$((block * $(find src -type f | wc -l)))
		ok "$kind: data begins on a block in every file" archive aligned b.tar "$block" "$block"
		ok "$kind: the padding keeps to the rules" archive rules b.tar "$block"
		;;
	esac
	cd / || exit
	fs_umount "$FS"
done

# ---- a terabyte with three blocks, both ways, with and without -S

for kind in btrfs xfs ext4; do
	fs_make "$kind" 1G
	cd "$FS" || bail "no $FS"
	mkdir tera x y
	must truncate -s 1T tera/file
	for at in 0 500000000000 1099511627770; do
		must dd if=<(echo data) of=tera/file bs=1 seek="$at" conv=notrunc status=none
	done
	fs_sync .
	for how in -S ''; do
		rm -rf x
		mkdir x
		exits 0 "$kind: 1 TB${how:+ with $how} is archived in no time" \
			timeout 20 "$TARX" -c $how -f a.tar -C tera .
		exits 0 "$kind: 1 TB${how:+ with $how} is unpacked in no time" \
			timeout 20 "$TARX" -xf a.tar -C x
		ok "$kind: 1 TB${how:+ with $how} comes back" compare --holes tera x
		ok "$kind: 1 TB${how:+ with $how} takes no space in the archive" \
			test "$(du -k a.tar | cut -f 1)" -lt 1024
	done
	exits 0 "$kind: 1 TB with -S goes through a pipe" \
		timeout 20 "$BASH" -c "'$TARX' -cS -C tera . | tar -xpf - -C y"
	ok "$kind: 1 TB through a pipe comes back" compare --holes --no-dir-mtime tera y
	cd / || exit
	fs_umount "$FS"
done

# ---- many pieces, and many bytes

fs_make xfs 2G
cd "$FS" || bail "no $FS"
# The same few blocks everywhere, so that it takes no space.
"$PYTHON" -B - <<'END'
import fcntl, os, struct
FICLONERANGE = 0x4020940d
os.makedirs("many")
os.makedirs("much")
with open("blocks", "wb") as file:
    for number in range(64):
        file.write(b"block %2d" % number * 512)
    file.write(b"much" * (1 << 24))
    os.fsync(file.fileno())
def clone(fd, source, start, length, to):
    fcntl.ioctl(fd, FICLONERANGE, struct.pack("qQQQ", source, start, length, to))
with open("blocks", "rb") as blocks, open("many/file", "wb") as file:
    for number in range(50000):
        clone(file.fileno(), blocks.fileno(), number % 64 * 4096, 4096, number * 8192 + 4096)
with open("blocks", "rb") as blocks, open("much/file", "wb") as file:
    for number in range(140):
        clone(file.fileno(), blocks.fileno(), 64 * 4096, 1 << 26, (number << 26) + (number + 1) * 65536)
    os.ftruncate(file.fileno(), 10 << 30)
END
[ -s much/file ] || bail "no files of clones"
must touch much/z-last
fs_sync .
must "$TARX" -cS --stats=few -f few.tar blocks
exits 0 "50000 pieces are archived" "$TARX" -cS --stats=stats -f many.tar -C many .
ok "50000 pieces take little memory" test \
	$(($(field stats max_rss_bytes) - $(field few max_rss_bytes))) -lt 8000000
for reader in tar bsdtar tarx; do
	rm -rf x
	mkdir x
	ok "50000 pieces: $reader unpacks them" unpacked_by "$reader" many.tar x
	ok "50000 pieces: nothing differs after $reader" compare --no-dir-mtime many x
done
exits 0 "over 8 GiB of data are archived" "$TARX" -cS --reflink=always -f much.tar -C much .
ok "over 8 GiB: they are stored" test "$(stat -c %s much.tar)" -gt $((140 << 26))
for reader in tar bsdtar; do
	like "over 8 GiB: $reader sees the file's size, and the file behind it" \
		"$("$reader" -tvf much.tar)" "* $((10 << 30)) *./file"$'\n'"*./z-last"
done
rm -rf x
mkdir x
exits 0 "over 8 GiB are unpacked" "$TARX" -xf much.tar --reflink=always -C x
is "over 8 GiB: the last bytes are where they were" \
	"$(tail -c +$(((139 << 26) + 140 * 65536 + 1)) x/file | head -c 16777216 | md5sum)" \
	"$(head -c 16777216 < <(tail -c +$((64 * 4096 + 1)) blocks) | md5sum)"
rm -rf x many much ./*.tar

# ---- what -S leaves as it is, and its relatives

must sizes dense/sizes 4096
fs_sync .
must "$TARX" -c -f plain.tar -C dense .
must "$TARX" -cS -f sparse.tar -C dense .
ok "files without holes are stored as ever" cmp plain.tar sparse.tar

mkdir zeros
head -c 1048576 /dev/zero >zeros/file
echo end >>zeros/file
fs_sync .
must "$TARX" -cS -f seek.tar -C zeros .
exits 0 "--hole-detection=raw archives" "$TARX" -c --hole-detection=raw -f raw.tar -C zeros .
ok "--hole-detection=raw finds zeros" test "$(stat -c %s raw.tar)" -le 20480
ok "--hole-detection=seek, the default, does not" test "$(stat -c %s seek.tar)" -gt 1048576
for reader in tar bsdtar tarfile tarx; do
	rm -rf x
	mkdir x
	ok "--hole-detection=raw: $reader unpacks it" unpacked_by "$reader" raw.tar x
	ok "--hole-detection=raw: nothing differs after $reader" compare --no-dir-mtime --seconds zeros x
done
must "$TARX" -c --sparse-version=1.0 -f version.tar -C zeros .
ok "--sparse-version=1.0 is -S" cmp seek.tar version.tar
exits 2 "--sparse-version=0.1 is refused" "$TARX" -c --sparse-version=0.1 -f no.tar -C zeros .
like "--sparse-version=0.1: says why" "$err" '*0.1: only 1.0 is written*'

# One that knows no holes makes a file of another name, and says nothing: see tarx(1).
rm -rf x
mkdir x
must busybox tar -xf raw.tar -C x
is "busybox puts map and data where they do no harm" "$(cd x && find . -type f)" ./GNUSparseFile.0/file

# ---- a file that shrinks meanwhile, on its way through a pipe that waits

truncate -s 64M shrinks
for at in 0 20 40 60; do
	must dd if=/dev/urandom of=shrinks bs=1M count=2 seek="$at" conv=notrunc status=none
done
cp --sparse=always shrinks before
mkfifo pipe
"$TARX" -cS shrinks >pipe 2>said &
exec 3<pipe
head -c 1000000 <&3 >a.tar
truncate -s 30M shrinks
cat <&3 >>a.tar
exec 3<&-
wait $!
is "shrinks while it is read: exit 1" "$?" 1
like "shrinks while it is read: says so" "$(cat said)" '*shrinks: the file shrank while it was read*'
is "shrinks while it is read: the archive is whole" "$(tar -tvf a.tar | awk '{ print $3 }')" $((64 << 20))
must truncate -s 30M before
rm -rf x
mkdir x
must tar -xf a.tar -C x
ok "shrinks while it is read: what was there is there" cmp -n $((30 << 20)) before x/shrinks

finish
