#!/bin/bash
# File flags, quota projects and subvolumes: stored and restored, left out or refused, and what is said
# then. That all of them come back is rootfs.sh' affair.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

flags_of() # FILE: letters of chattr(1)
{
	lsattr -d "$1" | cut -d ' ' -f 1 | tr -d 'e-'
}

fresh() # DIR
{
	[ ! -e "$1" ] || chattr -R -f -i -a "$1" 2>/dev/null
	rm -rf "$1"
	must mkdir "$1"
}

noted_archive() # FILE NAME NOTE...: one file with comments of ours
{
	"$PYTHON" -B - "$@" <<-'END'
		import io, sys, tarfile
		with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
		    for note in sys.argv[3:]:
		        name = sys.argv[2] + (note if len(sys.argv) > 4 else "")
		        member = tarfile.TarInfo(name)
		        member.size = 5
		        member.pax_headers = {"comment": "tarx." + note}
		        tar.addfile(member, io.BytesIO(b"bytes"))
	END
}

lines()
{
	[ -z "$1" ] && echo 0 || wc -l <<<"$1"
}

fs_make btrfs 1G
fs=$FS
fs_make xfs 500M
xfs=$FS
fs_make ext4 200M
ext4=$FS
cd "$fs" || bail "no $fs"

# ---- asked for or not

types all flags
exits 0 "--no-fflags: archives" "$TARX" -c --no-fflags -f none.tar -C all .
is "--no-fflags: stores none" "$(archive notes none.tar)" ""
must "$TARX" -c -f all.tar -C all .
fresh x
exits 0 "--no-fflags: unpacks" "$TARX" -x --no-fflags -f all.tar -C x
is "--no-fflags: restores none" "$(lsattr -R x/flags | grep -E '^[-e]*[acimACDdS]' | grep -v compress | grep -v zstd)" ""
is "a flag of chattr is stored in libarchive's word" \
	"$(archive notes all.tar | grep many)" "./flags/many tarx.fflags=nodump,noatime,sappnd"
exits 0 "flags in an archive: padding keeps to the rules" archive rules all.tar 4096

# ---- compared

compares() # PROMISE WANT ARGUMENT...
{
	local promise=$1 want=$2 code=1
	shift 2
	[ "$want" ] || code=0
	exits "$code" "-d, $promise: exit" "$TARX" -d -f all.tar "$@"
	is "-d, $promise" "$out$err" "$want"
}

fresh x
must "$TARX" -x -f all.tar -C x
compares "flags as they were stored" '' -C x
compares "where they were stored" '' -C all
chattr -i x/flags/immutable-0
chattr -d x/flags/nodump-20000
chattr +A x/flags/directory-nodump
compares "a flag less and a flag more" './flags/directory-nodump: Flags differ
./flags/immutable-0: Flags differ
./flags/nodump-20000: Flags differ' -C x
compares "--no-fflags" '' --no-fflags -C x
chattr +d x/flags/directory-nodump/inside
compares "a flag of a file that was stored without any" './flags/directory-nodump: Flags differ' -C x ./flags/directory-nodump

# ---- without copy-on-write

mkdir cow
touch cow/nocow
must chattr +C cow/nocow
head -c 1000000 /dev/urandom >cow/plain
cp --reflink=never cow/plain cow/nocow
must "$TARX" -c --align -f cow.tar -C cow .
fresh x
exits 0 "a file without copy-on-write: unpacks" "$TARX" -x --stats=stats -f cow.tar -C x
is "a file without copy-on-write: is one again" "$(flags_of x/nocow)" C
ok "a file without copy-on-write: has its bytes" cmp cow/nocow x/nocow
is "a file without copy-on-write: no clone is tried in vain" "$(field stats refused EINVAL)" 0
is "a file without copy-on-write: the one beside it is shared" "$(field stats bytes cloned)" 1000000
fresh x
exits 2 "a file without copy-on-write: --reflink=always" "$TARX" -x --reflink=always -f cow.tar -C x
like "a file without copy-on-write: --reflink=always names the reason" "$err" "*nocow*copy-on-write*"
mkdir nocow-dir
must chattr +C nocow-dir
must "$TARX" -c --align -f nocow-dir/cow.tar -C cow nocow
fresh x
exits 0 "a file and an archive without copy-on-write: --reflink=always" \
	"$TARX" -x --reflink=always -f nocow-dir/cow.tar -C x
ok "a file and an archive without copy-on-write: right" cmp cow/nocow x/nocow

# ---- compressed

