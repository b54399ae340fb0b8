#!/bin/bash
# Removals in every spelling: how they are written, that others understand them, and that reading them
# removes what they name and nothing else.

# shellcheck disable=SC2154 # changes.sh sets $changes
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/changes.sh
. "$fs_lib/changes.sh"

fs_make btrfs 2G
fs=$FS
cd "$fs" || bail "no $fs"
mkdir top bottom empty
must changes_lower top bottom
fs_overlay "$fs/top:$fs/bottom" "$fs/empty"
must cp -a "$FS" lower
must umount "$FS"

# ------------------------------------------------------------------ other readers

command -v umoci >/dev/null && umoci=yes
command -v podman >/dev/null && podman=yes

# The two layers as an image, in the folder "image".
make_image() # LAYER LAYER
{
	rm -rf image
	umoci init --layout image && umoci new --image image:t &&
		umoci raw add-layer --image image:t "$1" &&
		umoci raw add-layer --image image:t "$2" && tar -C image -cf image.tar .
}

by_umoci()
{
	rm -rf rootfs
	umoci raw unpack --image image:t rootfs
}

# Nothing of it is left: its locks would stay in shared memory.
printf '[engine]\nlock_type = "file"\n' >"$WORK/containers.conf"

store() # DRIVER ARGUMENT...
{
	local driver=$1
	shift
	CONTAINERS_CONF=$WORK/containers.conf podman --root "$fs/store-$driver" --runroot "$fs/run-$driver" \
		--tmpdir "$fs/tmp-$driver" --storage-driver "$driver" \
		--cgroup-manager cgroupfs --events-backend none "$@"
}

by_podman() # DRIVER: prints where it is
{
	local id
	id=$(store "$1" pull -q "oci-archive:$fs/image.tar:t") && store "$1" image mount "$id"
}

# Podman's order: what is in the way goes, unless both are directories; the list is removed at the end.
as_podman() # ARCHIVE DIR
{
	"$PYTHON" - "$@" <<-'END'
		import json, os, shutil, stat, sys, tarfile
		archive, target = sys.argv[1:]
		def remove(path):
		    if os.path.isdir(path) and not os.path.islink(path):
		        shutil.rmtree(path)
		    elif os.path.lexists(path):
		        os.unlink(path)
		gone = []
		with tarfile.open(archive) as tar:
		    for member in tar:
		        path = os.path.join(target, member.name)
		        if member.name == "deleted.files":
		            gone = json.load(tar.extractfile(member))
		            continue
		        if os.path.lexists(path) and not (
		                member.isdir() and stat.S_ISDIR(os.lstat(path).st_mode)):
		            remove(path)
		        tar.extract(member, target, numeric_owner=True)
		for name in gone:
		    remove(target + name)
	END
}

must tar -c --format=pax --xattrs --xattrs-include='*' --acls -f lower.tar -C lower .
for change in $changes; do
	mkdir upper
	fs_overlay "$fs/top:$fs/bottom" "$fs/upper" "$(changes_options "$change")"
	merged=$FS
	must "change_$change" "$merged"
	exits 0 "$change: an OCI layer" \
		"$TARX" -c --align --overlay=diff --whiteouts=oci -C "$merged" -f oci.tar .
	if [ "${umoci-}" ]; then
		must make_image lower.tar oci.tar
		ok "$change, umoci: unpacks it" by_umoci
		ok "$change, umoci: to the same tree" compare --no-acls "$merged" rootfs
	else
		skip "$change, umoci: the same tree" "umoci is not installed"
	fi
	for driver in vfs overlay; do
		if [ "${umoci-}${podman-}" = yesyes ]; then
			root=$(by_podman "$driver" 2>&1)
			# Podman gives the top directory a mode and a time of its own.
			ok "$change, podman with $driver: the same tree" \
				compare --no-acls --no-top "$merged" "$root"
			store "$driver" image umount -a >/dev/null
			store "$driver" rmi -a -f >/dev/null
		else
			skip "$change, podman with $driver: the same tree" "podman or umoci is not installed"
		fi
	done

	rm -rf x
	cp -a lower x
	exits 0 "$change: applied to a plain directory" "$TARX" -x --whiteouts=oci -f oci.tar -C x
	is "$change: without a word" "$out$err" ""
	ok "$change: the same tree" compare "$merged" x
	exits 0 "$change: a list for podman" \
		"$TARX" -c --align --overlay=diff --whiteouts=podman -C "$merged" -f podman.tar .
	rm -rf x
	cp -a lower x
	exits 0 "$change, podman's list: applied to a plain directory" \
		"$TARX" -x --whiteouts=podman -f podman.tar -C x
	ok "$change, podman's list: the same tree" compare "$merged" x
	rm -rf x
	cp -a lower x
	ok "$change, podman's list: unpacked as podman does" as_podman podman.tar x
	ok "$change, podman's list: what is new is still there, what is gone is gone" \
		compare --no-xattrs --no-mtime --no-owners --no-links "$merged" x
	must umount "$merged"
	rm -rf upper
