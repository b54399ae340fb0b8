#!/bin/bash
# Archives that want to harm: nothing outside of the target is created, changed, linked or opened,
# and what was refused is named.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source=../lib/attack.sh
. "$fs_lib/attack.sh"

fs_make btrfs 500M
cd "$FS" || bail "no $FS"


attack "a member above the target" 1 '../evil' 'add("../evil")'
attack "a member above the target by a detour" 1 'sub/../../evil' \
	'directory("sub"); add("sub/../../evil")'
attack "a directory above the target" 1 '../outside' 'directory("../outside", mtime=1)'
attack "an existing file above the target" 1 '../outside/secret' 'add("../outside/secret")'
attack "a member named .." '[01]' '' 'directory("..", mtime=1)'
attack "a detour that leads back into the target" 1 '../x/evil' 'add("../x/evil")'

attack "an absolute name" 0 "Removing leading" 'add(OUT + "/evil"); add(OUT + "/secret")'
ok "an absolute name is restored beneath the target" test -f "x$PWD/outside/evil"
like "an absolute name: said as GNU tar says it" "$(cat "$WORK/said")" \
	"tarx: Removing leading \`/' from member names"
attack "an absolute name after many slashes" 0 "Removing leading" 'add("///" + OUT + "/evil")'

attack "a symbolic link and a member through it" 1 'link/evil' \
	'symlink("link", OUT); add("link/evil")'
attack "a symbolic link and a directory through it" 1 'link/evil-dir' \
	'symlink("link", OUT); directory("link/evil-dir")'
attack "a relative symbolic link and a member through it" 1 'link/evil' \
	'symlink("link", "../outside"); add("link/evil")'
attack "a chain of symbolic links and a member through it" 1 'c/evil' \
	'symlink("a", ".."); symlink("b", "a/outside"); symlink("c", "b"); add("c/evil")'
attack "a symbolic link deep below and a member through it" 1 'd/e/link/evil' \
	'directory("d"); directory("d/e"); symlink("d/e/link", "../../../outside"); add("d/e/link/evil")'
attack "a symbolic link to the root and a member through it" 1 'root' \
	'symlink("root", "/"); add("root" + OUT + "/evil")'
attack "a FIFO through a symbolic link" 1 'link/pipe' \
	'symlink("link", OUT); add("link/pipe", tarfile.FIFOTYPE)'
attack "a device through a symbolic link" 1 'link/null' \
	'symlink("link", OUT); add("link/null", tarfile.CHRTYPE, devmajor=1, devminor=3)'
attack "a symbolic link through a symbolic link" 1 'link/link' \
	'symlink("link", OUT); symlink("link/link", "/etc/passwd")'

attack "a symbolic link, then a file of that name" '[01]' '' \
	'symlink("name", OUT + "/secret"); add("name")'
ok "a symbolic link, then a file of that name: the file replaces it" test -f x/name -a ! -L x/name
attack "a symbolic link, then a directory of that name, then a file in it" '[01]' '' \
	'symlink("name", OUT); directory("name", mtime=1); add("name/evil")'
attack "a symbolic link, then a directory of that name with a mode" '[01]' '' \
	'symlink("name", OUT); add("name", tarfile.DIRTYPE, mode=0o777, uid=1, gid=1, mtime=1)'
attack "a directory, then a symbolic link of that name, then a file in it" '[01]' '' \
	'directory("name"); symlink("name", OUT); add("name/evil")'
attack "a directory whose times are set last, replaced by a link meanwhile" '[01]' '' \
	'directory("name", mtime=1); symlink("name", OUT); add("other")'

attack "a symbolic link that was there, and a file of that name" 0 '' 'add("name")' \
	'ln -s ../outside/secret name'
is "a symbolic link that was there is replaced, not followed" "$(cat x/name; stat -c %F x/name)" \
	"$(printf 'evil\nregular file')"
attack "a folder that was there as a link to the outside" '[01]' '' 'add("sub/evil")' \
	'ln -s ../outside sub'
attack "a folder that was there as a link, and a directory member" '[01]' '' \
	'directory("sub", mtime=1); add("sub/evil")' 'ln -s ../outside sub'
