#!/bin/bash
# Archives that lie in an archive as members: --inner restores, lists and compares what is in them, out of the
# archive around them, and one pass does for all.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib/fs.sh"

tree() # DIR
{
	must mkdir -p "$1"/sub/empty
	for size in 0 1 4095 4096 4097 70000 300001; do
		head -c $size /dev/urandom >"$1/sub/$size"
	done
	must ln "$1/sub/4097" "$1/again"
	must ln -s sub/1 "$1/link"
	must chmod 750 "$1/sub"
	must chown 5:6 "$1/sub/1"
}

empty() # DIR...: are there, with nothing in them
{
	rm -rf "$@" && must mkdir "$@"
}

restored() # PROMISE: into s, x and y is what lies in static, one and two
{
	ok "$1: some members of the archive itself" compare --no-top static s
	ok "$1: and those of one in it" compare --no-top one x
	ok "$1: and of another one, with its root" compare two y
}

# What is to be restored where, in an order that is not the archive's.
where=(-C s config checkpoint --inner two.tar -C ../y --inner deep/one.tar -C ../x)

for kind in xfs btrfs; do
	fs_make $kind 400M
	cd "$FS" || bail "no $FS"
	tree one
	tree two
	must mkdir static
	echo '{}' >static/config
	must mkdir static/checkpoint
	head -c 50000 /dev/urandom >static/checkpoint/pages
	must "$TARX" -c --align --align-min=4096 -f a.tar -C static config -C .. --nest deep/one.tar=one --nest two.tar=two/. \
		-C static checkpoint
	fs_sync .

	# ---- one pass over the archive, or a stream
	empty s x y
	exits 0 "$kind: three targets in one run" "$TARX" -x --stats=stats -f a.tar "${where[@]}"
	is "$kind: without a word" "$out$err" ""
	restored "$kind: from a file"
	is "$kind: every whole block is shared" "$(field stats bytes cloned)" "$(
		find s x y -type f -printf '%i %s\n' | sort -u |
			awk -v tail="$([ $kind = btrfs ] && echo yes)" \
				'{ n += tail && $2 >= 4096 ? $2 : $2 - $2 % 4096 } END { print n }')"
	read -r shared mapped < <("$SHARED" -a [xy]/sub/[0-9]*)
	ok "$kind: and is on the disk" test "$shared" -gt 700000 -a $((mapped - shared)) -lt 60000
	is "$kind: what was restored is counted" "$(field stats members file)" "$(find s x y -type f |
		awk 'END { print NR - 2 }')"
	exits 0 "$kind: the archive is read where it lies: no byte of it more than headers" \
		"$TARX" -x --reflink=always -f a.tar "${where[@]}"

	[ $kind = btrfs ] || continue

	for through in cat 'gzip -c' 'zstd -qc' 'xz -c0'; do
		empty s x y
		must eval "$through a.tar >p"
		exits 0 "$kind: through $through: from a pipe" eval "cat p | $TARX -x ${where[*]}"
		restored "$kind: through $through"
		[ "$through" != cat ] || continue
		empty s x y
		exits 0 "$kind: through $through: from a file" "$TARX" -xf p "${where[@]}"
		restored "$kind: through $through, a file"
	done

	# ---- archives of others: compressed ones, of any format
	for make in 'tar -c' 'tar -cz' 'tar -cJ' 'tar --zstd -c' 'tar -c --format=gnu' 'bsdtar -c --format=ustar' \
		'tar -c --sparse' "$TARX -c" "$TARX -c --align"; do
		must eval "$make -f two.tar -C two . && $make -f out.tar static two.tar"
		empty y
		exits 0 "$kind: $make, $make around it" "$TARX" -xf out.tar --inner two.tar -C y
		ok "$kind: $make, $make around it: is the tree" compare --seconds two y
		empty y
		exits 0 "$kind: $make, $make around it, through a pipe" eval \
			"cat out.tar | $TARX -x --inner ./two.tar -C y"
		ok "$kind: $make, $make around it, through a pipe: is the tree" compare --seconds two y
	done

	# ---- an archive with holes, stored as such
	must truncate -s 3M one/sub/hole
	must tar -c --format=gnu -f holes.tar -C one .
	must cp --sparse=always --reflink=never holes.tar sparse.tar
	must "$TARX" -cS --align -f out.tar sparse.tar
	ok "$kind: a member with holes has some" test "$(stat -c %s out.tar)" -lt "$(stat -c %s holes.tar)"
	empty x
	exits 0 "$kind: a member with holes" "$TARX" -xf out.tar --inner sparse.tar -C x
	ok "$kind: a member with holes: is the tree" compare --seconds one x
	empty x
	exits 0 "$kind: a member with holes, in a pipe" eval "cat out.tar | $TARX -x --inner sparse.tar -C x"
	ok "$kind: a member with holes, in a pipe: is the tree" compare --seconds one x