done

# ------------------------------------------------------------------ how they are written

members() # ARCHIVE: type, mode, size and name of each
{
	"$PYTHON" - "$1" <<-'END'
		import sys, tarfile
		with tarfile.open(sys.argv[1]) as tar:
		    for m in tar:
		        print(m.type.decode(), f"{m.mode:04o}", m.size, m.name.removeprefix("./"))
	END
}

listed() # ARCHIVE: what is in deleted.files
{
	tar -xOf "$1" deleted.files | "$PYTHON" -c 'import json, sys; print(*json.load(sys.stdin), sep="\n")'
}

mkdir upper
fs_overlay "$fs/top:$fs/bottom" "$fs/upper"
merged=$FS
must change_opaque-again "$merged"
rm "$merged/etc/gone" "$merged/etc/gone-both"
must mkdir "$merged/etc/.wh.d"
echo 1 >"$merged/etc/.wh.d/file"
: >"$merged/etc/.wh.kept"
echo mine >"$merged/deleted.files"
exits 1 "OCI: a file whose name would be a removal makes the exit status 1" \
	"$TARX" -c --overlay=diff --whiteouts=oci -C "$merged" -f a.tar .
like "OCI: and is named" "$err" '*etc/.wh.kept: not stored*'
like "OCI: so is a directory" "$err" '*etc/.wh.d: not stored*'
is "OCI: removals are empty files" "$(members a.tar | grep '/\.wh\.[^.]')" \
	"0 0000 0 etc/.wh.gone
0 0000 0 etc/.wh.gone-both"
is "OCI: the mark of an opaque directory follows the directory" \
	"$(members a.tar | grep -B 1 '\.wh\.\.wh\.\.opq$' | grep -v ^-- | cut -d ' ' -f 1,4 | xargs)" \
	"5 again 0 again/.wh..wh..opq 5 dir 0 dir/.wh..wh..opq 5 from 0 from/.wh..wh..opq"
is "OCI: no mark of overlayfs" "$(archive pax a.tar | grep -c 'overlay\.')" 0
exits 1 "podman: a file with the list's name makes the exit status 1" \
	"$TARX" -c --overlay=diff --whiteouts=podman --stats=stats -C "$merged" -f a.tar .
like "podman: and is named" "$err" '*/deleted.files: not stored*'
is "podman: the list comes last" "$(members a.tar | tail -n 1 | cut -d ' ' -f 4)" deleted.files
is "podman: removals are counted" "$(field stats members whiteout)" "$(listed a.tar | wc -l)"
is "podman: it names what vanished, never a directory that is there" "$(listed a.tar | sort | xargs)" \
	"/again/hidden-bottom /again/same-name /again/sub/deep /again/sub/hidden /dir/low /dir/sub /etc/gone /etc/gone-both /from/big /from/sub/inside"
is "podman: no mark of overlayfs, no device" \
	"$(archive pax a.tar | grep -c 'overlay\.') $(members a.tar | grep -c ^3)" "0 0"
exits 0 "drop: archives" "$TARX" -c --overlay=diff --whiteouts=drop -C "$merged" -f a.tar .
is "drop: no removals at all" \
	"$(archive pax a.tar | grep -c 'overlay\.') $(members a.tar | grep -c '^3\|opq\|gone')" "0 0"
exits 0 "overlay: a file that could be taken for a removal is stored" \
	"$TARX" -c --overlay=diff -C "$merged" -f a.tar .
like "overlay: and it is said how it comes back" "$err" '*--whiteouts=overlay*'
mkdir upper2
exits 0 "overlay: restored, said to be so" \
	"$TARX" -x --overlay=diff --whiteouts=overlay -f a.tar -C upper2
fs_overlay "$fs/top:$fs/bottom" "$fs/upper2"
ok "overlay: such files come back too" compare "$merged" "$FS"
must umount "$FS"
rm -rf upper2
mkdir upper2
exits 1 "restored without: what is no list of removals is refused" \
	"$TARX" -x --overlay=diff -f a.tar -C upper2
