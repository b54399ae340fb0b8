#!/bin/bash
# Tars within an archive: --nest writes them so that all that is in them is shared, and to every reader they
# are ordinary members.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib/fs.sh"

tree() # DIR
{
	must mkdir -p "$1"/sub/empty
	must mkdir "$1/few"
	for size in 1 4095 4096 4097 70000; do
		head -c $size /dev/urandom >"$1/few/$size"
	done
	head -c 300000 /dev/urandom >"$1/sub/large"
	must ln "$1/sub/large" "$1/again"
	must ln -s sub/large "$1/link"
	must chmod 750 "$1/sub"
	must setfattr -n user.mark -v "of $1" "$1/again"
}

whole_blocks() # TREE...: bytes of whole blocks in its files, each inode once
{
	find "$@" -type f -printf '%i %s\n' | sort -u | awk '{ n += $2 - $2 % 4096 } END { print n }'
}

inside() # NAME: the nested tar NAME of a.tar, by GNU tar
{
	tar -xOf a.tar "$1"
}

# The options that make runs comparable: without them the nested member has the time of the run.
same=(--mtime=@1500000000.25)

for kind in btrfs xfs; do
	fs_make $kind 400M
	cd "$FS" || bail "no $FS"
	tree one
	tree two
	must sizes one/sizes 4096
	must ln two/sub/large beside
	fs_sync .

	exits 0 "$kind: archives, files and two nests in order" "$TARX" -c --align --align-min=1 --stats=stats \
		-f a.tar beside --nest one.tar=one --nest=deep/two.tar=two two
	is "$kind: without a word" "$out$err" ""
	is "$kind: GNU tar finds members in the order of the command line" \
		"$(tar -tf a.tar | sed -n '1,3p' | xargs)" "beside one.tar deep/two.tar"
	ok "$kind: the padding keeps to the rules" archive rules a.tar 4096
	is "$kind: every whole block is shared, in the nests too" "$(field stats bytes cloned)" \
		"$(($(whole_blocks one) + 2 * $(whole_blocks two)))"
	is "$kind: content, headers and padding are all that there is" "$(stat -c %s a.tar)" \
		"$(($(field stats bytes payload) + $(field stats bytes header) + $(field stats bytes padding)))"
	read -r shared mapped < <("$SHARED" a.tar)
	ok "$kind: the archive shares its blocks on the disk" test "$shared" -ge "$(whole_blocks one two)" -a \
		"$((40 * (mapped - shared)))" -lt "$mapped"
	is "$kind: members are counted, the nested tars with what is in them" "$(field stats members file)" \
		"$(($(find one two two -type f -printf '%f %i %H\n' | wc -l) - 3 - 1 + 1 + 2))"

	for name in one two; do
		path=one.tar
		[ $name = one ] || path=deep/two.tar
		rm -rf out && mkdir out
		ok "$kind: $path: a tar by itself, with aligned payloads" eval "inside $path >$name.tar &&
			archive rules $name.tar 4096 && archive aligned $name.tar 4096 4096"
		exits 0 "$kind: $path: GNU tar unpacks it" tar --xattrs -xpf $name.tar -C out
		ok "$kind: $path: it is the tree" compare --no-top $name out
		is "$kind: $path: names without ./, and no root" "$(tar -tf $name.tar | grep -c '^\.')" 0
		must cd $name
		must "$TARX" -c --align --align-min=1 -f ../plain.tar -- *
		cd ..
		ok "$kind: $path: it is what tarx makes of these names" cmp $name.tar plain.tar
	done
	is "$kind: the member is the caller's, and nobody else reads it" \
		"$(tar -tvf a.tar one.tar | cut -d ' ' -f 1,2)" "-rw------- root/root"
	is "$kind: links behind a nested tar lead to members before it" \
		"$(tar -tvf a.tar | sed -n 's/.* \(two.* link to .*\)/\1/p' | sort | xargs)" \
		"two/again link to beside two/sub/large link to beside"
	is "$kind: links in it lead to its own" "$(tar -tvf two.tar | sed -n 's/.* \(sub.* link to .*\)/\1/p')" \
		"sub/large link to again"

	# ---- the same bytes everywhere, and as a member of the same content would have them
	must "$TARX" -c --align "${same[@]}" -f a.tar beside --nest one.tar=one two --nest two.tar=two/.
	ok "$kind: into a pipe" eval "$TARX -c --align ${same[*]} beside --nest one.tar=one two \
		--nest two.tar=two/. | cmp - a.tar"
	must "$TARX" -c --zstd --align "${same[@]}" -f z.tar beside --nest one.tar=one two --nest two.tar=two/.
	ok "$kind: compressed" eval "zstd -qdc <z.tar | cmp - a.tar"
	(echo in front && "$TARX" -c --align "${same[@]}" beside --nest one.tar=one two --nest two.tar=two/.) >s.tar
	ok "$kind: into a file of the shell's, behind its end" eval "tail -c +10 s.tar | cmp - a.tar"
	must rm s.tar z.tar
	: >r.tar
	must "$TARX" -r --align "${same[@]}" -f r.tar beside --nest one.tar=one two --nest two.tar=two/.
	ok "$kind: appended" cmp r.tar a.tar
	must tar -xf a.tar one.tar two.tar
	must "$TARX" -c --align "${same[@]}" -f m.tar beside one.tar two two.tar
	ok "$kind: as members of that content" cmp m.tar a.tar
	is "$kind: DIR/. is a member itself" "$(tar -tf two.tar | head -n 1)" ./
	must "$TARX" -r --align -f a.tar --nest more.tar=one
	must tar -xf a.tar more.tar
	is "$kind: -r adds one to an archive" "$(tar -tf more.tar | wc -l)" "$(find one -mindepth 1 | wc -l)"
	must "$TARX" -c --align=none -f u.tar --mtime=@1 --nest one.tar=one
	ok "$kind: without alignment: a pipe has the same bytes" eval "$TARX -c --align=none --mtime=@1 \
		--nest one.tar=one | cmp - u.tar"
	ok "$kind: without alignment: GNU tar reads it" eval "tar -xOf u.tar one.tar | tar -dC one |
		grep -v 'Mod time' | cmp - /dev/null"
	cd / || bail "no /"
	fs_umount "$FS"