done

rm -rf one/sub/hole x y s
echo text >note
must "$TARX" -c --align -f a.tar note --nest one.tar=one --nest two.tar=two

# ---- lists and comparisons
is "list: the members of one" "$("$TARX" -tf a.tar --inner one.tar | sort)" "$(cd one && find . -mindepth 1 \
	\( -type d -printf '%P/\n' -o -printf '%P\n' \) | sort)"
is "list: in the archive's order, whatever the command line's" \
	"$("$TARX" -tf a.tar note --inner two.tar link --inner one.tar sub/1 | xargs)" "note sub/1 link"
is "list: in a pipe" "$(gzip -c a.tar | "$TARX" -t note --inner two.tar link --inner one.tar sub/1 | xargs)" \
	"note sub/1 link"
is "list: block numbers are the nested archive's" "$("$TARX" -tRf a.tar --inner one.tar again)" \
	"$(tar -xOf a.tar one.tar | "$TARX" -tR again | head -n 1)"
exits 0 "compare: what is the same" "$TARX" -df a.tar note --inner two.tar -C two --inner one.tar -C ../one
is "compare: without a word" "$out$err" ""
echo more >>two/sub/4096
exits 1 "compare: what differs" "$TARX" -df a.tar --inner two.tar -C two
like "compare: and how" "$out" '*sub/4096: Size differs*'
exits 1 "compare: in a pipe" eval "cat a.tar | $TARX -d --inner two.tar -C two --inner one.tar -C ../one"
is "compare: in a pipe only that" "$(grep -c Size <<<"$out")$err" 1
is "to standard output" "$("$TARX" -xOf a.tar --inner one.tar sub/70000 | cksum)" "$(cksum <one/sub/70000)"
empty x
must "$TARX" -xf a.tar one.tar --inner one.tar sub/70000 -C x
not "a -C counts for what is named behind it" test -e x/sub
ok "a member may be restored and looked into" eval "cmp one.tar <(tar -xOf a.tar one.tar) &&
	cmp sub/70000 one/sub/70000"
rm -rf sub one.tar
exits 0 "names may be changed" "$TARX" -xf a.tar --transform='s,^,y/,' --inner one.tar -C x sub/4096
ok "names may be changed: they are" cmp x/y/sub/4096 one/sub/4096
rm -rf x y

# ---- podman's list, beside or within, before or behind, and options that count for one archive alone
must mkdir -p rootfs/dir
echo new >rootfs/dir/new
must tar -cf rootfs-diff.tar -C rootfs dir
printf '["/dir/gone","/old"]' >deleted.files
must tar -cf v.tar -C one .
must tar -cf behind.tar rootfs-diff.tar v.tar deleted.files
must tar -cf before.tar deleted.files v.tar rootfs-diff.tar
must cp rootfs-diff.tar full.tar
must tar -rf full.tar deleted.files
for name in before behind; do
	for from in 'cat' 'gzip -c'; do
		rm -rf l p v
		must mkdir -p l p/dir p/old v/dir
		touch p/dir/gone p/old/file v/dir/gone
		exits 0 "$name, $from: into a layer and a volume" eval "$from $name.tar | $TARX -x \
			--inner rootfs-diff.tar --overlay=diff --whiteouts=podman -C l --inner v.tar -C ../v"
		is "$name, $from: removals are marks in the layer" "$(cd l && find . -type c | sort | xargs)" \
			"./dir/gone ./old"
		ok "$name, $from: and new is what is new" cmp l/dir/new rootfs/dir/new
		ok "$name, $from: and nothing is removed in the volume" test -e v/dir/gone -a -e v/again
		must "$TARX" -xf $name.tar --inner rootfs-diff.tar --whiteouts=podman -C p
		is "$name, $from: into a plain directory they are gone" "$(cd p && find . -type f)" ./dir/new
	done
