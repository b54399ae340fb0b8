#!/bin/bash
# --snapshot: what is archived is what there was when tarx began, whatever happens meanwhile; all else is
# as without it, and no snapshot is left.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 1G
fs=$FS
cd "$fs" || bail "no $fs"

snapshots() # those that are there
{
	btrfs subvolume list "$fs" | grep -o '\.tarx-.*'
}

none_left() # PROMISE
{
	is "$1: no snapshot is left" "$(snapshots)" ''
}

as_nobody() # COMMAND...
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# ---- the same archive as without it

must btrfs -q subvolume create vol
mkdir vol/dir vol/mounted vol/over
types vol/all links xattrs acls sparse flags
head -c 3000000 /dev/urandom >vol/dir/large
echo before >vol/dir/small
ln vol/dir/large vol/linked
echo covered >vol/over/file
truncate -s 10M vol/old.tar
for name in vol/inner vol/inner/deeper; do
	must btrfs -q subvolume create $name
	mkdir $name/dir
	head -c 200000 /dev/urandom >$name/dir/file
	touch -d 2001-02-03 $name
done
must btrfs -q subvolume snapshot -r vol/inner/deeper vol/frozen >/dev/null
must mount -t tmpfs tmpfs vol/mounted
echo in memory >vol/mounted/file
echo other >other
must mount --bind other vol/over/file
mkdir -p "vol/$(printf 'd%.0s' {1..200})"
deep=vol
for i in {1..45}; do
	deep+=/level-$i
done
mkdir -p $deep
echo deep >$deep/file
touch -d 2001-02-04 vol
fs_sync "$fs"

same() # PROMISE ARGUMENT...
{
	local promise=$1 code
	shift
	"$TARX" -c --align --stats=plain.stats -f plain.tar "$@" 2>plain.err
	code=$?
	exits $code "$promise: archives" "$TARX" -c --align --snapshot --stats=snapshot.stats -f snapshot.tar "$@"
	ok "$promise: the same archive as without it" cmp plain.tar snapshot.tar
	is "$promise: as many bytes are shared" \
		"$(field snapshot.stats bytes cloned)" "$(field plain.stats bytes cloned)"
	grep -v 'not from a snapshot' <<<"$err" >snapshot.err
	[ -s snapshot.err ] && [ "$(cat snapshot.err)" ] || : >snapshot.err
	is "$promise: the same is said" "$(cat snapshot.err)" "$(cat plain.err)"
	none_left "$promise"
}

same "a subvolume" vol
like "a subvolume: what is mounted in it is read as it is, which is said" "$err" \
	"*vol/mounted: is mounted there: *"
same "its content" -C vol .
same "with --subvolumes" --subvolumes vol
same "with --one-file-system" --one-file-system vol
same "a directory in it" -C vol/dir .
same "files in it, and links of one another" vol/dir/large vol/linked vol/dir/small
same "several subvolumes" vol/inner vol/dir vol/inner/deeper/dir vol/frozen
same "a part of the file system's own subvolume" other vol/dir
same "by an absolute path" -P "$fs/vol/dir"
same "without what is excluded" --exclude=inner --exclude=mounted vol
same "what is not there" vol/nothing vol/dir
same "a link and a device" vol/all/links/a-link /dev/null
same "--nest" --mtime=@0 --nest inner.tar=vol/dir
is "the subvolume's own time is what it was" "$(stat -c %Y vol)" "$(date -d 2001-02-04 +%s)"
cp plain.tar vol/old.tar
exits 0 "over an archive in the subvolume: archives" "$TARX" -c --snapshot -f vol/old.tar vol
not "over an archive in the subvolume: which is not stored" grep -q old.tar <<<"$("$TARX" -tf vol/old.tar)"
must "$TARX" -c -f grown.tar other
exits 0 "-r: appends" "$TARX" -r --snapshot -f grown.tar -C vol dir
is "-r: the members" "$("$TARX" -tf grown.tar | xargs)" "other dir/ dir/large dir/small"
none_left "-r"

# ---- what happens meanwhile

