#!/bin/bash
# --threads with -x: the same tree and the same words, whatever the number; and what fails behind the one who reads is
# told, counted, and not left.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/attack.sh
. "$(dirname "$0")/../lib/attack.sh"

# What is said may come in another order where something fails.
extract() # THREADS TARGET COMMAND...: what is said, in said.THREADS
{
	local threads=$1 target=$2
	shift 2
	rm -rf "$target"
	must mkdir "$target"
	(cd "$target" && "$@" -x --threads="$threads" >../said.raw 2>&1)
	{ echo "exit $?"; sort said.raw; } >"said.$threads"
	# What is made without a time of its own.
	[ -z "${timeless-}" ] || find "$target" \( -type d -o -type c \) -exec touch -d @5 {} +
}

same() # PROMISE COMMAND...: trees of one thread and of several, and what is said meanwhile
{
	local promise=$1 threads
	shift
	extract 1 one "$@"
	for threads in 2 3 16; do
		extract "$threads" more "$@"
		ok "$promise: $threads threads restore the same tree" compare one more
		ok "$promise: and say the same" cmp said.1 "said.$threads"
	done
}

listed() # TREE: names and sizes of its regular files
{
	(cd "$1" && find . -type f -printf '%p %s\n' | sort)
}

small_files() # DIR SUBDIRECTORY...
{
	local tree=$1 dir file
	shift
	for dir in "${@/#/$tree/}"; do
		must mkdir -p "$dir"
		for file in {1..25}; do
			head -c $((file * file * 60)) /dev/urandom >"$dir/$file"
		done
	done
}

# What a name is last is what it is in the end, whoever was still busy with it.
again_and_again()
{
	local round name
	for round in {1..6}; do
		rm -rf turns
		must mkdir -p turns/first
		for name in {01..40}; do
			echo "$round $name" >"turns/first/$name"
			case $(((10#$name + round) % 5)) in
			0) mkdir "turns/$name" ;;
			1) ln -s "$round" "turns/$name" ;;
			2) head -c $((round * 5000)) /dev/urandom >"turns/$name" ;;
			3) ln "turns/first/$name" "turns/$name" ;;
			4) head -c $((round * 50000)) /dev/urandom >"turns/$name" ;;
			esac
		done
		must "$TARX" -r --align --sort=name -f turns.tar -C turns .
	done
}

for kind in btrfs xfs ext4; do
	fs_make "$kind" 512M
	cd "$FS" || bail "no $FS"
	types tree basic past hard xattrs acls names bytes deep
	must sizes tree/sizes 4096
	small_files tree/many {a,b,c}/{1,2,3,4}
	fs_sync "$FS"
	must "$TARX" -c --align -f a.tar -C tree .
	must tar --pax-option=delete=atime,delete=ctime --xattrs --xattrs-include='*' --acls --format=pax -cf gnu.tar -C tree .
	must gzip -k a.tar
	again_and_again
	same "$kind" "$TARX" -f ../a.tar
	ok "$kind: it is what was archived" compare tree more
	same "$kind, listed" "$TARX" -v -f ../a.tar
	same "$kind, GNU tar's" "$TARX" --xattrs --acls -f ../gnu.tar
	same "$kind, gzip" "$TARX" -f ../a.tar.gz
	same "$kind, a pipe" "$BASH" -c 'cat ../a.tar | "$@" -f -' - "$TARX"
	same "$kind, no attributes" "$TARX" --no-xattrs --no-acls --no-same-owner --numeric-owner -f ../a.tar
	same "$kind, once more over it" "$BASH" -c '"$@" && "$@"' - "$TARX" -f ../a.tar
	same "$kind, names that come again" "$TARX" -f ../turns.tar
	ok "$kind, names that come again: the last one counts" compare turns more
	exits 0 "$kind: with few descriptors" "$BASH" -c \
		"rm -rf few; mkdir few; ulimit -n 48; exec '$TARX' -x --threads=4 -f a.tar -C few"
	ok "$kind: with few descriptors: the same tree" compare tree few
	cd / || bail "no /"
	fs_umount "$FS"
done

