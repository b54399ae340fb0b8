#!/bin/bash
# -r: members at the end of an archive that is there, in place; nothing old is ever lost.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib/fs.sh"

diesat=$(helper diesat)
# A tracer is in the leak checker's way.
export ASAN_OPTIONS=detect_leaks=0

tree() # DIR
{
	must mkdir -p "$1/old" "$1/new/sub"
	must cp -a /usr/bin/env "$1/old/env"
	head -c 5000 /dev/urandom >"$1/old/five" || bail "no random bytes"
	echo small >"$1/old/small"
	head -c 300000 /dev/urandom >"$1/new/large"
	head -c 65536 /dev/urandom >"$1/new/sub/blocks"
	echo more >"$1/new/more"
	must ln "$1/new/more" "$1/new/again"
	must ln -s more "$1/new/link"
	must touch -d '2020-01-01 00:00:00' "$1"/*/* "$1/new/sub/blocks"
}

names() # ARCHIVE: as GNU tar lists them, and what it complains of
{
	tar -tf "$1" 2>&1
}

for kind in btrfs xfs ext4; do
	fs_make $kind 400M
	cd "$FS" || bail "no $FS"
	tree "$FS"
	fs_sync "$FS"

	# ---- archives of every origin
	for format in gnu ustar v7 pax; do
		must tar -c --format=$format -b 20 -f $format.tar old
	done
	must tar -c -b 1 --format=gnu -f short.tar old
	must "$TARX" -c --align -f tarx.tar old
	must "$TARX" -c --align=none -f plain.tar old
	must head -c $(($(stat -c %s short.tar) - 1024)) short.tar >noend.tar
	for name in gnu ustar v7 pax short tarx plain noend; do
		exits 0 "$kind: $name.tar grows" "$TARX" -r --align --stats=stats -f $name.tar new
		is "$kind: $name.tar has the old members and the new" "$(names $name.tar | sort)" \
			"$(tar -c old new | tar -t | sort)"
		rm -rf out && mkdir out
		exits 0 "$kind: $name.tar is restored" tar -xf $name.tar -C out
		ok "$kind: $name.tar: what is restored is the same" diff -r --no-dereference old out/old
		ok "$kind: $name.tar: so are the new ones" diff -r --no-dereference new out/new
		exits 0 "$kind: $name.tar is read by tarx" "$TARX" -df $name.tar
		if [ $kind = ext4 ]; then
			is "$kind: $name.tar: nothing is shared" "$(field stats bytes cloned)" 0
		else
			is "$kind: $name.tar: blocks of the new ones are shared" \
				"$(field stats bytes cloned)" $((300000 / 4096 * 4096 + 65536))
		fi
	done

	# ---- a payload that would fall on the old end mark itself
	rm -rf edge && mkdir edge
	head -c 200000 /dev/urandom >edge/file
	must touch -d @1500000000 edge/file
	fs_sync "$FS"
	for size in 3072 2048 2560; do
		head -c $size /dev/urandom >first
		must tar -c --format=ustar -b 1 -f edge.tar first
		exits 0 "$kind: a payload near the end mark, $size" \
			"$TARX" -r --align -f edge.tar edge/file
		is "$kind: $size: it reads as it should" "$(tar -xOf edge.tar edge/file | cmp - edge/file 2>&1)" ''
		exits 0 "$kind: $size: all is there" "$TARX" -df edge.tar
	done

	# ---- killed at every change of the file
	must tar -c --format=gnu -f page.tar old
	: >old/nothing
	must tar -c --format=gnu -f pages.tar old
	for how in page pages 'page --sync' 'pages --sync'; do
		read -r base options <<<"$how"
		want=$(names "$base.tar")
		rm -f old/nothing
		[ $base = page ] || : >old/nothing
		n=1 doubts='' bad=''
		# Only where the end mark lies in two pages there is a moment with half of it.
		[ $base = page ] || doubts='[Ll]one zero block\|single block of zeros'
		while :; do
			must cp "$base.tar" kill.tar
			# shellcheck disable=SC2086
			"$diesat" $n "$TARX" -r --align $options -f kill.tar new edge 2>/dev/null
			code=$?
			[ $code -eq 137 ] || break
			got=$(names kill.tar | grep -v "${doubts:-^$}")
			[ "$got" = "$want" ] || bad+="$n: GNU tar: $got"$'\n'
			got=$("$TARX" -tf kill.tar 2>&1 | grep -v "${doubts:-^$}")
			[ "$got" = "$want" ] || bad+="$n: tarx: $got"$'\n'
			[ -n "$doubts" ] || "$TARX" -df kill.tar >/dev/null 2>&1 || bad+="$n: differs"$'\n'
			"$TARX" -rf kill.tar new 2>/dev/null || bad+="$n: does not grow again"$'\n'
			[ "$(names kill.tar | sort)" = "$(tar -c old new | tar -t | sort)" ] ||
				bad+="$n: other members after another -r"$'\n'
			n=$((n + 1))
			[ $n -lt 100 ] || break
		done
		is "$kind: $how: killed at any of $n changes the old archive is whole, and grows later" "$bad" ''
		is "$kind: $how: not killed, all is done" "$code" 0
		ok "$kind: $how: it was killed at some" test $n -gt 3
		[[ $how != *--sync ]] || continue
		n=1 bad=''
		while :; do
			must cp "$base.tar" kill.tar
			"$diesat" -$n "$TARX" -r --align -f kill.tar new edge 2>/dev/null
			[ $? -eq 130 ] || break
			cmp -s "$base.tar" kill.tar ||
				bad+="$n: $(names kill.tar)"$'\n'
			n=$((n + 1))
			[ $n -lt 100 ] || break
		done
		is "$kind: $how: interrupted behind any of $n changes it is again what it was" "$bad" ''
		ok "$kind: $how: it was interrupted at some" test $n -gt 3
	done

	# ---- errors (no xfs is that small)
	[ $kind != xfs ] || continue
	fs_make $kind 130M
	small=$FS
	must cp page.tar "$small/full.tar"
	head -c 200M /dev/urandom >huge
	exits 2 "$kind: a full disk is fatal" "$TARX" -r --reflink=never --align -f "$small/full.tar" huge
	ok "$kind: and the archive is what it was" cmp page.tar "$small/full.tar"
	rm huge
	fs_umount "$small"
done

# ---- what is refused, and stays as it was

fs_make btrfs 200M
cd "$FS" || bail "no $FS"
tree "$FS"
must tar -czf gz.tar old
must cp gz.tar gz.before
exits 2 "a compressed archive" "$TARX" -rf gz.tar new
like "is told so" "$err" '*gz.tar: cannot append to a compressed archive*'
ok "and stays" cmp gz.tar gz.before
head -c 20000 /dev/urandom >junk
must cp junk junk.before
exits 2 "what is no archive" "$TARX" -rf junk new
ok "stays" cmp junk junk.before
exits 2 "a pipe" "$TARX" -r new
exits 2 "a directory" "$TARX" -rf old new
exits 2 "nothing to append" "$TARX" -rf junk
must mkfifo fifo
exits 2 "a fifo" timeout 10 "$TARX" -rf fifo new
must tar -cf cut.tar old
must truncate -s 20000 cut.tar
must cp cut.tar cut.before
exits 2 "an archive that is cut off" "$TARX" -rf cut.tar new
ok "stays as it is" cmp cut.tar cut.before
must tar -cf locked.tar old
exits 2 "an archive that another program appends to" flock locked.tar "$TARX" -rf locked.tar new
like "is told" "$err" '*another program has locked it*'

# ---- beginnings

exits 0 "a file that is missing is made" "$TARX" -rf missing.tar old
is "with the members" "$(names missing.tar)" "$(tar -c old | tar -t)"
: >empty.tar
exits 0 "a file of no bytes is an empty archive" "$TARX" -rf empty.tar old
is "and has the members then" "$(names empty.tar)" "$(tar -c old | tar -t)"
head -c 10240 /dev/zero >zeros.tar
exits 0 "an archive of no members" "$TARX" -rf zeros.tar old
is "has them then" "$(names zeros.tar)" "$(tar -c old | tar -t)"
exits 0 "the archive is not stored in itself" "$TARX" -rf zeros.tar zeros.tar new
is "only what else was named" "$(names zeros.tar | sort)" "$(tar -c old new | tar -t | sort)"

# ---- beside GNU tar: the same members and the same exit code

same() # PROMISE ARGUMENT...
{
	local promise=$1 mine theirs
	shift
	must tar -cf mine.tar old
	must cp mine.tar theirs.tar
	"$TARX" -rf mine.tar "$@" 2>/dev/null
	mine=$?
	tar --sort=name -rf theirs.tar "$@" 2>/dev/null
	theirs=$?
	is "$promise: the exit code of GNU tar" "$mine" "$theirs"
	is "$promise: the members of GNU tar" "$(names mine.tar)" "$(names theirs.tar)"
}
same "a tree" new
same "the same again" old
same "a file and a directory" old/small new/sub
same "another directory" -C new more sub
exits 1 "what is missing is told, and the rest stored" "$TARX" -rf mine.tar no-such-file old/five
like "it is named" "$err" '*no-such-file*'
is "and the rest is there" "$(names mine.tar | tail -n 1)" old/five

finish