# A reader that stops after the first block lets the tree change before the rest is read.
slowly() # COMMAND TARX-ARGUMENT...: COMMAND runs when tarx has begun and cannot go on
{
	local command=$1
	shift
	mkfifo pipe
	# The shell would have SIGINT ignored.
	env --default-signal=INT "$TARX" -c --snapshot "$@" . >pipe 2>slow.err &
	slow=$!
	exec 5<pipe
	rm pipe
	head -c 512 <&5 >slow.tar
	eval "$command"
	cat <&5 >>slow.tar
	exec 5<&-
	wait $slow
	slow_code=$?
}

must cp -a vol/dir before
must cp -a vol/inner/dir before-inner
slowly 'echo after >vol/dir/small; rm vol/linked; mv vol/dir/large vol/dir/moved; rm -r vol/zz; snapshots >seen' \
	-C vol --exclude=./mounted --exclude=./over
is "changed meanwhile: exit" $slow_code 0
is "changed meanwhile: nothing is said of it" "$(grep -v 'a btrfs subvolume, stored' slow.err)" ''
mkdir x
must "$TARX" -xf slow.tar -C x
is "changed meanwhile: there was a snapshot" "$(grep -c tarx-snapshot seen)" 1
ok "changed meanwhile: what was there is stored" compare --no-links before x/dir
ok "changed meanwhile: a nested subvolume too" compare before-inner x/inner/dir
none_left "changed meanwhile"

# ---- an end before the end

for signal in INT TERM HUP; do
	slowly "kill -$signal \$slow" -C vol
	is "SIG$signal: ends it" $slow_code $((128 + $(kill -l $signal)))
	none_left "SIG$signal"
done
slowly 'exec 5<&-; exec 5</dev/null' -C vol
ok "a reader that goes away ends it" test $slow_code -gt 1
none_left "a reader that goes away"
fs_make tmpfs 64K
exits 2 "a full disk is fatal" "$TARX" -c --snapshot -f "$FS/a.tar" vol/dir
none_left "a full disk"
slowly 'btrfs subvolume set-default vol/.tarx-snapshot-*' -C vol
is "a snapshot that cannot be removed: exit 1" $slow_code 1
like "a snapshot that cannot be removed: is named" "$(cat slow.err)" \
	"*tarx: $fs/vol/.tarx-snapshot-*: this snapshot is left over*"
exits 0 "a snapshot that is left over" "$TARX" -c -f a.tar vol
like "is not stored, which is said" "$err" "*vol/.tarx-snapshot-*: a snapshot that tarx made*not stored*"
is "is not stored, indeed" "$("$TARX" -tf a.tar | grep -c tarx-snapshot)" 0
exits 0 "a snapshot that is left over, --snapshot" "$TARX" -c --snapshot -f a.tar vol
is "is not stored either" "$("$TARX" -tf a.tar | grep -c tarx-snapshot)" 0
must btrfs subvolume set-default 5 "$fs"
must btrfs -q subvolume delete vol/.tarx-snapshot-* >/dev/null

# ---- what cannot be had

fs_make xfs 300M
mkdir "$FS/dir"
exits 2 "not btrfs: fatal" "$TARX" -c --snapshot -f none.tar -C "$FS" dir
like "not btrfs: and why" "$err" "tarx: dir: --snapshot: this is xfs*"
exits 2 "btrfs and something else: fatal" "$TARX" -c --snapshot -f none.tar vol/dir "$FS/dir"
none_left "btrfs and something else"
mkdir part
must mount --bind vol/dir part
exits 2 "only a part of a subvolume is mounted: fatal" "$TARX" -c --snapshot -f none.tar -C part .
like "only a part of a subvolume is mounted: and why" "$err" "*root of its btrfs subvolume cannot be reached*"
chown -R 65534:65534 vol/dir
chown 65534:65534 vol
mkdir -m 777 theirs
exits 2 "not root: fatal" as_nobody "$TARX" -c --snapshot -f theirs/none.tar vol/dir
like "not root: and why" "$err" "tarx: vol/dir: make a snapshot: it could not be removed again: *not permitted*"
is "not root: nothing is left" "$(ls -A theirs; find vol -maxdepth 1 -name '.tarx*')" ''
exits 2 "--overlay=diff: refused" "$TARX" -c --snapshot --overlay=diff -f none.tar vol
exits 2 "-h: refused" "$TARX" -c --snapshot -h -f none.tar vol
exits 2 "-x: means nothing" "$TARX" -x --snapshot -f plain.tar
not "none of them made an archive" test -e none.tar
none_left "what cannot be had"

finish