# story.tar, whose first 80 members bring threads to work. large() is more than limited() lets a file have.
story() # SNIPPET
{
	hostile "
def large(name): add(name, data=b'A' * 30000, mtime=5)
def small(name, **more): add(name, data=name.encode(), mtime=5, **more)
def folder(name): directory(name, mtime=5)
def removal(name): add(name, tarfile.CHRTYPE, mtime=5, devmajor=0, devminor=0)
def within(name, *members):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode='w') as tar:
        for member, link in members:
            info = tarfile.TarInfo(member)
            info.type, info.linkname, info.mtime = (tarfile.LNKTYPE if link else tarfile.REGTYPE), link, 5
            tar.addfile(info)
    add(name, data=inner.getvalue(), mtime=5)
folder('.')
for n in range(80): small(f'fill-{n}')
$1"
	mv hostile.tar story.tar
}

limited() # COMMAND...: no file may have more than 20 KiB
{
	env --ignore-signal=XFSZ "$BASH" -c 'ulimit -f 20; exec "$@"' - "$@"
}

told() # PROMISE SNIPPET COMMAND...
{
	local promise=$1 timeless=yes
	story "$2"
	shift 2
	same "$promise" "$@"
}

for kind in btrfs ext4; do
	fs_make "$kind" 512M
	cd "$FS" || bail "no $FS"
	told "$kind: how btrfs compresses" "
for n in range(30): small(f'zstd-{n}', pax_headers={'SCHILY.xattr.btrfs.compression': 'zstd'})" \
		"$TARX" --xattrs -f ../story.tar
	[ "$kind" != btrfs ] || is "how btrfs compresses: is kept" \
		"$(getfattr -d -m btrfs.compression more/zstd-* | grep -c '="zstd"')" 30
	told "$kind: removed after it was there" "small('x'); removal('x')" "$TARX" --overlay=diff -f ../story.tar
	ok "$kind: removed after it was there: is a whiteout" test -c more/x
	told "$kind: removed, there again, linked" "removal('y'); small('y'); hardlink('k', 'y')" \
		"$TARX" --overlay=diff -f ../story.tar
	ok "$kind: removed, there again, linked: is a link" test more/k -ef more/y
	told "$kind: a directory over a file that fails" "large('x'); folder('x'); small('x/y')" limited "$TARX" -f ../story.tar
	ok "$kind: a directory over a file that fails: is there" test -f more/x/y
	told "$kind: a path through a file that fails" "large('x'); small('x/y')
folder('x')" limited "$TARX" -f ../story.tar
	ok "$kind: a path through a file that fails: leads there" test -f more/x/y
	told "$kind: a link in another archive to what fails" "large('x'); within('in.tar', ('k', 'x'))" \
		limited "$TARX" --wildcards -f ../story.tar 'fill*' x --inner=in.tar
	told "$kind: one directory by two names" "large('x'); hardlink('k', 'x')" \
		limited "$TARX" --wildcards -f ../story.tar 'fill*' x -C ./. k
	told "$kind: names in a directory that is new" "
folder('new')
for n in range(20): small(f'new/{n}')
small('new/a'); folder('new/a')
small('new/b'); symlink('new/b', 'a')
folder('new/c'); small('new/c')
symlink('new/here', '.'); small('new/here/d'); add('new/d', data=b'the last', mtime=5)
add('new/e', data=b'the first', mtime=5); small('new/here/e')
small('new/f'); hardlink('new/g', 'new/f'); add('new/f', data=b'another', mtime=5)
folder('new/h'); small('new/h/deep/1'); small('new/h/deep'); removal('new/i'); small('new/i')
small('new/j/1')
for n in range(20): folder(f'k{n}'); small(f'k{n}/a'); small('z'); small(f'k{n}/b'); small(f'k{n}/a')" "$TARX" -f ../story.tar
	is "$kind: names in a directory that is new: the last counts" "$(cat more/new/{d,e,f,g})" \
		"the lastnew/here/eanothernew/f"
	told "$kind: a new directory by another name" "
symlink('way', 'new'); folder('new'); small('way/a'); add('new/a', data=b'the last', mtime=5)
folder('new/b'); symlink('new/b/up', '..'); small('new/b/up/c'); small('new/c')" "$TARX" -f ../story.tar
	told "$kind: a new directory that comes twice" "
for n in range(40):
    folder(f'e{n}')
    for i in range(4): add(f'e{n}/{i}', data=b'A' * 20000, mtime=5)
    small(f'e{n}/a'); folder(f'e{n}'); add(f'e{n}/a', data=b'the last', mtime=5); hardlink(f'e{n}/b', f'e{n}/a')" \
		"$TARX" -f ../story.tar
	is "$kind: a new directory that comes twice: the last counts" "$(sort -u more/e*/b)" "the last"
	told "$kind: what was refused is not there for links" "