mkdir compressed
for name in flag attribute; do
	head -c 500000 /dev/zero | tr '\0' x >compressed/$name
done
must chattr +c compressed/flag
must setfattr -n btrfs.compression -v zstd compressed/attribute
must "$TARX" -c --align=none -f compressed.tar -C compressed .
fresh x
exits 0 "compressed files: unpacks" "$TARX" -x -f compressed.tar -C x
fs_sync "$fs"
for name in flag attribute; do
	ok "compressed by $name: what is copied into it is compressed" \
		grep -q encoded <(filefrag -v x/$name)
done
is "compressed by attribute: by the same method" \
	"$(getfattr --only-values -n btrfs.compression x/attribute)" zstd

# ---- what is in the way

fresh x
mkdir new x/append-dir x/immutable-dir
echo new >new/file
echo old >x/file
chattr +i x/file
must "$TARX" -c -f new.tar -C new file
exits 1 "over an immutable file: exit 1" "$TARX" -x -f new.tar -C x
like "over an immutable file: the flag is named, and what to do" "$err" "tarx: file: *immutable*chattr -i*"
is "over an immutable file: one line" "$(lines "$err")" 1
is "over an immutable file: it stays" "$(cat x/file)" old
is "over an immutable file: nothing is left beside it" "$(ls -A x)" "$(printf '%s\n' append-dir file immutable-dir)"
chattr -i x/file
chattr +a x/file
exits 1 "over an append-only file: exit 1" "$TARX" -x -f new.tar -C x
like "over an append-only file: the flag is named" "$err" "tarx: file: *append-only*chattr -a*"
chattr -a x/file
chattr +i x/immutable-dir
exits 1 "into an immutable directory: exit 1" "$TARX" -x -f new.tar -C x/immutable-dir
like "into an immutable directory: the flag is named" "$err" "tarx: file: *directory*immutable*chattr -i*"
must "$TARX" -c -f dirs.tar -C x immutable-dir
exits 1 "an immutable directory again: exit 1" "$TARX" -x -f dirs.tar -C x
like "an immutable directory again: the flag is named" "$err" "tarx: immutable-dir: *immutable*chattr -i*"
chattr -i x/immutable-dir
ln new/file new/name
must "$TARX" -c -f link.tar -C new file name
chattr +i x/file
exits 1 "a link to an immutable file: exit 1" "$TARX" -x -f link.tar -C x name
like "a link to an immutable file: the flag is named" "$err" "tarx: name: link to file*immutable*chattr -i*"
chattr -i x/file

# ---- the same name again

mkdir -p again/first again/second
echo first >again/first/file
ln again/first/file again/first/link
chattr +i again/first/file
echo second >again/second/file
for target in "$fs" "$xfs" "$ext4"; do
	must "$TARX" -c -f "$target/again.tar" -C again/first file link -C ../second file
	fresh "$target/x"
	exits 0 "a name twice, first immutable, on $(stat -f -c %T "$target"): unpacks" \
		"$TARX" -x -f "$target/again.tar" -C "$target/x"
	is "a name twice, first immutable: the second one is there" "$(cat "$target/x/file")" second
	is "a name twice, first immutable: without its flag" "$(flags_of "$target/x/file")" ""
	is "a name twice, first immutable: its other name has it" \
		"$(cat "$target/x/link") $(flags_of "$target/x/link")" "first i"
	chattr -i "$target/x/link"
done
chattr -i again/first/file

# ---- elsewhere

fresh "$xfs/x"
exits 0 "flags of btrfs onto XFS: exit 0" "$TARX" -x --stats="$WORK/stats" -f cow.tar -C "$xfs/x"
like "flags of btrfs onto XFS: what is left out is named" "$err" "tarx: ./nocow: *nocow*"
is "flags of btrfs onto XFS: once" "$(lines "$err")" 1
is "flags of btrfs onto XFS: and counted" "$(field "$WORK/stats" left_out)" 1
mkdir "$WORK/ram"
must mount -t ramfs ramfs "$WORK/ram"
types kept xattrs acls flags
must "$TARX" -c -f kept.tar -C kept .
exits 1 "onto a file system without attributes: exit 1" \
	"$TARX" -x --stats="$WORK/stats" -f kept.tar -C "$WORK/ram"
for what in 'extended attribute' 'ACL' 'file flag'; do
	is "onto a file system without attributes: $what: warned of once" \
		"$(grep -c "set the .*$what.*not supported (and so for others)" <<<"$err")" 1
done
ok "onto a file system without attributes: all that was lost is counted" \
	test "$(field "$WORK/stats" left_out)" -ge 40
