#!/bin/bash
# Archives that others made are unpacked as their makers meant them: any format, any alignment or
# none, compressed or not.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 1G
fs=$FS
cd "$fs" || bail "no $fs"

must sizes src/sizes 4096
types src links
types long names bytes
types sparse sparse
types all basic links xattrs acls names
types deep deep
types past past
fs_sync "$fs"

unpacks() # WHAT ARCHIVE TREE [COMPARE-OPTION...]
{
	local what=$1 archive=$2 tree=$3
	shift 3
	rm -rf x
	mkdir x
	exits 0 "$what: unpacks" "$TARX" -xf "$archive" -C x
	is "$what: without a word" "$out$err" ""
	ok "$what: nothing differs" compare "$@" "$tree" x
	rm -rf x
	mkdir x
	# The stream is a pipe on purpose.
	# shellcheck disable=SC2002
	cat "$archive" | "$TARX" -x -C x
	is "$what: unpacks from a pipe" "$?" 0
	ok "$what: nothing differs out of a pipe" compare "$@" "$tree" x
}

for format in v7 oldgnu gnu ustar pax; do
	must tar -c --format="$format" -f a.tar -C src .
	seconds=(--seconds)
	[ "$format" = pax ] && seconds=()
	unpacks "GNU tar, $format" a.tar src "${seconds[@]}"
done
for format in gnu pax; do
	must tar -c --format="$format" -f a.tar -C long .
	unpacks "GNU tar, $format, odd names" a.tar long --seconds
	must tar -c --format="$format" -f a.tar -C deep .
	unpacks "GNU tar, $format, paths over PATH_MAX" a.tar deep --seconds --no-xattrs
done
must tar -c --format=pax -f a.tar -C past .
unpacks "GNU tar, pax, times before 1970" a.tar past
must tar -c --format=pax --xattrs --xattrs-include='*' --acls --numeric-owner -f a.tar \
	--exclude=./xattrs -C all .
unpacks "GNU tar, pax, all types" a.tar all --skip=xattrs --no-dir-mtime

for format in ustar pax gnutar; do
	must bsdtar -c --format="$format" -f a.tar -C src .
	seconds=(--seconds)
	[ "$format" = pax ] && seconds=()
	unpacks "bsdtar, $format" a.tar src "${seconds[@]}"
done
# bsdtar encodes some names and times in a way of its own: what it unpacks itself is what it meant.
must env LC_ALL=C.UTF-8 bsdtar -c --format=pax --xattrs --acls -f a.tar -C all .
mkdir meant
must env LC_ALL=C.UTF-8 bsdtar -xpf a.tar -C meant --xattrs --acls --numeric-owner
unpacks "bsdtar, pax, all types" a.tar meant --no-dir-mtime --skip=xattrs
ok "bsdtar, pax, all types: xattrs have their right names" compare all/xattrs x/xattrs

must busybox tar -c -f a.tar -C src .
unpacks "busybox" a.tar src --seconds --no-links

must "$PYTHON" - src a.tar <<-'END'
	import sys, tarfile
	with tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT) as tar:
	    tar.add(sys.argv[1], ".")
END
unpacks "Python, pax" a.tar src --seconds --no-links

# Sparse formats.
for version in 0.0 0.1 1.0; do
	must tar -c -S --format=posix --sparse-version="$version" -f a.tar -C sparse .
	unpacks "sparse $version" a.tar sparse --holes
done
must tar -c -S --format=gnu -f a.tar -C sparse .
unpacks "sparse, old GNU" a.tar sparse --seconds --holes
must tar -c --format=gnu -f a.tar -C sparse .
unpacks "written out dense" a.tar sparse --seconds

# Compressed.
must tar -c --format=posix -f a.tar -C src .
for tool in gzip bzip2 xz zstd; do
	"$tool" -1 -c <a.tar >"a.tar.$tool" || bail "$tool"
	unpacks "$tool" "a.tar.$tool" src
done
exits 0 "our own archive, compressed: archives" "$TARX" -c --align -f ours.tar -C all .
gzip -1 ours.tar
unpacks "our own archive, compressed" ours.tar.gz all

# Concatenated headers of other kinds, and blocking.
must tar -c --format=posix -b 1 -f a.tar -C src .
unpacks "blocking factor 1" a.tar src
must tar -c --format=posix --pax-option=globexthdr.name=glob,comment=hello -f a.tar -C src .
unpacks "a global header" a.tar src
must tar -c --format=gnu -V "a label" -f a.tar -C src .
unpacks "a volume label" a.tar src --seconds

# Aligned by someone else's means: what is aligned is shared.
"$PYTHON" - aligned.tar <<-'END'
	import io, os, sys, tarfile
	with tarfile.open(sys.argv[1], "w", format=tarfile.USTAR_FORMAT) as tar:
	    # Seven empty files, so that the next payload lies on 4096.
	    for number in range(7):
	        tar.addfile(tarfile.TarInfo(f"empty-{number}"))
	    data = os.urandom(1 << 20)
	    info = tarfile.TarInfo("big")
	    info.size = len(data)
	    tar.addfile(info, io.BytesIO(data))
END
fs_sync "$fs"
rm -rf x
mkdir x
exits 0 "aligned by chance: unpacks with --reflink=always" "$TARX" -x --reflink=always -f aligned.tar -C x
fs_sync "$fs"
is "aligned by chance: is shared" "$("$SHARED" x/big)" "1048576 1048576"

# More than the ustar header can say: only the pax record has the size.
"$PYTHON" - large.tar <<-'END'
	import sys, tarfile
	info = tarfile.TarInfo("large")
	info.size = 9 << 30
	head = info.tobuf(tarfile.PAX_FORMAT)
	with open(sys.argv[1], "wb") as out:
	    out.write(head)
	    out.seek(len(head) + info.size - 5)
	    out.write(b"data\n")
	    out.truncate(len(head) + info.size + 10240)
END
rm -rf x
mkdir x
exits 0 "9 GiB by a pax record, nearly all a hole: unpacks" "$TARX" -x -f large.tar -C x
ok "9 GiB by a pax record: takes no space" test "$(du -k x/large | cut -f 1)" -lt 1000
is "9 GiB by a pax record: its end is there" "$(tail -c 5 x/large) $(stat -c %s x/large)" \
	"data 9663676416"

finish
