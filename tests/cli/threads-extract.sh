#!/bin/bash
# --threads with -x: the same tree and the same words, whatever the number; and what fails behind the one who reads is
# told, counted, and not left.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

# What is said may come in another order where something fails.
extract() # THREADS TARGET COMMAND...: what is said, in said.THREADS
{
	local threads=$1 target=$2
	shift 2
	rm -rf "$target"
	must mkdir "$target"
	"$@" -x --threads="$threads" -C "$target" >said.raw 2>&1
	{ echo "exit $?"; sort said.raw; } >"said.$threads"
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
	same "$kind" "$TARX" -f a.tar
	ok "$kind: it is what was archived" compare tree more
	same "$kind, listed" "$TARX" -v -f a.tar
	same "$kind, GNU tar's" "$TARX" --xattrs --acls -f gnu.tar
	same "$kind, gzip" "$TARX" -f a.tar.gz
	same "$kind, a pipe" "$BASH" -c 'cat a.tar | "$@" -f -' - "$TARX"
	same "$kind, no attributes" "$TARX" --no-xattrs --no-acls --no-same-owner --numeric-owner -f a.tar
	same "$kind, once more over it" "$BASH" -c '"$@" && "$@"' - "$TARX" -f a.tar
	same "$kind, names that come again" "$TARX" -f turns.tar
	ok "$kind, names that come again: the last one counts" compare turns more
	exits 0 "$kind: with few descriptors" "$BASH" -c \
		"rm -rf few; mkdir few; ulimit -n 48; exec '$TARX' -x --threads=4 -f a.tar -C few"
	ok "$kind: with few descriptors: the same tree" compare tree few
	cd / || bail "no /"
	fs_umount "$FS"
done

# Files that cannot grow so far fail when they are filled: late, where threads do it.
fs_make xfs 512M
cd "$FS" || bail "no $FS"
must mkdir tree
small_files tree a b c
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
		is "$how, $threads threads: each file is told, and each link to one" "$(wc -l <"words.$threads")" 39
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
