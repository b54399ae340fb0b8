#!/bin/bash
# Without privilege: overlays of a user namespace, whose marks are user.overlay.*, and the attribute in which
# rootless containers keep owners and modes.

# shellcheck disable=SC2154 # changes.sh sets $changes
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/changes.sh
. "$fs_lib/changes.sh"
must cp "$fs_lib/compare.py" "$fs_lib/changes.sh" "$WORK/bin/"

# Namespaces with 65536 users, root being 100000 outside; they last as long as this test.
namespaces()
{
	"$PYTHON" - <<-'END' >"$WORK/ns" &
		import ctypes, os, time
		libc = ctypes.CDLL(None, use_errno=True)
		up, back = os.pipe(), os.pipe()
		child = os.fork()
		if child == 0:
		    if libc.unshare(0x10000000 | 0x00020000) != 0:
		        os._exit(1)
		    os.write(up[1], b"x")
		    os.read(back[0], 1)
		    print(os.getpid(), flush=True)
		    time.sleep(600)
		os.close(up[1])
		if os.read(up[0], 1):
		    for kind in "ug":
		        with open(f"/proc/{child}/{kind}id_map", "w") as file:
		            file.write("0 100000 65536")
		    os.write(back[1], b"x")
		os.waitpid(child, 0)
	END
	for _ in $(seq 100); do
		[ -s "$WORK/ns" ] && break
		sleep 0.05
	done
	ns=$(cat "$WORK/ns")
}

enter() # COMMAND...: as root of the namespace
{
	nsenter -t "$ns" -U -m -S 0 -G 0 -- env PYTHON="$PYTHON" PYTHONDONTWRITEBYTECODE=1 "$@"
}

changed() # FUNCTION ARGUMENT...: of changes.sh, within
{
	enter bash -c '. "$1"; shift; "$@" 2>/dev/null' bash "$WORK/bin/changes.sh" "$@"
}

overlay() # UPPER MERGED
{
	enter mkdir -p "$1" "$1.work" "$2" &&
		enter mount -t overlay -o "userxattr,lowerdir=$fs/top:$fs/bottom,upperdir=$1,workdir=$1.work" \
			overlay "$2"
}

same() # DIR DIR
{
	enter "$PYTHON" -B "$WORK/bin/compare.py" "$@"
}

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	must chown 100000:100000 "$fs"
	namespaces
	if [ -z "$ns" ]; then
		skip "$kind: overlays of a user namespace" "there are no user namespaces"
		break
	fi
	must enter mkdir "$fs/top" "$fs/bottom"
	must changed changes_lower "$fs/top" "$fs/bottom"
	if ! overlay "$fs/try" "$fs/merged"; then
		skip "$kind: overlays of a user namespace" "the kernel does not mount them"
		break
	fi
	must enter umount "$fs/merged"
	for change in $changes; do
		case $change in
		renamed | metacopy | index) continue ;; # the kernel has none of them with userxattr
		esac
		must overlay "$fs/upper" "$fs/merged"
		must changed "change_$change" "$fs/merged"
		# Until it is mounted again the kernel shows a link of a lower file as a file of its own.
		must enter umount "$fs/merged"
		must overlay "$fs/upper" "$fs/merged"
		fs_sync "$fs"
		exits 0 "$kind, $change: archived" \
			enter "$TARX" -c --align --overlay=diff -C "$fs/merged" -f "$fs/diff.tar" .
		is "$kind, $change: without a word" "$out$err" ""
		is "$kind, $change: no mark but user.overlay.opaque" \
			"$(archive pax "$fs/diff.tar" | grep -a -o '[a-z]*\.overlay\.[a-z]*' |
				grep -v '^user.overlay.opaque$')" ''
		fs_sync "$fs"
		ok "$kind, $change: blocks are shared" changes_share "$fs/diff.tar"
		must enter mkdir "$fs/upper2"
		exits 0 "$kind, $change: restored into an upper directory" \
			enter "$TARX" -x --overlay=diff --stats="$fs/stats" -f "$fs/diff.tar" -C "$fs/upper2"
		is "$kind, $change: restored without a word" "$out$err" ""
		ok "$kind, $change: shared again" changes_shared_back "$fs/diff.tar" "$fs/stats"
		must overlay "$fs/upper2" "$fs/merged2"
		ok "$kind, $change: the same tree is seen" same "$fs/merged" "$fs/merged2"
		must enter umount "$fs/merged2"
		must overlay "$fs/upper3" "$fs/merged2"
		exits 0 "$kind, $change: restored into a live mount" \
			enter "$TARX" -x --overlay=diff --stats="$fs/stats" -f "$fs/diff.tar" -C "$fs/merged2"
		is "$kind, $change: live without a word" "$out$err" ""
		ok "$kind, $change: live, shared again" changes_shared_back "$fs/diff.tar" "$fs/stats"
		ok "$kind, $change: live, the same tree is seen" same "$fs/merged" "$fs/merged2"
		must enter umount "$fs/merged2"
		must enter umount "$fs/merged"
		rm -rf "$fs"/upper*
	done

	# An OCI layer becomes marks that this overlay understands.
	must overlay "$fs/upper" "$fs/merged"
	must changed change_opaque "$fs/merged"
	exits 0 "$kind, an OCI layer: archived" \
		enter "$TARX" -c --overlay=diff --whiteouts=oci -C "$fs/merged" -f "$fs/diff.tar" .
	must enter mkdir "$fs/upper2"
	exits 0 "$kind, an OCI layer: restored" \
		enter "$TARX" -x --overlay=diff -f "$fs/diff.tar" -C "$fs/upper2"
	is "$kind, an OCI layer: the mark is user.overlay.opaque" \
		"$(getfattr -d -m overlay "$fs/upper2/again" 2>/dev/null | grep -o '^[a-z.]*')" user.overlay.opaque
	must overlay "$fs/upper2" "$fs/merged2"
	ok "$kind, an OCI layer: the same tree is seen" same "$fs/merged" "$fs/merged2"
	must enter umount "$fs/merged2"
	must enter umount "$fs/merged"
	kill %%
	fs_umount "$fs"