must umount "$WORK/ram"
types "$xfs/projects" projects
must "$TARX" -c -f "$xfs/projects.tar" -C "$xfs/projects" .
fresh x
exits 0 "quota projects onto btrfs: exit 0" "$TARX" -x --stats=stats -f "$xfs/projects.tar" -C x
is "quota projects onto btrfs: said, for them and the flag that inherits" "$(lines "$err")" 2
like "quota projects onto btrfs: said of the project" "$err" "*quota project*"
fresh "$xfs/x"
must "$TARX" -x -f "$xfs/projects.tar" -C "$xfs/x"
exits 0 "quota projects: unpacks over itself" "$TARX" -x -f "$xfs/projects.tar" -C "$xfs/x"
is "quota projects: unpacks over itself without a word" "$err" ""
ok "quota projects: a file of another project than its directory's comes back" \
	compare "$xfs/projects/projects/no-heir" "$xfs/x/projects/no-heir"
is "quota projects: of another than what the directory hands down too" \
	"$(lsattr -p "$xfs/x/projects/heir/other" | awk '{ print $1 }')" 78
exits 0 "-d, quota projects: are the same" "$TARX" -d -f "$xfs/projects.tar" -C "$xfs/x"
chattr -p 99 "$xfs/x/projects/file-1"
chattr -p 0 "$xfs/x/projects/heir"
exits 1 "-d, quota projects: others make the exit status 1" "$TARX" -d -f "$xfs/projects.tar" -C "$xfs/x"
is "-d, quota projects: are named" "$out$err" \
	"./projects/file-1: Project differs
./projects/heir: Project differs"
noted_archive unknown.tar file- fflags=nodump,sparkle fflags=glitter
fresh x
exits 0 "unknown flags: exit 0" "$TARX" -x -f unknown.tar -C x
like "unknown flags: named" "$err" "tarx: file-*: sparkle *"
is "unknown flags: once" "$(lines "$err")" 1
is "-d, unknown flags: differ" "$("$TARX" -d -f unknown.tar -C x 2>/dev/null | grep Flags | xargs)" \
	"file-fflags=nodump,sparkle: Flags differ file-fflags=glitter: Flags differ"
is "unknown flags: those that are known are set" "$(flags_of x/file-fflags=nodump,sparkle)" d
noted_archive negated.tar file fflags=dump,noschg,nosappnd
exits 0 "negated flags: exit 0" "$TARX" -x -f negated.tar -C x
is "negated flags: without a word" "$err" ""
is "negated flags: are not set" "$(flags_of x/file)" ""

noted_archive dash.tar file fflags=journal-data,nodump
exits 0 "a flag with a dash in its word: exit 0" "$TARX" -x -f dash.tar -C x
like "a flag with a dash in its word: is understood, and none of btrfs" "$err" "tarx: file: *journal-data*"
is "a flag with a dash in its word: the others are set" "$(flags_of x/file)" d

# ---- other programs' archives

for option in --fflags --format=pax; do
	must bsdtar -c --fflags $option -f bsdtar.tar -C all .
	fresh x
	exits 0 "bsdtar's archive of files with flags, $option: unpacks" "$TARX" -x -f bsdtar.tar -C x
	is "bsdtar's archive of files with flags, $option: has them again" \
		"$(cd x/flags && lsattr -d append-0 immutable-0 many nocow-0 directory-noatime | tr -d e)" \
		"$(cd all/flags && lsattr -d append-0 immutable-0 many nocow-0 directory-noatime | tr -d e)"
done

# ---- overlayfs keeps some in an attribute

mkdir "$xfs/lower" "$xfs/upper"
echo bytes >"$xfs/lower/file"
fs_overlay "$xfs/lower" "$xfs/upper"
must chattr +a "$FS/file"
for how in diff auto; do
	exits 0 "--overlay=$how of an append-only file: archives" \
		"$TARX" -c --overlay=$how -f overlay.tar -C "$FS" .
	is "--overlay=$how of an append-only file: the flag is stored" \
		"$(archive notes overlay.tar)" "./file tarx.fflags=sappnd"
done

# ---- subvolumes

