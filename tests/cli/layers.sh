#!/bin/bash
# What an overlay shows, taken from its layers: the archive is the tree that is seen, to the last byte and
# attribute, and every whole block in it is shared with the layer that has it.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/layers.sh
. "$fs_lib/layers.sh"

# From 1 to 60 lowers, by short paths from the folder of the mount point as container storage has them.
for kind in btrfs xfs; do
	fs_make "$kind" 1500M
	fs=$FS
	for count in 1 2 5 20 60; do
		mkdir -p "$fs/$count"/{upper,work,merged}
		must layers make "$fs/$count" "$count"
		for options in redirect_dir=on,metacopy=on redirect_dir=off,metacopy=off; do
			[ "$count" -lt 20 ] || [ "$options" = redirect_dir=on,metacopy=on ] || continue
			rm -rf "$fs/$count"/{upper,work}
			mkdir "$fs/$count"/{upper,work}
			(cd "$fs/$count" && must mount -i -t overlay -o \
				"$options,lowerdir=$(list . "$count"),upperdir=upper,workdir=work" overlay merged)
			if [ "$options" = redirect_dir=off,metacopy=off ]; then plain=plain; else plain=''; fi
			must layers change "$fs/$count/merged" $plain
			fs_sync "$fs"
			seen_and_shared "$kind, $count lowers, $options" "$fs" "$fs/$count/merged" '' \
				--overlay=merged
			must umount "$fs/$count/merged"
		done
	done
	fs_umount "$fs"
done

# What was an upper becomes a lower: metadata over metadata, names over names.
chain() # FS
{
	local fs=$1 at
	mkdir -p "$fs"/chain/{0,1,2,3,work,merged}
	mkdir "$fs/chain/0/dir"
	head -c 100000 /dev/urandom >"$fs/chain/0/dir/file"
	head -c 50000 /dev/urandom >"$fs/chain/0/dir/other"
	cd "$fs/chain" || return
	for at in 1 2 3; do
		rm -rf work/work
		mount -i -t overlay -o "metacopy=on,redirect_dir=on,upperdir=$at,workdir=work,lowerdir=$(
			seq -s : $((at - 1)) -1 0)" overlay merged || return
		chmod "60$at" merged/dir*/file* merged/away/*/file* 2>/dev/null
		case $at in
		1) mv merged/dir merged/dir1 ;;
		2) mkdir merged/away && mv merged/dir1 merged/away/dir2 && mv merged/away/dir2/file merged/file2 &&
			ln merged/file2 merged/away/linked ;;
		3) mv merged/away/dir2 merged/dir3 && mv merged/away/linked merged/dir3/file3 ;;
		esac || return
		[ "$at" -eq 3 ] || umount merged || return
	done
	cd /
}

# A layer of data only: metadata that names it by paths that begin with a slash.
data_only() # FS
{
	local layer=$1/data/meta name
	mkdir -p "$1"/data/{meta/dir,low,blobs/ab,more/cd,upper,work,merged}
	head -c 70000 /dev/urandom >"$1/data/blobs/ab/one"
	head -c 80000 /dev/urandom >"$1/data/more/cd/two"
	echo here >"$1/data/low/here"
	for name in ab/one cd/two; do
		truncate -s "$(stat -c %s "$1"/data/*/"$name")" "$layer/dir/${name#*/}"
		setfattr -n trusted.overlay.metacopy "$layer/dir/${name#*/}"
		setfattr -n trusted.overlay.redirect -v "/$name" "$layer/dir/${name#*/}"
	done
}

for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS
	must chain "$fs"
	fs_sync "$fs"
	seen_and_shared "$kind, metadata and names over several layers" "$fs" "$fs/chain/merged" '' \
		--overlay=merged

	must umount "$fs/chain/merged"

	must data_only "$fs"
	(cd "$fs/data" && must mount -i -t overlay -o \
		metacopy=on,lowerdir=meta:low::blobs::more,upperdir=upper,workdir=work overlay merged)
	chmod 600 "$fs/data/merged/dir/one"
	fs_sync "$fs"
	seen_and_shared "$kind, layers of data only" "$fs" "$fs/data/merged" '' --overlay=merged
	must umount "$fs/data/merged"
	must "$PYTHON" -B "$fs_lib/fsmount.py" "$fs/data/merged" "lowerdir+=$fs/data/meta" \
		"lowerdir+=$fs/data/low" "datadir+=$fs/data/blobs" "datadir+=$fs/data/more" metacopy=on
	seen_and_shared "$kind, layers one by one, nothing writable" "$fs" "$fs/data/merged" '' \
		--overlay=merged
	must umount "$fs/data/merged"
	fs_umount "$fs"
done

finish