done

# ------------------------------------------------------------------ --override-stat

as_nobody()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

fs_make btrfs 300M
fs=$FS
mkdir "$fs/src" "$fs/x" "$fs/y"
echo 1 >"$fs/src/file"
mkdir "$fs/src/dir"
ln -s file "$fs/src/link"
chown 12:34 "$fs/src/file"
chmod 6755 "$fs/src/file"
chown 0:5 "$fs/src/dir"
chmod 1550 "$fs/src/dir"
setfattr -n user.note -v text "$fs/src/file"
touch -d '2001-02-03 04:05:06.789012345' "$fs/src/dir" "$fs/src/file"
chown 65534:65534 "$fs" "$fs/x" "$fs/y"
override() # PATH
{
	getfattr --only-values -n user.containers.override_stat "$1" 2>/dev/null
}
exits 0 "override-stat: the tree as it is" "$TARX" -c -C "$fs/src" -f "$fs/src.tar" .
exits 0 "override-stat: restored without privilege" \
	as_nobody "$TARX" -x --override-stat -f "$fs/src.tar" -C "$fs/x"
is "override-stat: a file's owner and mode are in the attribute" "$(override "$fs/x/file")" 12:34:06755
is "override-stat: a directory's too" "$(override "$fs/x/dir")" 0:5:01550
is "override-stat: the file itself has no set-id bits, its owner has access" \
	"$(stat -c %a:%u "$fs/x/file") $(stat -c %a:%u "$fs/x/dir")" "755:65534 750:65534"
exits 0 "override-stat: archived without privilege" \
	as_nobody "$TARX" -c --override-stat -C "$fs/x" -f "$fs/x.tar" .
is "override-stat: the attribute itself is not stored" "$(archive pax "$fs/x.tar" | grep -c override)" 0
exits 0 "override-stat: restored by root" "$TARX" -x -f "$fs/x.tar" -C "$fs/y"
chown -h 0:0 "$fs/y/link"
ok "override-stat: it is the tree again" compare --no-top "$fs/src" "$fs/y"
: >"$fs/x/null"
setfattr -n user.containers.override_stat -v 0:0:0666:char-1-3 "$fs/x/null"
: >"$fs/x/zero"
setfattr -n user.containers.override_stat -v 0:0:0666:char-0-0 "$fs/x/zero"
exits 1 "override-stat: what is not understood makes the exit status 1" \
	"$TARX" -c --override-stat -C "$fs/x" -f "$fs/x.tar" .
like "override-stat: and is named" "$err" '*zero: stored as it is*'
is "override-stat: what stands for a device becomes one" \
	"$(tar -tvf "$fs/x.tar" | awk '/null|zero/ { print $1, $3 }' | xargs)" "crw-rw-rw- 1,3 -rw-r--r-- 0"
exits 2 "override-stat: not without extended attributes" \
	"$TARX" -c --override-stat --no-xattrs -C "$fs/x" -f "$fs/x.tar" .

finish
