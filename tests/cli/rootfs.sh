#!/bin/bash
# All of a root file system comes back: this machine's own programs and settings, and beside them a tree
# with everything that an inode can have. What others than root cannot keep is said once.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

MOST_FILES=700 # of each top
MOST_BYTES=12000000

# Names of this machine, NUL after each, as many as keep the test short.
machine_list()
{
	"$PYTHON" -B - "$MOST_FILES" "$MOST_BYTES" <<-'END'
		import os, sys
		def below(top):
		    device = os.lstat(top).st_dev
		    for path, directories, names in os.walk(top):
		        directories[:] = [name for name in sorted(directories)
		                          if os.lstat(os.path.join(path, name)).st_dev == device]
		        yield path
		        for name in sorted(names):
		            yield os.path.join(path, name)
		os.chdir("/")
		for top in ("etc", "var/lib", "usr/bin", "usr/lib", "usr/share"):
		    files, room = int(sys.argv[1]), int(sys.argv[2])
		    for name in below(top):
		        if os.path.isfile(name) and not os.path.islink(name):
		            room -= os.lstat(name).st_size
		        files -= 1
		        if files < 0:
		            break
		        if room > 0 or os.path.islink(name) or not os.path.isfile(name):
		            sys.stdout.write(name + "\0")
	END
}

copy_machine() # DIR
{
	must mkdir "$1"
	machine_list |
		tar -C / -cf - --null --no-recursion --xattrs --xattrs-include='*' --acls -T - 2>/dev/null |
		tar -C "$1" -xpf - --xattrs --xattrs-include='*' --acls
	[ "${PIPESTATUS[0]}${PIPESTATUS[2]}" = 00 ] || bail "no copy of this machine"
}

# Quota projects count where the kernel has quotas; their numbers are kept in any case.
with_projects() # DIR
{
	must umount "$1"
	mount -o loop,prjquota "$1.img" "$1" 2>/dev/null || must mount -o loop "$1.img" "$1"
}

as_nobody() # COMMAND...
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# Read-only subvolumes and immutable files, so that they can be removed.
release() # DIR
{
	local name
	for name in "$1"/kinds/subvolumes/{read-only,read-only/locked,snapshot}; do
		[ ! -e "$name" ] || btrfs -q property set -ts "$name" ro false
	done 2>/dev/null
	[ ! -e "$1" ] || chattr -R -f -i -a "$1" 2>/dev/null
}

fresh() # DIR
{
	release "$1"
	rm -rf "$1"
	must mkdir "$1"
}

gnu_tar()
{
	tar --warning=no-timestamp --xattrs --xattrs-include='*' --acls "$@"
}

# What the reader's own archive may lose is not asked here: that is its own affair.
others_unpack() # KIND
{
	fresh "$fs/x"
	exits 0 "$1: GNU tar unpacks it" gnu_tar -xf "$fs/a.tar" -C "$fs/x"
	is "$1: GNU tar unpacks it without a word" "$out$err" ""
	ok "$1: GNU tar finds all but flags" compare --no-flags "$fs/src" "$fs/x"
	fresh "$fs/x"
	exits 0 "$1: bsdtar unpacks it" env LC_ALL=C.UTF-8 bsdtar -xpf "$fs/a.tar" -C "$fs/x"
	is "$1: bsdtar unpacks it without a word" "$out$err" ""
	ok "$1: bsdtar finds all but flags" compare --no-flags --no-xattrs --no-dir-mtime "$fs/src" "$fs/x"
}

told() # CODE: how a program ended, and whether that was a failure
{
	[ "$1" -eq 0 ] && echo "nothing failed" || echo "something failed"
}

unreadable() # MESSAGES: the names
{
	sed -nE 's/^[a-z]+: (.*): (open|Cannot open): Permission denied$/\1/p' "$1" | sort
}