done

# ---- the size: over 8 GiB it needs a record, for which the header has room whatever its place is

fs_make xfs 400M
cd "$FS" || bail "no $FS"
must mkdir big few
truncate -s 9G big/hole
# The second and the third begin so that the header needs no padding.
for run in '1 @1' '2100 @1' '3100 @1.5'; do
	size=${run% *}
	head -c "$size" /dev/urandom >few/first
	exits 0 "9 GiB behind $run" "$TARX" -c --align --reflink=always --mtime="${run#* }" -f a.tar \
		few --nest big.tar=big --nest few.tar=few
	is "9 GiB behind $run: GNU tar finds what is behind it" \
		"$(tar -tvf a.tar | awk '{ print $3, $6 }' | xargs)" \
		"0 few/ $size few/first $((9 * 1024 * 1024 * 1024 + 8192)) big.tar 12288 few.tar"
done
ok "9 GiB: the padding keeps to the rules" archive rules a.tar 4096
is "9 GiB: libarchive finds it too" "$(bsdtar -tf a.tar | xargs)" "few/ few/first big.tar few.tar"
must rm -r big

# ---- into a pipe: the file in between takes no space where it can share, and is somewhere else where not

must mkdir large
must dd if=/dev/zero of=large/file bs=1M count=200 status=none
fs_sync .
ok "a pipe: it needs no room where the directory is" eval "TMPDIR=/nowhere $TARX -c --align --nest n=large |
	tar -xO n | tar -dC large"
must mkdir temp
exits 2 "a pipe: nothing is shared: another place is needed" eval \
	"set -o pipefail; TMPDIR=/nowhere $TARX -c --nest n=few | cat >p"
like "a pipe: which is named" "$err" '*n: make a temporary file in /nowhere*'
ok "a pipe: by way of that" eval "TMPDIR=temp $TARX -c --align --reflink=never --nest n=few | tar -xO n | tar -dC few"
is "a pipe: nothing is left there" "$(ls -A temp)" ""
must rm -r large

