#!/bin/bash
# A real Debian tree as lower layer, changed by apt-get through a chroot: the diff holds what changed, all
# of it and nothing else; over the same lower layer it shows the same tree, and big files are shared.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/changes.sh
. "$fs_lib/changes.sh"

command -v debootstrap >/dev/null || skip_all "debootstrap is not installed"
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)
[ "$suite" ] && [ "$mirror" ] || skip_all "apt knows no mirror"

fs_make btrfs 3G
btrfs=$FS
debootstrap --variant=minbase "$suite" "$btrfs/lower" "$mirror" >"$WORK/log" 2>&1 ||
	skip_all "debootstrap failed: $(tail -n 1 "$WORK/log")"
fs_make xfs 3G
xfs=$FS
must cp -a "$btrfs/lower" "$xfs/lower"

inside() # ROOT COMMAND...
{
	local root=$1
	shift
	DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@" >"$WORK/log" 2>&1 </dev/null
}

# One package comes, one goes, files are changed by hand.
change() # MERGED
{
	inside "$1" apt-get -q update && inside "$1" apt-get -q -y --no-install-recommends install nano &&
		inside "$1" dpkg --purge --force-all tzdata && inside "$1" useradd -m somebody &&
		rm -r "$1/usr/share/doc/bash" && chmod 4755 "$1/usr/bin/env"
}

# What differs between the lower tree and the merged one, seen without any knowledge of overlays, and
# whether the archive says just that.
holds_what_changed() # LOWER MERGED UPPER ARCHIVE
{
	"$PYTHON" - "$@" <<-'END'
		import os, stat, sys, tarfile
		lower, merged, upper, archive = sys.argv[1:]
		def tree(top):
		    found = {}
		    for path, dirs, files in os.walk(top):
		        for name in dirs + files:
		            full = os.path.join(path, name)
		            found[os.path.relpath(full, top)] = os.lstat(full)
		    return found
		def same(path, a, b):
		    if (a.st_mode, a.st_uid, a.st_gid, a.st_mtime_ns) != (b.st_mode, b.st_uid, b.st_gid, b.st_mtime_ns):
		        return False
		    if stat.S_ISLNK(a.st_mode):
		        return os.readlink(f"{lower}/{path}") == os.readlink(f"{merged}/{path}")
		    if stat.S_ISREG(a.st_mode):
		        return a.st_size == b.st_size and open(f"{lower}/{path}", "rb").read() == open(f"{merged}/{path}", "rb").read()
		    return True
		before, after = tree(lower), tree(merged)
		changed = {p for p in after if p not in before or not same(p, before[p], after[p])}
		gone = {p for p in before if p not in after and os.path.dirname(p) in {"", *after}}
		stored, removed = set(), set()
		with tarfile.open(archive) as tar:
		    for m in tar:
		        name = os.path.normpath(m.name)
		        whiteout = m.ischr() and m.devmajor == m.devminor == 0
		        (removed if whiteout else stored).add(name)
		above = {"."}
		for p in changed | gone:
		    while p := os.path.dirname(p):
		        above.add(p)
		# What is opened for writing is copied up, and that is a change too.
		touched = {p for p in stored - changed - above if not os.path.isdir(f"{upper}/{p}") and
		           "trusted.overlay.origin" in os.listxattr(f"{upper}/{p}", follow_symlinks=False)}
		print(len(changed), "changed", len(gone), "gone", sorted(touched), "touched")
		wrong = [("missing", changed - stored), ("not removed", gone - removed),
		         ("removed for nothing", removed - gone), ("unchanged", stored - changed - above - touched)]
		for what, paths in wrong:
		    for p in sorted(paths)[:10]:
		        print(what, p)
		sys.exit(any(paths for _, paths in wrong) or len(changed) < 50 or len(gone) < 5 or
		         len(touched) > 10)
	END
}

for fs in "$btrfs" "$xfs"; do
	kind=$(stat -f -c %T "$fs")
	mkdir "$fs/upper" "$fs/upper2"
	fs_overlay "$fs/lower" "$fs/upper"
	merged=$FS
	if ! change "$merged"; then
		skip "$kind: what apt-get changed" "it failed: $(tail -n 1 "$WORK/log")"
		must umount "$merged"
		continue
	fi
	fs_sync "$fs"
	exits 0 "$kind: archived" "$TARX" -c --align --overlay=diff -C "$merged" -f "$fs/diff.tar" .
	is "$kind: without a word" "$out$err" ""
	ok "$kind: all that changed is in it, and nothing else" \
		holds_what_changed "$fs/lower" "$merged" "$fs/upper" "$fs/diff.tar"
	fs_sync "$fs"
	ok "$kind: 99% of the bytes of files of 64 KiB and more are shared" changes_share "$fs/diff.tar"
	exits 0 "$kind: restored" \
		"$TARX" -x --overlay=diff --stats="$WORK/stats" -f "$fs/diff.tar" -C "$fs/upper2"
	is "$kind: restored without a word" "$out$err" ""
	ok "$kind: and shared again" changes_shared_back "$fs/diff.tar" "$WORK/stats"
	fs_overlay "$fs/lower" "$fs/upper2"
	ok "$kind: over the same lower layer it is the same tree" compare "$merged" "$FS"
	must umount "$FS"
	must umount "$merged"
done

finish