for n in range(40):
    for i in range(4): add(f'{n}-{i}', data=b'A' * 20000, mtime=5)
    small(f'a{n}'); hardlink(f'a{n}', '../evil'); hardlink(f'b{n}', f'a{n}')" "$TARX" -f ../story.tar
	is "$kind: what was refused is not there for links: as one thread says" "$(grep -c 'not restored' said.16)" 40
	told "$kind: the same in a diff" "
folder('new')
for n in range(20): small(f'new/{n}')
small('new/a'); removal('new/a'); small('new/b'); removal('new/b'); small('new/b')
folder('new/c'); small('new/c/1'); small('new/c')" "$TARX" --overlay=diff -f ../story.tar
	told "$kind: what fails before the end for another reason" "
for n in range(5): large(f'x-{n}')
symlink('in.tar', 'nothing')" limited "$TARX" --wildcards -f ../story.tar 'fill*' 'x*' --inner=in.tar
	is "$kind: what fails before the end for another reason: is told" "$(grep -c 'too large' said.16)" 5
	cd / || bail "no /"
	fs_umount "$FS"
done

# Attributes, too, are kept within bounds.
fs_make xfs 512M
cd "$FS" || bail "no $FS"
story "
for n in range(100): small(f'labelled-{n}', pax_headers={'SCHILY.xattr.user.long': 'v' * 60000})"
for threads in 1 4; do
	must mkdir "out-$threads"
	exits 0 "long attributes, $threads threads" "$TARX" -x --threads=$threads --xattrs --stats -f story.tar -C "out-$threads"
	field <(echo "$err") max_rss_bytes >"memory.$threads"
done
ok "long attributes: several threads need little more memory" test \
	$(($(cat memory.4) - $(cat memory.1))) -lt 4000000
cd / || bail "no /"
fs_umount "$FS"

# Files that cannot grow so far fail when they are filled: late, where threads do it.
fs_make xfs 512M
cd "$FS" || bail "no $FS"
must mkdir tree
small_files tree a b c d e f
for file in tree/*/2[0-5]; do
	must ln "$file" "$file-link"
done
for how in --align=none --align; do
	must "$TARX" -c "$how" --align-min=1 -f late.tar tree
	for threads in 1 4; do
		rm -rf out
		must mkdir out
		exits 1 "$how, files too large, $threads threads: exit code" env --ignore-signal=XFSZ "$BASH" -c \
			"ulimit -f 20; exec '$TARX' -x --threads=$threads --stats -f late.tar -C out"
		echo "$err" | grep -v '^{' | sort >"words.$threads"
		echo "$err" | grep '^{' >stats
		is "$how, $threads threads: each file is told, and each link to one" "$(wc -l <"words.$threads")" 78
		is "$how, $threads threads: they do not count as restored" "$(field stats members file)" \
			"$(find out -type f -links 1 | wc -l)"
		is "$how, $threads threads: nothing of them is left, all others are whole" \
			"$(listed out)" "$(cd tree && find . -type f -size -20481c -printf './tree/%P %s\n' | sort)"
	done
	ok "$how: and the words are the same" cmp words.1 words.4
done

# A full disk ends it: what is there then is whole.
must mkdir small
must mount -t tmpfs -o size=900k tmpfs small
for threads in 1 4; do
	rm -rf small/*
	exits 2 "a full disk, $threads threads: exit code" "$TARX" -x --threads=$threads -f late.tar -C small
	like "a full disk, $threads threads: says so" "$err" "*No space left on device*"
	is "a full disk, $threads threads: once" "$(grep -c 'No space' <<<"$err")" 1
	is "a full disk, $threads threads: every file is whole" \
		"$(listed small | comm -23 - <(listed . | grep '^\./tree'))" ""
done
must umount small

# A truncated archive, of which the last payloads lack.
must head -c $(($(stat -c %s late.tar) / 2)) late.tar >cut.tar
for threads in 1 4; do
	rm -rf out
	must mkdir out
	exits 2 "cut off, $threads threads: exit code" "$TARX" -x --threads=$threads -f cut.tar -C out
	is "cut off, $threads threads: every file is whole" "$(listed out | comm -23 - <(listed . | grep '^\./tree'))" ""
done
finish
