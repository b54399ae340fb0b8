#!/bin/bash
# Archives that want to harm, unpacked with each option that says where members go or what becomes of
# what is there: nothing outside of the target is created, changed, linked or opened.

# shellcheck disable=SC2016,SC2034,SC2317 # functions are called by name, and look at options and once
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source=../lib/attack.sh
. "$fs_lib/attack.sh"

fs_make btrfs 500M
cd "$FS" || bail "no $FS"

# ---- every option that says how things are placed

once=yes
for option in -U --recursive-unlink --overwrite --overwrite-dir --no-overwrite-dir -k --skip-old-files \
	--keep-newer-files --keep-directory-symlink --one-top-level=top --strip-components=0 \
	'--transform=s,^,./,' '--keep-directory-symlink --overwrite' '--recursive-unlink --one-top-level=top' \
	-P '-P --overwrite' '-P --keep-directory-symlink' '-P --recursive-unlink'; do
	# shellcheck disable=SC2206 # they are words
	options=($option)
	attack "$option: a symbolic link and a member through it" 1 'link/evil' \
		'symlink("link", OUT); add("link/evil")'
	attack "$option: a chain of symbolic links and a member through it" 1 'c/evil' \
		'symlink("a", ".."); symlink("b", "a/outside"); symlink("c", "b"); add("c/evil")'
	attack "$option: a symbolic link, then a file of that name" '[01]' '' \
		'symlink("name", OUT + "/secret"); add("name")'
	attack "$option: a symbolic link, then a directory of that name, then a file in it" '[01]' '' \
		'symlink("name", OUT); directory("name", mtime=1); add("name/evil")'
	attack "$option: a hard link to a symbolic link, then a file through it" '[01]' '' \
		'symlink("link", OUT); hardlink("name", "link"); add("name/evil"); add("name")'
	attack "$option: a directory, replaced by a link, then a file in it" '[01]' '' \
		'directory("name", mtime=1); symlink("name", OUT); add("name/evil")'
	attack "$option: a link that was there, and a file of that name" '[01]' '' 'add("name")' \
		'ln -s ../outside/secret name; mkdir -p top; ln -s ../../outside/secret top/name'
	attack "$option: a FIFO and a device that were there" '[01]' '' 'add("pipe"); add("full")' \
		'mkfifo pipe; mknod full c 1 7'
	case $option in
	-P*) continue ;;
	esac
	attack "$option: a folder that was there as a link to the outside" '[01]' '' \
		'directory("sub", mtime=1); add("sub/evil")' \
		'ln -s ../outside sub; mkdir -p top; ln -s ../../outside top/sub'
	attack "$option: members above and a hard link to above" 1 '../evil' \
		'add("../evil"); directory("../outside", mtime=1); hardlink("name", "../outside/secret")'
	attack "$option: a hard link to an absolute name" 1 'name' 'hardlink("name", OUT + "/secret")'
done

once=
options=(--keep-directory-symlink)
attack "--keep-directory-symlink: a link that leads out is not kept" 1 'sub' \
	'directory("sub", mtime=1); add("sub/evil")' 'ln -s ../outside sub'
attack "--keep-directory-symlink: nor one that is absolute" 1 'sub' 'directory("sub", mtime=1)' \
	'ln -s "$PWD/../outside" sub'
options=(--recursive-unlink)
attack "--recursive-unlink: what links in a tree lead to stays" 0 '' 'add("sub")' \
	'mkdir -p sub/deep; ln -s ../../../outside sub/deep/dir; ln -s ../../outside/secret sub/f'
is "--recursive-unlink: what links in a tree lead to stays: the tree is gone" "$(cat x/sub)" evil
attack "--recursive-unlink: not the target or what is above" '[01]' '' \
	'directory(".", mtime=1); directory("..", mtime=1); add("./good"); directory("./")' 'echo >kept'
ok "--recursive-unlink: not the target: what is in it stays" test -e x/kept
prepare
mkdir -p x/sub/mounted
must mount -t tmpfs -o size=1M tmpfs x/sub/mounted
echo precious >x/sub/mounted/file
hostile 'add("sub")'
exits 1 "--recursive-unlink: a file system mounted below stays: exit" \
	"$TARX" -x --recursive-unlink -f hostile.tar -C x
is "--recursive-unlink: a file system mounted below stays" "$(cat x/sub/mounted/file)" precious
must umount x/sub/mounted

options=(--overwrite)
hostile 'add("name")'
prepare
ln outside/secret x/name
exits 0 "--overwrite writes through hard links, as it says" "$TARX" -x --overwrite -f hostile.tar -C x
is "--overwrite writes through hard links, as it says: the other name" "$(cat outside/secret)" evil
prepare
cp hostile.tar x/name
exits 1 "--overwrite of the archive itself is refused" "$TARX" -x --overwrite -f x/name -C x
ok "--overwrite of the archive itself is refused: it is whole" cmp hostile.tar x/name

for top in top top/deep ./top; do
	options=(--one-top-level="$top")
	attack "--one-top-level=$top: that is there as a link to the outside" '[12]' 'top' \
		'add("evil"); add("top/evil")' 'ln -s ../outside top'
	attack "--one-top-level=$top: members above it" 1 '../evil' 'add("../evil"); add("top/../../evil")'
	attack "--one-top-level=$top: a link to above it" 1 'up/evil' \
		'symlink("up", "../../outside"); add("up/evil"); hardlink("h", "../../outside/secret")'
done
for rule in 's,^,../,' 's,^,../outside/,' 's,^,a/../../,' 's,good,..,' 's,^good,../outside/secret,'; do
	options=("--transform=$rule")
	attack "--transform=$rule: a name that leads up is refused" 1 '..' 'add("good"); hardlink("h", "good")'
done
options=(--transform='s,^,/,')
attack "--transform: a name that becomes absolute" 0 'Removing leading' \
	'add(OUT + "/secret"); directory(OUT, mtime=1)'
options=(--transform='s,^outside,../outside,r')
attack "--transform of members only" 1 '..' 'hardlink("name", "outside/secret"); add("outside/secret")'
options=(--strip-components=1)
attack "--strip-components: what is left leads up" 1 '../evil' \
	'add("a/../evil"); add("../../evil"); add("a/../../evil"); symlink("a/l", OUT); add("b/l/evil")'
attack "--strip-components: a hard link to above" 1 'h' 'hardlink("a/h", "a/../../outside/secret")'
options=(-P)
attack "-P: a symbolic link deep in a path of the outside" 1 'evil' \
	'symlink("l", OUT); directory("d"); symlink("d/m", "../l"); add("d/m/evil"); add("d/../l/evil"); hardlink("h", "d/m/secret"); directory("d/m/dir", mtime=1)'
options=(-O)
attack "-O: nothing is made" 0 '' 'add("../evil"); symlink("l", OUT); add("l/evil"); add(OUT + "/evil")'
is "-O: nothing is made in the target either" "$(ls -A x)" ''

finish