like "restored without: and it is said what to do" "$err" '*deleted.files*--whiteouts=overlay*'
rm -rf x
cp -a lower x
rm "$merged/deleted.files"
exits 0 "drop on extraction: archived" "$TARX" -c --overlay=diff -C "$merged" -f a.tar .
rm -r x/from/low
exits 0 "drop on extraction: restored" "$TARX" -x --whiteouts=drop -f a.tar -C x
is "drop on extraction: nothing is removed" "$(find x/etc/gone x/again/hidden-bottom | wc -l)" 2
is "drop on extraction: and nothing is marked" "$(getfattr -R -d -m overlay x 2>/dev/null)" ''
rm -r "$merged/etc/.wh.d" "$merged/etc/.wh.kept"
exits 0 "OCI: --transform and --exclude count for removals: archived" \
	"$TARX" -c --overlay=diff --whiteouts=oci --transform='s,^\./etc,./other,' --exclude=gone-both \
	-C "$merged" -f a.tar .
is "OCI: --transform and --exclude count for removals" "$(members a.tar | grep '/\.wh\.[^.]')" \
	"0 0000 0 other/.wh.gone"
must umount "$merged"
odd=$'\377'
: >"top/$odd"
fs_overlay "$fs/top:$fs/bottom" "$fs/upper"
rm "$FS/$odd"
exits 1 "podman: a removed name that JSON cannot say makes the exit status 1" \
	"$TARX" -c --overlay=diff --whiteouts=podman -C "$FS" -f a.tar .
like "podman: and is named" "$err" '*377: its removal is not stored*'
must umount "$FS"
rm -rf upper upper2 "top/$odd"

# In lower layers removals may also be files with a mark (Linux 6.7); what is removed there is not listed.
mkdir -p xattrs/dir upper
: >xattrs/dir/low
setfattr -n trusted.overlay.whiteout -v y xattrs/dir/low
setfattr -n trusted.overlay.opaque -v x xattrs
setfattr -n trusted.overlay.opaque -v x xattrs/dir
fs_overlay "$fs/xattrs:$fs/top:$fs/bottom" "$fs/upper"
if [ -e "$FS/dir/low" ]; then
	skip "podman: a whiteout by attribute in a lower layer" "the kernel does not know them"
else
	rm -r "$FS/dir"
	mkdir "$FS/dir"
	exits 0 "podman: a whiteout by attribute in a lower layer: archived" \
		"$TARX" -c --overlay=diff --whiteouts=podman -C "$FS" -f a.tar .
	is "podman: a whiteout by attribute in a lower layer: is not listed" "$(listed a.tar)" /dir/sub
fi
must umount "$FS"
rm -rf upper xattrs

exits 2 "--whiteouts without --overlay=diff means nothing with -c" \
	"$TARX" -c --whiteouts=oci -C lower -f a.tar .
exits 2 "an unknown spelling is refused" \
	"$TARX" -c --overlay=diff --whiteouts=docker -C lower -f a.tar .

# ------------------------------------------------------------------ how they are read

make_archive() # ARCHIVE SCRIPT: members by file(), directory(), link(), hard() and device()
{
	"$PYTHON" - "$@" <<-'END'
		import io, sys, tarfile
		tar = tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT)
		def member(name, kind, data=b"", **more):
		    info = tarfile.TarInfo(name)
		    info.type, info.size, info.mode = kind, len(data), 0o755
		    for key, value in more.items():
		        setattr(info, key, value)
		    tar.addfile(info, io.BytesIO(data))
		def file(name, data=b"", **more):
		    member(name, tarfile.REGTYPE, data, **more)
		def directory(name, **more):
		    member(name, tarfile.DIRTYPE, **more)
		def link(name, to):
		    member(name, tarfile.SYMTYPE, linkname=to)
		def hard(name, to):
		    member(name, tarfile.LNKTYPE, linkname=to)
		def device(name, major=0, minor=0):
		    member(name, tarfile.CHRTYPE, devmajor=major, devminor=minor)
		def xattr(name, value):
		    return {"SCHILY.xattr." + name: value}
		exec(sys.argv[2])
		tar.close()
	END
}

# A target with something to lose beside it and in it.
target()
{
	rm -rf room
	mkdir -p room/outside/dir room/x/dir/sub room/x/other
	echo 1 >room/outside/file
	echo 1 >room/outside/dir/file
	echo 1 >room/x/dir/sub/file
	echo 1 >room/x/dir/file
	echo 1 >room/x/other/file
	ln -s "$PWD/room/outside" room/x/abs
	ln -s ../outside room/x/rel
	ln -s dir room/x/within
}