# ---- an overlay's changes; podman's list stands beside the nested tar

must mkdir -p lower/dir lower/old upper volume
for name in gone changed kept; do
	head -c 20000 /dev/urandom >lower/dir/$name
done
echo old >lower/old/file
echo data >volume/data
must chown 55 volume
fs=$FS
fs_overlay "$fs/lower" "$fs/upper"
merged=$FS
must rm "$merged/dir/gone"
echo more >>"$merged/dir/changed"
must rm -r "$merged/old"
must mkdir "$merged/old"
echo new >"$merged/old/new"
cd "$fs" || bail "no $fs"
exits 0 "podman: a layer and a volume" "$TARX" -c --align --overlay=diff --whiteouts=podman -f a.tar \
	--nest rootfs-diff.tar="$merged" --overlay=auto --nest volumes/v.tar=volume/.
is "podman: the list stands behind the tar that it is for" "$(tar -tf a.tar | xargs)" \
	"rootfs-diff.tar deleted.files volumes/v.tar"
is "podman: it is about what is in there" "$(inside deleted.files)" '["/dir/gone","/old/file"]'
is "podman: names as podman has them" "$(inside rootfs-diff.tar | tar -t | xargs)" \
	"dir/ dir/changed old/ old/new"
is "podman: a volume's own owner is kept" "$(inside volumes/v.tar | tar --numeric-owner -tv | head -n 1 |
	awk '{ print $2, $6 }')" "55/0 ./"
must "$TARX" -c --align --overlay=diff -f a.tar --nest diff.tar=upper
is "overlay: devices 0:0, by the upper directory" "$(inside diff.tar | tar -tv | grep -c '^c.* dir/gone')" 1
must "$TARX" -c --align --overlay=diff --whiteouts=oci -f a.tar --nest diff.tar="$merged"
is "oci: names of removals" "$(inside diff.tar | tar -t | grep wh | xargs)" "dir/.wh.gone old/.wh..wh..opq"
must "$TARX" -c --align --overlay=diff -f a.tar --nest old.tar="$merged/old"
is "the root is a member where only it can say that it is opaque" "$(inside old.tar | tar -t | xargs)" "./ new"
exits 2 "podman: two trees with removals are refused" "$TARX" -c --overlay=diff --whiteouts=podman -f b.tar \
	--nest a="$merged" --nest b=volume
like "podman: and why is said" "$err" '*cannot say of which*'
exits 2 "diff: a directory that is on no overlay is refused" "$TARX" -c --overlay=diff -f b.tar --nest b=volume
not "and there is no archive" test -e b.tar

# ---- what goes wrong

for value in name name= =dir name/=dir; do
	exits 2 "--nest $value is refused" "$TARX" -c -f b.tar --nest $value
done
exits 2 "a directory that is missing" "$TARX" -c -f b.tar volume --nest b=nowhere
like "a directory that is missing is named" "$err" '*nowhere*No such file*'
exits 2 "a file in its place" "$TARX" -c -f b.tar --nest b=volume/data
exits 2 "a name that leads nowhere" "$TARX" -c -f b.tar --nest a/..=volume
not "no archive is left" test -e b.tar
must mkdir none
must "$TARX" -c -f b.tar --nest ../b=none volume 2>err
is "a leading .. is cut off" "$(tar -tf b.tar | xargs)" "b volume/ volume/data"
is "of nothing: an archive of nothing" "$(tar -xOf b.tar b | tar -t)" ""
must ln -s volume linked
must "$TARX" -c -f a.tar --nest b=linked
is "a symbolic link stands for its directory" "$(inside b | tar -t)" data
exits 0 "options about names" "$TARX" -c -f a.tar --exclude='d*' --transform='s,^,x/,' --nest dot=. --no-recursion --nest dot2=few
is "options about names count inside" "$(inside dot | tar -t | grep -E 'few|data|dir' | xargs)" "x/few/ x/few/first"
is "and --no-recursion for what follows it" "$(inside dot2 | tar -t)" ""
not "the archive is not in itself" eval "inside dot | tar -t | grep -q 'x/a.tar'"

finish