attack "a FIFO that was there, and a file of that name" 0 '' 'add("pipe")' 'mkfifo pipe'
is "a FIFO that was there is replaced, not opened" "$(stat -c %F x/pipe)" "regular file"
attack "a device that was there, and a file of that name" 0 '' 'add("full")' 'mknod full c 1 7'
is "a device that was there is replaced, not written to" "$(stat -c %F x/full)" "regular file"
attack "a device in the archive, then a file of that name" '[01]' '' \
	'add("full", tarfile.CHRTYPE, devmajor=1, devminor=7); add("full")'
attack "a FIFO in the archive, then a file of that name" '[01]' '' \
	'add("pipe", tarfile.FIFOTYPE); add("pipe")'
prepare
ln outside/secret x/name
hostile 'add("name")'
exits 0 "a hard link that was there, and a file of that name: exit code" "$TARX" -x -f hostile.tar -C x
is "a hard link that was there: its other name keeps its bytes" "$(cat outside/secret)" secret

attack "a hard link to above" 1 'name' 'hardlink("name", "../outside/secret")'
not "a hard link to above: is not made" test -e x/name
attack "a hard link to an absolute name" 1 'name' 'hardlink("name", OUT + "/secret")'
not "a hard link to an absolute name: is not made" test -e x/name
attack "a hard link to /etc/passwd" 1 'name' 'hardlink("name", "/etc/passwd")'
attack "a hard link through a symbolic link" 1 'name' \
	'symlink("link", OUT); hardlink("name", "link/secret")'
not "a hard link through a symbolic link: is not made" test -e x/name
attack "a hard link to a symbolic link, then a file through it" '[01]' '' \
	'symlink("link", OUT + "/secret"); hardlink("name", "link"); add("name")'
attack "a hard link to a folder's link, then a file below" '[01]' 'name/evil' \
	'symlink("link", OUT); hardlink("name", "link"); add("name/evil")'
attack "a hard link to what comes later" 1 'name' 'hardlink("name", "later"); add("later")'
attack "a hard link to itself" '[01]' '' 'hardlink("name", "name")'
attack "a hard link to a directory" 1 'name' 'directory("dir"); hardlink("name", "dir")'

attack "an empty name" '[01]' '' 'add("", data=b"evil"); add("good")'
attack "a name of slashes" '[012]' '' 'add("///", data=b"evil"); add("good")'
attack "the target itself as a file" '[01]' '' 'add(".", data=b"evil"); add("good")'
attack "a target that stays a directory" '[01]' '' 'symlink(".", OUT); symlink("./", OUT); add("good")'
attack "names with control characters do not reach the terminal" 1 '' 'add("../\033]0;evil\007")'
not "names with control characters do not reach the terminal: quoted" \
	grep -q $'[\a\033]' "$WORK/said"

# The rest of a hostile archive is restored.
attack "good members among bad ones" 1 '../evil' 'add("first"); add("../evil"); add("last")'
is "good members among bad ones are restored" "$(find x -type f -printf '%P\n' | sort | xargs)" \
	"$(printf 'first last')"

# Named with every run.
attack "several bad members are each named" 1 'evil-two' 'add("../evil-one"); add("../evil-two")'
like "several bad members are each named" "$(cat "$WORK/said")" "*evil-one*"

# Overlay marks that would make a lower layer's file readable, or a folder show another.
for mark in redirect metacopy; do
	for prefix in trusted user; do
		attack "an overlay xattr $prefix.overlay.$mark" '[01]' "overlay.$mark" \
			'add("file", pax_headers={"SCHILY.xattr.'"$prefix.overlay.$mark"'": "/etc/shadow"}); directory("dir", pax_headers={"SCHILY.xattr.'"$prefix.overlay.$mark"'": "/etc"}); add("good")'
		is "an overlay xattr $prefix.overlay.$mark is not written" \
			"$(cd x && getfattr -h -d -m - file dir 2>/dev/null)" ""
	done
done
for mark in origin impure nlink upper uuid protattr; do
	attack "an overlay xattr trusted.overlay.$mark" '[01]' '' \
		'add("file", pax_headers={"SCHILY.xattr.trusted.overlay.'"$mark"'": "y"}); add("good")'
	is "an overlay xattr trusted.overlay.$mark is not written" \
		"$(cd x && getfattr -h -d -m - file 2>/dev/null)" ""