done
rm -rf l p
must mkdir -p l p/dir
touch p/dir/gone
must "$TARX" -xf behind.tar --inner rootfs-diff.tar --overlay=diff -C l
is "a diff takes the list without being told, if it is the only one" "$(find l -type c | wc -l)" 2
must tar -cf out.tar full.tar
must "$TARX" -xf out.tar --inner full.tar --whiteouts=podman -C p
not "the list within counts" test -e p/dir/gone
rm -rf l m
must mkdir l m
exits 1 "of two diffs nobody knows which is meant" "$TARX" -x --overlay=diff -f behind.tar --inner rootfs-diff.tar \
	-C l --inner v.tar -C ../m
like "of two diffs: it is said" "$err" '*deleted.files: nothing of it is removed*'
is "of two diffs: nothing is removed" "$(find l m -type c | wc -l)" 0
rm -rf l m
must mkdir l m
exits 0 "of two diffs one is meant" "$TARX" -x --overlay=diff -f behind.tar --inner rootfs-diff.tar --whiteouts=podman \
	-C l --inner v.tar -C ../m
is "of two diffs one is meant: that gets it" "$(find l -type c | wc -l) $(find m -type c | wc -l)" "2 0"
echo '{"no": "list"}' >deleted.files
must tar -cf out.tar rootfs-diff.tar deleted.files
exits 1 "a list that is none" "$TARX" -xf out.tar --inner rootfs-diff.tar --whiteouts=podman -C l
like "a list that is none is named" "$err" '*deleted.files*not a list of removals*'

rm -rf l
must mkdir l
must tar -cf both.tar v.tar rootfs-diff.tar
printf '["/again","/dir/gone"]' >deleted.files
must tar -cf gone.tar deleted.files
must tar -rf both.tar gone.tar
must "$TARX" -x --overlay=diff -f both.tar -C l --inner gone.tar --inner rootfs-diff.tar --inner v.tar
is "what several archives bring to one directory none of them removes" \
	"$(find l -type c) $(cmp l/again one/again && echo whole)" "l/dir/gone whole"
must cp a.tar twice.tar
must mkdir later
echo later >later/link
must "$TARX" -r --align -f twice.tar --nest one.tar=later
rm -rf l
must mkdir l
exits 1 "an archive that is there twice" "$TARX" -xf twice.tar --inner one.tar -C l
like "an archive that is there twice: is said" "$err" '*one.tar: is there more than once*'
is "an archive that is there twice: the later counts" "$(cat l/link)" later

# ---- what goes wrong
wrong() # PROMISE WORDS COMMAND...
{
	local promise=$1 words=$2
	shift 2
	exits 2 "$promise" "$@"
	like "$promise: is said" "$err" "*$words*"
}

