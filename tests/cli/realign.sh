#!/bin/bash
# --realign: the members of any tar, or of several, as one aligned archive; nothing of them is lost, and what
# is damaged leaves no archive behind.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

same() # PROMISE FILE FILE: nothing was said, and the bytes are the same
{
	ok "$1" cmp "$2" "$3"
}

realigns() # PROMISE OPTION...: into "out", without a word
{
	local promise=$1
	shift
	exits 0 "$promise" "$TARX" --realign --stats="$WORK/stats" -f out "$@"
	is "$promise: without a word" "$out$err" ''
}

moved() # KEY: of the last one
{
	field "$WORK/stats" bytes "$1"
}

# ---- what tarx made comes out as tarx makes it, whatever lay between

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	cd "$FS" || bail "no $FS"
	more=projects
	[ $kind = btrfs ] && more=subvolumes
	types tree basic past hard xattrs acls names bytes deep sparse flags $more
	must sizes tree/sizes 4096
	fs_sync "$FS"
	for sparse in '' -S; do
		for align in 4K none 64K; do
			# shellcheck disable=SC2086
			"$TARX" -c $sparse --subvolumes --align=$align -f $align -C tree . 2>/dev/null
		done
		what="$kind${sparse:+, $sparse}"
		for from in 4K none 64K; do
			for align in 4K none 64K; do
				# Zeros that a coarser map took for data stay data.
				[ "$sparse" ] && [ $from = 64K ] && [ $align != 64K ] && continue
				"$TARX" --realign --align=$align --stats="$WORK/stats" -f out $from
				same "$what: $from realigned to $align is what -c writes" out $align
			done
		done
	done
	must "$TARX" -c --align -f dense -C tree/sizes .
	realigns "$kind: an aligned archive" dense
	is "$kind: every whole block of it is shared" "$(moved cloned)" "$(archive sharable dense 4096)"
	must "$TARX" --realign --align=none -z -f out.gz 4K
	same "$kind: compressed, it is what -c writes" <(gzip -dc out.gz) none
	"$TARX" --realign --align=4K -f - <out.gz >out
	same "$kind: from a compressed file as standard input, too" out 4K
	mkfifo fifo
	cat none >fifo &
	exits 0 "$kind: from a FIFO" "$TARX" --realign -f out fifo
	same "$kind: it is what -c writes" out 4K
	# shellcheck disable=SC2002
	cat 4K | "$TARX" --realign --align=none | cmp - none
	is "$kind: between two pipes" "${PIPESTATUS[*]}" '0 0 0'
	must cp none same
	must ln -s same link
	exits 0 "$kind: in place, through a link" "$TARX" --realign -f link same
	same "$kind: it is what -c writes" same 4K
	ok "$kind: and the link still leads there" test -L link
	cd / && fs_umount "$FS"
done
finish