left() # what is there still, but the links
{
	(cd room && find x -mindepth 1 ! -type l | sort | xargs)
}

whole='x/dir x/dir/file x/dir/sub x/dir/sub/file x/other x/other/file'
reads() # PROMISE CODE OPTIONS LEFT SCRIPT: nothing outside is ever touched
{
	target
	make_archive a.tar "$5"
	# shellcheck disable=SC2086
	exits "$2" "$1: exit $2" "$TARX" -x $3 -f a.tar -C room/x
	is "$1: what is left" "$(left)" "$4"
	is "$1: nothing outside is touched" "$(find room/outside | wc -l)" 4
}

reads "oci, a removal" 0 --whiteouts=oci 'x/dir x/dir/sub x/dir/sub/file x/other x/other/file' \
	'file("dir/.wh.file")'
reads "oci, a removal of a tree" 0 --whiteouts=oci 'x/other x/other/file' 'file("./.wh.dir")'
reads "oci, a removal of nothing" 0 --whiteouts=oci "$whole" 'file(".wh.no")'
reads "oci, removed and made again, in either order" 0 --whiteouts=oci \
	'x/dir x/dir/new x/other' \
	'directory("dir"); file("dir/new", b"2"); file(".wh.dir"); file("other/.wh.file"); directory("other")'
reads "oci, opaque behind what is new" 0 --whiteouts=oci \
	'x/dir x/dir/sub x/dir/sub/new x/other x/other/file' \
	'file("dir/sub/new", b"2"); file("dir/.wh..wh..opq")'
reads "oci, the whole target opaque" 0 --whiteouts=oci 'x/a' 'file(".wh..wh..opq"); file("a", b"2")'
reads "oci, a full file of such a name is a file" 0 --whiteouts=oci \
	"x/dir x/dir/.wh.file ${whole#x/dir }" 'file("dir/.wh.file", b"2")'
reads "oci, names that lead up" 1 --whiteouts=oci "$whole" \
	'[file(n) for n in ("dir/.wh...", "dir/.wh..", ".wh...", "dir/.wh.", "../.wh.outside", "x/../../.wh.outside")]'
reads "oci, through links that lead out" 1 --whiteouts=oci "$whole" \
	'[file(n) for n in ("abs/.wh.file", "rel/.wh.file", "rel/.wh..wh..opq", "abs/.wh..wh..opq", "rel/dir/.wh.file")]'
reads "oci, a link of the archive's own" 1 --whiteouts=oci "$whole" \
	'link("new", "../outside"); file("new/.wh.file"); file("new/.wh..wh..opq")'
reads "oci, the link itself" 0 --whiteouts=oci "$whole" 'file(".wh.rel"); file(".wh.abs")'
not "oci, the link itself: is gone" test -L room/x/rel
reads "oci, through a link within" 0 --whiteouts=oci \
	'x/dir x/dir/sub x/dir/sub/file x/other x/other/file' 'file("within/.wh.file")'
reads "unless it is said such a name is a name" 0 '' "x/dir x/dir/.wh.file ${whole#x/dir }" \
	'file("dir/.wh.file")'
reads "unless it is said a device is a device" 0 '' "$whole x/zero" 'device("zero")'
is "unless it is said a device is a device: it is one" "$(stat -c '%F %t %T' room/x/zero)" \
	'character special file 0 0'
reads "podman, a list" 0 --whiteouts=podman 'x/other x/other/file' \
	'file("deleted.files", rb"""[ "/dir", "/no", "/\u0078" ]""")'
reads "podman, a list that leads out" 1 --whiteouts=podman "$whole" \
	'file("deleted.files", b"""["/../outside/file", "/abs/file", "/rel/file", "/", "", "/dir/../../outside"]""")'
reads "podman, a name that was not UTF-8" 1 --whiteouts=podman "$whole" \
	'file("deleted.files", rb"""["/other/fil\ufffd"]""")'
like "podman, a name that was not UTF-8: is warned of" "$err" '*perhaps not removed*'
reads "podman, nothing as Go writes it" 0 --whiteouts=podman "$whole" 'file("deleted.files", b"null")'
reads "podman, what the archive has itself stays" 0 --whiteouts=podman \
	'x/dir x/dir/new x/other x/other/file' \
	'file("dir/new", b"2"); file("deleted.files", b"""["/dir"]""")'