done
attack "an overlay xattr by libarchive's keyword" '[01]' 'overlay.redirect' \
	'add("file", pax_headers={"LIBARCHIVE.xattr.trusted.overlay.redirect": "L2V0Yw"}); add("good")'
is "an overlay xattr by libarchive's keyword is not written" \
	"$(cd x && getfattr -h -d -m - file 2>/dev/null)" ""
attack "an overlay xattr by libarchive's keyword, spelled with percent" '[01]' '' \
	'add("file", pax_headers={"LIBARCHIVE.xattr.trusted.overlay%2eredirect": "L2V0Yw", "LIBARCHIVE.xattr.%74rusted.overlay.metacopy": "L2V0Yw"}); add("good")'
is "an overlay xattr spelled with percent is not written" \
	"$(cd x && getfattr -h -d -m - file 2>/dev/null)" ""

# Sizes that lie.
attack "a size beyond the archive's end" 2 '' 'add("good"); info = tarfile.TarInfo("liar"); info.size = 1 << 40; tar.fileobj.write(info.tobuf()); tar.offset += 512'
is "a size beyond the archive's end takes no space" \
	"$([ "$(du -sk x | cut -f 1)" -lt 100 ] && echo small)" small
attack "a size near the largest number" '[12]' '' 'add("good"); add("liar", pax_headers={"size": "9223372036854775807"})'
attack "a negative size" '[12]' '' 'add("good"); add("liar", pax_headers={"size": "-512"})'
attack "a device number out of range" '[012]' '' \
	'add("dev", tarfile.CHRTYPE, devmajor=0o7777777, devminor=0o7777777)'
for keyword in SCHILY.realsize GNU.sparse.realsize; do
	hostile 'add("short", data=b"A" * 600, pax_headers={"'"$keyword"'": "100000"})
add("next", data=b"B" * 200000)'
	for way in "a file" "a pipe"; do
		prepare
		# shellcheck disable=SC2002
		case $way in
		"a file") timeout 20 "$TARX" -x -f hostile.tar -C x ;;
		*) cat hostile.tar | timeout 20 "$TARX" -x -C x ;;
		esac >said 2>&1
		is "$keyword over what is stored, from $way: no bytes of what follows" \
			"$(tr -d 'A\0' <x/short | wc -c)" 0
		is "$keyword over what is stored, from $way: what follows is whole" \
			"$(wc -c <x/next) $(tr -d B <x/next | wc -c)" "200000 0"
	done
done

# The stored size is the pax record's, and the header's is another.
"$PYTHON" - >sizes.tar <<'END'
import sys

def header(name, size, kind=b"0"):
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % 0
    block[156:157] = kind
    block[257:265] = b"ustar\00000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)

def padded(data):
    return data + bytes(-len(data) % 512)

records = b"12 size=600\n" + b"26 SCHILY.realsize=100000\n"
sys.stdout.buffer.write(
    header(b"x", len(records), b"x") + padded(records) + header(b"short", 100000)
    + padded(b"A" * 600) + header(b"next", 200000) + padded(b"B" * 200000) + bytes(1024))
END
prepare
exits 1 "a stored size in a record, another in the header: is told" "$TARX" -x -f sizes.tar -C x
like "a stored size in a record, another in the header: names it" "$err" "*short: *two sizes*"
ok "a stored size in a record, another in the header: is not restored" test ! -e x/short
is "a stored size in a record, another in the header: what follows is whole" \
	"$(wc -c <x/next) $(tr -d B <x/next | wc -c)" "200000 0"

# A hard link to what could not be restored, over older files of those names.
hostile 'add("short", data=b"A" * 100000)
add("link", tarfile.LNKTYPE, link="short")'
prepare
echo older >x/short
echo precious >x/link
# shellcheck disable=SC2016 # it is the inner shell's
exits 1 "a member that cannot be restored: exit 1" \
	bash -c 'trap "" XFSZ; ulimit -f 10; exec "$0" -x -f hostile.tar -C x' "$TARX"