types sub subvolumes
exits 0 "subvolumes: archives without being asked" "$TARX" -c -f plain.tar -C sub .
is "subvolumes: said once" "$(lines "$err")" 1
is "subvolumes: not recorded" "$(archive notes plain.tar)" ""
must "$TARX" -c --subvolumes -f sub.tar -C sub .
fresh x
exits 0 "recorded subvolumes, not asked for: unpacks" "$TARX" -x -f sub.tar -C x
is "recorded subvolumes, not asked for: said once" "$(lines "$err")" 1
ok "recorded subvolumes, not asked for: directories, all there" compare sub x
fresh "$xfs/x"
exits 1 "subvolumes onto XFS: exit 1" "$TARX" -x --subvolumes -f sub.tar -C "$xfs/x"
is "subvolumes onto XFS: one warning" "$(lines "$err")" 1
like "subvolumes onto XFS: and why" "$err" "tarx: *subvolumes/mode*another file system*"
ok "subvolumes onto XFS: directories, all there" compare sub "$xfs/x"
exits 1 "subvolumes over directories: exit 1" "$TARX" -x --subvolumes -f sub.tar -C x
like "subvolumes over directories: they stay, which is said" "$err" "tarx: *there already*"
fresh x-again
must "$TARX" -x --subvolumes -f sub.tar -C x-again
exits 1 "over read-only subvolumes: exit 1" "$TARX" -x --subvolumes -f sub.tar -C x-again
like "over read-only subvolumes: what cannot be written to is named" "$err" \
	"*subvolumes/read-only/file: *Read-only*"
ok "over read-only subvolumes: the rest goes on" compare --subvolumes sub x-again
echo changed >x-again/subvolumes/plain/file
exits 1 "over read-only subvolumes: once more" "$TARX" -x --subvolumes -f sub.tar -C x-again
ok "over read-only subvolumes: what can be written to is" \
	cmp sub/subvolumes/plain/file x-again/subvolumes/plain/file
must btrfs -q property set -ts x-again/subvolumes/snapshot ro false
exits 1 "over a subvolume that could be written to: unpacks" \
	"$TARX" -x --subvolumes -f sub.tar -C x-again
ok "over a subvolume that could be written to: it cannot any more, as archived" \
	compare --subvolumes sub x-again
mkdir theirs
chown 65534:65534 theirs
exits 0 "subvolumes, not root: unpacks" setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$TARX" -x --subvolumes -f sub.tar -C theirs ./subvolumes/plain
is "subvolumes, not root: are made where the file system lets" "$(stat -c %i theirs/subvolumes/plain)" 256
must "$TARX" -c --subvolumes -f one.tar -C sub/subvolumes plain
is "a subvolume as operand is recorded" "$(archive notes one.tar)" "plain/ tarx.subvolume=rw"
mkdir x-one
echo in the way >x-one/plain
exits 0 "a subvolume in the place of a file: unpacks" "$TARX" -x --subvolumes -f one.tar -C x-one
ok "a subvolume in the place of a file: is one" compare --subvolumes sub/subvolumes/plain x-one/plain
is "a subvolume in the place of a file: as such" "$(stat -c %i x-one/plain)" 256
must "$TARX" -c --subvolumes -f root.tar -C sub/subvolumes/plain .
fresh x
exits 0 "a subvolume as the root of the archive: unpacks into a directory" \
	"$TARX" -x --subvolumes -f root.tar -C x
is "a subvolume as the root of the archive: without a word" "$err" ""

# ---- --one-file-system

mkdir -p tree/directory/mounted tree/bound
echo file >tree/directory/file
must mount -t tmpfs -o size=1M tmpfs tree/directory/mounted
echo hidden >tree/directory/mounted/file
touch tree/bound/file "$ext4/elsewhere"
must mount --bind "$ext4/elsewhere" tree/bound/file
must btrfs -q subvolume create tree/subvolume
echo below >tree/subvolume/file
exits 0 "--one-file-system: archives" "$TARX" -c --one-file-system --subvolumes -f ofs.tar -C tree .
is "--one-file-system: what is mounted, and subvolumes, are empty directories" \
	"$("$TARX" -tf ofs.tar | xargs)" \
	"./ ./bound/ ./bound/file ./directory/ ./directory/file ./directory/mounted/ ./subvolume/"
is "--one-file-system: as GNU tar has it" "$("$TARX" -tf ofs.tar)" \
	"$(tar -c --one-file-system --sort=name -C tree . | tar -t)"
exits 0 "without it: archives" "$TARX" -c --subvolumes -f all.tar -C tree .
is "without it: all is entered" "$("$TARX" -tf all.tar | grep -c -E 'mounted/file|subvolume/file')" 2
exits 0 "--one-file-system of a mounted file system itself: archives" \
	"$TARX" -c --one-file-system -f ofs.tar -C tree/directory mounted
is "--one-file-system of a mounted file system itself: is entered" \
	"$("$TARX" -tf ofs.tar | xargs)" "mounted/ mounted/file"

finish
