#!/bin/bash
# Overlays that nobody thought of: random layers and random changes through the mount. What is archived of them
# comes back the same, in every spelling of removals, into a fresh upper layer and into a live mount.
#
# SEED=N COUNT=N: others, and more of them.

# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

first=${SEED:-23}
count=${COUNT:-4}

wild() # TREE SEED COUNT
{
	must "$PYTHON" -B "$fs_lib/wild.py" "$@"
}

# Two layers, the upper of them made through a mount, so that it says something of the lower one.
make_lowers() # SEED OPTIONS
{
	rm -rf bottom top
	mkdir bottom top
	wild bottom "$((seed * 10))" 40
	fs_overlay "$fs/bottom" "$fs/top" "$2"
	wild "$FS" "$((seed * 10 + 1))" 30
	must umount "$FS"
}

mount_again() # UPPER OPTIONS: names and numbers of links are right only then
{
	must umount "$FS"
	fs_overlay "$fs/top:$fs/bottom" "$1" "$2"
}

restores() # PROMISE MERGED OPTIONS
{
	local promise=$1 merged=$2 options=$3
	rm -rf fresh
	mkdir fresh
	exits 0 "$promise: restored into a layer" "$TARX" -x --overlay=diff -f a.tar -C fresh
	is "$promise: restored into a layer without a word" "$out$err" ''
	fs_overlay "$fs/top:$fs/bottom" "$fs/fresh" "$options"
	ok "$promise: the layer shows the same tree" compare "$merged" "$FS"
	must umount "$FS"
	rm -rf fresh
	mkdir fresh
	fs_overlay "$fs/top:$fs/bottom" "$fs/fresh" "$options"
	find "$FS" -ls >/dev/null
	exits 0 "$promise: restored into a live mount" "$TARX" -x --overlay=diff -f a.tar -C "$FS"
	ok "$promise: the mount shows the same tree at once" compare "$merged" "$FS"
	must umount "$FS"
}

options=("redirect_dir=on,metacopy=on,index=on" "redirect_dir=on,metacopy=off,index=off"
	"redirect_dir=off,metacopy=off,index=on" "redirect_dir=on,metacopy=on,index=off"
	"redirect_dir=off,metacopy=off,index=off")
for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	cd "$fs" || bail "no $fs"
	for ((seed = first; seed < first + count; seed++)); do
		chosen=${options[seed % ${#options[@]}]}
		make_lowers "$seed" "${chosen/index=on/index=off}"
		rm -rf upper
		mkdir upper
		fs_overlay "$fs/top:$fs/bottom" "$fs/upper" "$chosen"
		wild "$FS" "$((seed * 10 + 2))" 40
		mount_again "$fs/upper" "$chosen"
		merged=$FS
		for spelling in overlay oci podman; do
			promise="$kind, seed $seed, $chosen, $spelling"
			exits 0 "$promise: archived" "$TARX" -c --align --overlay=diff \
				--whiteouts="$spelling" -C "$merged" -f a.tar .
			is "$promise: archived without a word" "$out$err" ''
			restores "$promise" "$merged" "$chosen"
		done
		must umount "$merged"
	done
	cd / || bail "no /"
	fs_umount "$fs"
done

finish