wrong "a name that is missing" "a.tar: none.tar: Not found in archive" "$TARX" -tf a.tar --inner none.tar --inner one.tar
wrong "a member that is no archive" "a.tar: note: not a tar archive" "$TARX" -tf a.tar --inner note
must tar -cf out.tar one/sub one/again one/sub/4097
wrong "a directory" "not a file" "$TARX" -tf out.tar --inner one/sub
wrong "a hard link" "not a file" "$TARX" -tf out.tar --inner one/again
wrong "the same name twice" "named twice" "$TARX" -tf a.tar --inner one.tar --inner ./one.tar
wrong "no name" "not a member's name" "$TARX" -tf a.tar --inner ./
wrong "one list for two" "behind the --inner" "$TARX" -xf a.tar --whiteouts=podman --inner one.tar --inner two.tar
wrong "a place to begin at" "--starting-file" "$TARX" -tf a.tar -K note --inner one.tar
wrong "in a pipe restored and looked into" "and also looked into" eval "cat a.tar | $TARX -x -C l one.tar --inner one.tar"
wrong "sharing out of a pipe" "nothing can be shared" eval "cat a.tar | $TARX -x --reflink=always --inner one.tar -C l"
exits 1 "members that are missing in one" "$TARX" -tf a.tar --inner one.tar nothing
like "members that are missing in one: are named" "$err" '*nothing: Not found*'
rm -rf l
must mkdir -p l/dir
touch l/dir/gone
printf '["/dir/gone"]' >deleted.files
must tar -cf out.tar deleted.files rootfs-diff.tar
wrong "nothing is removed where something is missing" "Not found" "$TARX" -xf out.tar --inner rootfs-diff.tar \
	--whiteouts=podman -C l --inner none.tar
ok "nothing is removed where something is missing: it is there" test -e l/dir/gone

# ---- hostile: what lies behind the nested archive is not of it, whatever its headers say
echo secret >secret
for size in 600 5000 10000000000; do
	head -c 512 /dev/urandom >file
	must tar -b 1 --format=gnu -cf liar.tar file
	must "$PYTHON" -B - liar.tar $size <<-'END'
		import sys
		path, size = sys.argv[1], int(sys.argv[2])
		tar = bytearray(open(path, "rb").read()[:1024])
		tar[124:136] = (b"\x80" + bytes(3) + size.to_bytes(8, "big"))
		tar[148:156] = b" " * 8
		tar[148:156] = b"%06o\0 " % sum(tar[:512])
		open(path, "wb").write(tar)
	END
	must tar -cf out.tar liar.tar secret one
	for from in 'cat out.tar | ' '' 'gzip -c out.tar | '; do
		rm -rf l
		must mkdir l
		if [ "$from" ]; then file=-; else file=out.tar; fi
		exits 2 "a member of $size bytes in 1024, ${from:-a file}" eval "$from$TARX -xf $file --inner liar.tar -C l"
		is "a member of $size bytes in 1024, ${from:-a file}: nothing comes of it" "$(ls -A l)" ""
		exits 2 "a member of $size bytes in 1024, ${from:-a file}: compared" eval \
			"$from$TARX -df $file --inner liar.tar"
		exits 2 "a member of $size bytes in 1024, ${from:-a file}: listed" eval \
			"$from$TARX -tf $file --inner liar.tar"
	done
done
# ---- cut
size=$(stat -c %s a.tar)
for keep in $((size - 12288)) $((size - 300000)) $((size / 2)) 3000 700; do
	must head -c "$keep" a.tar >cut.tar
	rm -rf l
	must mkdir -p l/dir
	exits 2 "cut to $keep of $size" "$TARX" -xf cut.tar --inner one.tar -C l --inner two.tar -C ../l
	exits 2 "cut to $keep of $size, in a pipe" eval "cat cut.tar | $TARX -x --inner one.tar -C l --inner two.tar -C ../l"
done
must tar -xf a.tar one.tar
must head -c 200000 one.tar >cut.tar
must tar -cf out.tar cut.tar note
exits 2 "a nested archive that was cut before it was stored" "$TARX" -xf out.tar --inner cut.tar -C l
like "a nested archive that was cut: is said" "$err" '*out.tar: cut.tar: *'
must eval "gzip -c one.tar | head -c 100000 >cut.tar"
must tar -cf out.tar cut.tar note
exits 2 "a compressed one that was cut" "$TARX" -xf out.tar --inner cut.tar -C l
must eval 'gzip -c one.tar >cut.tar && printf damaged | dd of=cut.tar bs=1 seek=50000 conv=notrunc status=none'
must tar -cf out.tar cut.tar note
exits 2 "a compressed one that is damaged" "$TARX" -xf out.tar --inner cut.tar -C l

finish