# The same fails for GNU tar, and nothing else does.
others_than_root() # KIND
{
	local code gnu
	fresh "$fs/x"
	fresh "$fs/y"
	chown 65534:65534 "$fs/x" "$fs/y"

	# What belongs to others is not all readable: an error in both.
	as_nobody "$TARX" -c --subvolumes -f "$fs/x/mine.tar" -C "$fs/src" machine/etc kinds 2>"$WORK/mine"
	code=$?
	as_nobody tar -c --xattrs --acls -f "$fs/y/gnu.tar" -C "$fs/src" machine/etc kinds 2>"$WORK/gnu"
	gnu=$?
	is "$1, not root: unreadable files: archives with a failure, as GNU tar" \
		"$(told $code)" "$(told $gnu)"
	is "$1, not root: unreadable files: exit 1" "$code" 1
	unreadable "$WORK/mine" >"$WORK/mine.names"
	unreadable "$WORK/gnu" >"$WORK/gnu.names"
	ok "$1, not root: unreadable files: the same ones as GNU tar" \
		diff "$WORK/mine.names" "$WORK/gnu.names"
	ok "$1, not root: unreadable files: there are some" test -s "$WORK/mine.names"
	ok "$1, not root: unreadable files: all that is said is about them" \
		test "$(wc -l <"$WORK/mine")" = "$(wc -l <"$WORK/mine.names")"

	# Owners, trusted attributes, capabilities, flags: what is not to be had is no failure.
	rm -rf "$fs"/[xy]/*
	must "$TARX" -c -f "$fs/b.tar" -C "$fs/src" machine/etc machine/var kinds/links kinds/xattrs kinds/acls \
		kinds/names kinds/sparse kinds/flags
	exits 0 "$1, not root: unpacks what root stored" \
		as_nobody "$TARX" -x --stats="$fs/x/stats" -f "$fs/b.tar" -C "$fs/x"
	is "$1, not root: what cannot be kept is said once" "$(wc -l <<<"$err")" 1
	like "$1, not root: and why" "$err" "tarx: *and so for others: this needs to be root*"
	ok "$1, not root: and counted" test "$(field "$fs/x/stats" left_out)" -ge 10
	exits 0 "$1, not root: as for GNU tar that is no failure" \
		as_nobody tar --xattrs --acls -xf "$fs/b.tar" -C "$fs/y"
	rm "$fs/x/stats"
	ok "$1, not root: GNU tar keeps no more" \
		compare --no-flags --no-xattrs --no-owners --no-dir-mtime "$fs/y" "$fs/x"
	is "$1, not root: flags that need no privilege are restored" \
		"$(lsattr -d "$fs/x/kinds/flags/many" | cut -c 6-8)" "-dA"

	rm -rf "$fs"/[xy]/*
	exits 0 "$1, root of a user namespace: unpacks what root stored" \
		as_nobody unshare -U -r "$TARX" -x --no-same-owner -f "$fs/b.tar" -C "$fs/x" \
		kinds/flags kinds/links kinds/names
	is "$1, root of a user namespace: what cannot be kept is said once" "$(wc -l <<<"$err")" 1

	# Devices cannot be made: a failure in both.
	rm -rf "$fs"/[xy]/*
	exits 1 "$1, not root: devices: exit 1" \
		as_nobody "$TARX" -x -f "$fs/a.tar" -C "$fs/x" ./kinds/basic
	is "$1, not root: devices: each is named" "$(wc -l <<<"$err")" "$(find "$fs/src/kinds/basic" -type b,c ! -name whiteout | wc -l)"
	exits 2 "$1, not root: devices: GNU tar fails too" \
		as_nobody tar --xattrs --acls --warning=no-timestamp -xf "$fs/a.tar" -C "$fs/y" ./kinds/basic
}

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	groups=(basic links xattrs acls names sparse flags)
	case $kind in
	btrfs) groups+=(subvolumes) ;;
	xfs)
		with_projects "$fs"
		groups+=(projects)
		;;
	esac
	must mkdir "$fs/src"
	copy_machine "$fs/src/machine"
	types "$fs/src/kinds" "${groups[@]}"
	fs_sync "$fs"

	exits 0 "$kind: a root file system: archives" \
		"$TARX" -c --subvolumes --stats="$WORK/stats" -f "$fs/a.tar" -C "$fs/src" .
	is "$kind: a root file system: archives without a word" "$out$err" ""
	mkdir "$fs/x"
	exits 0 "$kind: a root file system: unpacks" \
		"$TARX" -x --subvolumes --stats="$WORK/stats" -f "$fs/a.tar" -C "$fs/x"
	is "$kind: a root file system: unpacks without a word" "$out$err" ""
	is "$kind: a root file system: nothing is left out" "$(field "$WORK/stats" left_out)" 0
	ok "$kind: a root file system: nothing differs" \
		compare --holes --subvolumes "$fs/src" "$fs/x"
	others_unpack "$kind"
	others_than_root "$kind"
	umount "$fs"
	rm -f "$fs.img"
done
finish