for text in '{}' '["/dir"' '["/dir",]' '["/dir"] x' '["\u0000/dir"]' '["/dir\ud800"]' '[1]' '[/dir]' ' '; do
	reads "podman, no list: $text" 1 --whiteouts=podman "$whole" \
		"file('deleted.files', rb'''$text''')"
done
reads "an archive that is cut off removes nothing" 2 --whiteouts=oci \
	"x/dir x/dir/file x/dir/sub x/dir/sub/file x/other x/other/file" \
	'file(".wh.dir"); file("dir/.wh..wh..opq"); tar.fileobj.write(b"x" * 700); tar.close = tar.fileobj.close'

# In a layer, all spellings side by side; the marks are those that overlayfs knows.
mark() # PATH
{
	getfattr --only-values -n trusted.overlay.opaque "$1" 2>/dev/null
}

target
make_archive a.tar 'directory("a", pax_headers=xattr("trusted.overlay.opaque", "y")); device("b"); file("c/.wh.d")
directory("e"); file("e/.wh..wh..opq"); file("f", pax_headers=xattr("trusted.overlay.whiteout", "y"))
file("deleted.files", b"""["/g/h", "/dir"]""")
member("link", tarfile.LNKTYPE, linkname="./b")'
exits 0 "a layer, all spellings: restored" "$TARX" -x --overlay=diff -f a.tar -C room/x
is "a layer, all spellings: without a word" "$out$err" ""
for path in b c/d f g/h dir link; do
	is "a layer: $path is a whiteout" "$(stat -c '%F %t %T' "room/x/$path")" \
		'character special file 0 0'
done
is "a layer: a is opaque" "$(mark room/x/a)" y
is "a layer: e is opaque" "$(mark room/x/e)" y
not "a layer: the list is no file" test -e room/x/deleted.files

make_archive a.tar 'directory("d", pax_headers=xattr("trusted.overlay.redirect", "/etc"))
file("e", b"x", pax_headers=xattr("trusted.overlay.metacopy", ""))
file("f", b"x", pax_headers=xattr("user.overlay.redirect", "/etc/shadow"))
directory("g", pax_headers=xattr("trusted.overlay.opaque", "yy"))
file("h", b"x", pax_headers=xattr("trusted.overlay.opaque", "y"))'
target
exits 1 "a layer: marks that could show other files are refused" \
	"$TARX" -x --overlay=diff -f a.tar -C room/x
for path in d e f g h; do
	like "a layer: the mark of $path is named" "$err" "*$path*: refused the overlayfs mark *"
done
is "a layer: none of them is written" "$(getfattr -R -d -m overlay room/x 2>/dev/null)" ''

# overlayfs pays no heed to a mark on the root of a layer.
make_archive a.tar 'file(".wh..wh..opq"); file("new", b"2")'
target
exits 1 "a layer that is opaque as a whole: exit 1" "$TARX" -x --overlay=diff -f a.tar -C room/x
like "a layer that is opaque as a whole: it is said what will be seen" "$err" '*what lower layers have*'
rm -rf upper room/x
mkdir upper room/x
echo 1 >room/x/low
fs_overlay "$fs/room/x" "$fs/upper"
exits 0 "a layer that is opaque as a whole: into the mount" "$TARX" -x --overlay=diff -f a.tar -C "$FS"
is "a layer that is opaque as a whole: into the mount: only what is new is seen" "$(ls "$FS")" new

# The marks of an overlay within this one lose their escape on the way through the mount, which adds it again: what
# else is mounted there would take them for its own.
mkdir -p "$FS/mount" "$FS/other"
must mount --bind room/outside "$FS/mount"
touch "$FS/other/file"
must mount --bind room/outside/dir/file "$FS/other/file"
make_archive a.tar 'mark = xattr("trusted.overlay.overlay.redirect", "/etc")
directory("mount", pax_headers=mark); directory("mount/dir", pax_headers=mark)
file("mount/file", b"x", pax_headers=mark); file("other/file", b"x", pax_headers=mark); directory("in", pax_headers=mark)'
exits 1 "escaped marks: not for what is mounted within the overlay: exit 1" \
	"$TARX" -x --overlay=diff --overwrite -f a.tar -C "$FS"
for path in mount mount/dir mount/file other/file; do
	like "escaped marks: that of $path is refused" "$err" "*$path*: refused the overlayfs mark *"