is "a hard link to it is refused too, and what is there stays" "$(cat x/short x/link)" \
	"$(printf 'older\nprecious')"

# Set-id bits are worth nothing without the owner that was meant.
hostile 'add("program", mode=0o6755, uid=1000, gid=1000)'
prepare
exits 0 "a set-id file with --no-same-owner: unpacks" "$TARX" -x --no-same-owner -f hostile.tar -C x
is "a set-id file with --no-same-owner: has no set-id bits" "$(stat -c '%a %u:%g' x/program)" "755 0:0"
for number in 4294967295 4294967296 -2; do
	hostile 'for key in ("uid", "gid"):
    add(key, mode=0o6755, pax_headers={key: "'"$number"'"})'
	prepare
	exits 1 "owner $number, which is out of range: exit 1" "$TARX" -x -f hostile.tar -C x
	for name in uid gid; do
		like "$name $number: is named" "$err" "*tarx: $name:*owner*"
		is "$name $number: nobody else's, and no set-id bits" \
			"$(stat -c '%a %u:%g' "x/$name")" "755 0:0"
	done
done

# Directories stay open from member to member; a name that leads somewhere else since is looked up again.
hostile 'add("self/sub/one"); symlink("self/self", "other"); add("self/sub/two")'
prepare
mkdir -p x/sub x/other/sub
ln -s . x/self
exits 0 "a link on the way is replaced by way of itself" "$TARX" -x -f hostile.tar -C x
ok "a link on the way is replaced: what came before lies where it led" test -f x/sub/one
ok "a link on the way is replaced: what follows lies where it leads now" test -f x/other/sub/two
hostile 'directory("d"); directory("d/" + "/".join("x" * 40)); add("d/" + "/".join("x" * 40) + "/f")
add("d/x/x/g"); add("h")'
prepare
exits 0 "more directories in one another than stay open" bash -c 'ulimit -n 64; exec "$0" -x -f hostile.tar -C x' "$TARX"
ok "more directories in one another than stay open: all is where it belongs" \
	test -f "x/d/$(printf 'x/%.0s' {1..40})f" -a -f x/d/x/x/g -a -f x/h

# A file that is only half there is for nobody who may not have the whole one, whoever its owner is meant to be.
half_way() # MODE ATTRIBUTES: the mode of a file of joe's, MODE in the end, while half of it is there
{
	"$PYTHON" -B - "$TARX" "$1" "$2" <<-'END'
		import io, os, subprocess, sys, tarfile, time
		raw = io.BytesIO()
		with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
		    info = tarfile.TarInfo("file")
		    info.size, info.mode, info.uid, info.gid = 1 << 20, int(sys.argv[2], 8), 1000, 1000
		    if sys.argv[3]:
		        info.pax_headers = dict([sys.argv[3].split("=")])
		    tar.addfile(info, io.BytesIO(bytes(1 << 20)))
		with subprocess.Popen([sys.argv[1], "-x", "-C", "x"], stdin=subprocess.PIPE) as tarx:
		    tarx.stdin.write(raw.getvalue()[:1 << 19])
		    tarx.stdin.flush()
		    for _ in range(1000):
		        if os.path.exists("x/file") and os.path.getsize("x/file"):
		            break
		        time.sleep(0.01)
		    half = os.stat("x/file").st_mode & 0o7777
		    tarx.stdin.write(raw.getvalue()[1 << 19:])
		print(f"{half:o} {os.stat('x/file').st_mode & 0o7777:o}")
	END
}

for modes in 644=644 755=755 600=600 400=400 640=600 604=600 664=644 666=644 733=711 4755=755 77=0; do
	prepare
	is "half a file that will be ${modes%=*}" "$(half_way "${modes%=*}" "")" "${modes#*=} ${modes%=*}"
done
prepare
is "half a file that will have an attribute: nobody else's" \
	"$(half_way 644 "SCHILY.xattr.user.a=b")" "600 644"
prepare
is "half a file that will have an ACL: nobody else's" \
	"$(half_way 644 "SCHILY.acl.access=user::rw-,user:1001:---,group::r--,mask::r--,other::r--")" "600 644"

finish