done
is "escaped marks: nothing mounted within has them" "$(getfattr -R -d -m overlay room/outside 2>/dev/null)" ''
is "escaped marks: what is in the overlay has" \
	"$(getfattr --only-values -n trusted.overlay.overlay.redirect "$fs/upper/in" 2>/dev/null)" /etc
must umount "$FS/mount"
must umount "$FS/other/file"
must umount "$FS"
rm -rf upper

# What came twice: the later one counts, as always in a tar.
make_archive a.tar 'directory("d"); file("d/old", b"1"); file("e", b"1"); device("d"); device("e")
directory("d"); file("d/new", b"1")'
rm -rf x
mkdir x
exits 0 "a device 0:0 behind a member removes that: restored" "$TARX" -x --overlay=diff -f a.tar -C x
is "a device 0:0 behind a member removes that: the tree" \
	"$(find x -mindepth 1 -printf '%P:%y\n' | sort | xargs)" "d/new:f d:d e:c"
is "a device 0:0 behind a member removes that: made again it is opaque" "$(mark x/d)" y

# Of a name that was removed nothing counts any more, so that an opaque directory does not come again by it.
make_archive a.tar 'file("d"); device("d"); file("d/new"); directory("d", pax_headers=xattr("trusted.overlay.opaque", "y"))'
rm -rf x
mkdir x
exits 0 "opaque behind what is new, in place of what was removed: restored" "$TARX" -x --overlay=diff -f a.tar -C x
is "opaque behind what is new, in place of what was removed: the tree" \
	"$(find x -mindepth 1 -printf '%P:%y\n' | sort | xargs)" "d/new:f d:d"

make_archive a.tar 'file("d/w", b"1"); device("d/w"); hard("d/v", "d/w")'
rm -rf x
mkdir x
exits 0 "a link to a whiteout that removed a file: restored" "$TARX" -x --overlay=diff -f a.tar -C x
is "a link to a whiteout that removed a file: is one, too" \
	"$(find x -mindepth 1 -printf '%P:%y\n' | sort | xargs)" "d/v:c d/w:c d:d"

# What is gone with what it was in, or is hidden by what took the place of that.
make_archive a.tar 'directory("d"); directory("d/sub"); device("d/sub"); device("d"); device("e/sub"); file("e", b"1")'
rm -rf x
mkdir x
exits 0 "removed below what is removed, or replaced: restored" "$TARX" -x --overlay=diff -f a.tar -C x
is "removed below what is removed, or replaced: the tree" \
	"$(find x -mindepth 1 -printf '%P:%y\n' | sort | xargs)" "d:c e:f"

# Ext4 gives the number of a removed inode to the next one, which here has no attributes in the archive.
cd "$WORK" || bail "no $WORK"
fs_make ext4 64M
cd "$FS" || bail "no $FS"
make_archive a.tar 'opaque = dict(pax_headers=xattr("trusted.overlay.opaque", "y"))
for n in range(20):
    directory(f"o{n}"); directory(f"o{n}/sub", mode=0o700); file(f"o{n}/sub/old")
    directory(f"o{n}", **opaque); file(f"o{n}/sub/new")
    directory(f"d{n}"); directory(f"d{n}/sub", mode=0o700); device(f"d{n}"); file(f"d{n}/sub/new")'
mkdir x
exits 0 "a number used again: restored" "$TARX" -x --overlay=diff -f a.tar -C x
is "a number used again: what was removed is gone" "$(find x -name old)" ''
is "a number used again: a directory that is not in the archive has nothing of an older one" \
	"$(find x -name sub -printf '%m\n' | sort | uniq -c | xargs)" "40 755"

# On an overlay files have no handles either.
mkdir lower upper
fs_overlay "$PWD/lower" "$PWD/upper"
make_archive a.tar 'flag = dict(pax_headers={"SCHILY.fflags": "immutable"})
for n in range(20):
    file(f"d{n}/f", **flag); device(f"d{n}"); file(f"d{n}/f"); file(f"f{n}", **flag); device(f"f{n}"); file(f"f{n}")
    directory(f"o{n}"); file(f"o{n}/f", **flag)
    directory(f"o{n}", pax_headers=xattr("trusted.overlay.opaque", "y")); file(f"o{n}/f")
file("last", **flag)'
exits 0 "a number used again, on an overlay: restored" "$TARX" -x --overlay=diff -f a.tar -C "$FS"
is "a number used again, on an overlay: no flag of an older file" \
	"$(lsattr -R "$FS" 2>/dev/null | awk 'NF == 2 && $1 ~ /i/ { print $2 }')" "$FS/last"
chattr -i "$FS/last"

finish
