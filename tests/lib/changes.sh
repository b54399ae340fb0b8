# shellcheck shell=bash
# What can happen to a tree beneath an overlay, one thing after the other. Sourced behind fs.sh.
#
#   changes_lower DIR DIR      fills an upper and a bottom lower layer
#   changes                    the names of all changes
#   changes_layer              those that only a layer can keep
#   change_NAME MERGED         one of them, made through the mount
#   changes_options NAME       the mount options that it needs
#   changes_share ARCHIVE      fails unless 99% of the bytes that could be shared are
#   changes_shared_back ARCHIVE STATS    likewise for what was restored

changes_lower() # TOP BOTTOM
{
	mkdir -p "$1"/{etc,kept,dir/sub,again/sub/deep,from/sub,to-file/below,times} "$2"/{etc,dir,again,from/low}
	echo kept >"$1/kept/file"
	echo old >"$1/etc/modified"
	echo gone >"$1/etc/gone"
	echo 'gone, from the bottom' >"$2/etc/gone-bottom"
	echo 'both' >"$1/etc/gone-both"
	echo 'both, below' >"$2/etc/gone-both"
	echo x >"$1/dir/sub/file"
	echo y >"$2/dir/low"
	echo hidden >"$1/again/hidden"
	echo hidden >"$1/again/sub/hidden"
	echo hidden >"$1/again/sub/deep/hidden"
	echo 'hidden, bottom' >"$2/again/hidden-bottom"
	echo 'both times' >"$1/again/same-name"
	head -c 300000 /dev/urandom >"$1/from/big"
	head -c 200000 /dev/urandom >"$2/from/low/big"
	echo inside >"$1/from/sub/inside"
	echo 'becomes a directory' >"$1/to-dir"
	echo x >"$1/to-file/below/file"
	echo 'a link' >"$1/etc/to-link"
	head -c 400000 /dev/urandom >"$1/etc/meta"
	head -c 100000 /dev/urandom >"$2/etc/meta-bottom"
	head -c 70000 /dev/urandom >"$1/etc/linked"
	mkdir -p "$1/times/a/deep" "$1/times/b"
	ln "$1/etc/linked" "$1/etc/linked too"
	ln "$1/etc/linked" "$1/times/linked"
	head -c 80000 /dev/urandom >"$1/times/a/deep/linked"
	ln "$1/times/a/deep/linked" "$1/times/b/linked"
	chmod 751 "$1/times/b"
	chown 9:9 "$1/times/b"
	touch -d '1998-01-02 03:04:05.678901234' "$1/times/b"
	echo orphan >"$1/etc/orphan"
	ln "$1/etc/orphan" "$1/kept/orphan"
	setfattr -n user.note -v lower "$1/etc/meta"
	setfattr -n user.note -v lower "$1/times"
	setfacl -m u:5:rwx "$1/times"
	setfacl -d -m u:5:rwx "$1/times"
	chmod 750 "$1/kept"
	chown 5:6 "$1/kept"
	touch -d '1999-01-02 03:04:05.678901234' "$1"/{etc,kept,dir,dir/sub,again,from,times} "$2"/{etc,from/low}
}

changes='added modified attributes removed opaque opaque-again renamed metacopy to-directory to-file to-symlink links index special parents names'
changes_layer='nested bare'

changes_options() # NAME
{
	case $1 in
	renamed) echo redirect_dir=on,metacopy=off ;;
	metacopy) echo redirect_dir=on,metacopy=on ;;
	index) echo redirect_dir=off,metacopy=off,index=on ;;
	*) echo redirect_dir=off,metacopy=off,index=off ;;
	esac
}

change_added()
{
	mkdir -p "$1/new/below/empty"
	head -c 1000000 /dev/urandom >"$1/new/big"
	head -c 262144 /dev/urandom >"$1/new/below/whole-blocks"
	truncate -s 3M "$1/new/hole"
	head -c 65536 /dev/urandom | dd of="$1/new/hole" bs=64k seek=8 conv=notrunc status=none
	echo small >"$1/new/small"
	: >"$1/new/empty"
	chmod 4751 "$1/new/small"
	chown 12:34 "$1/new/big"
	setfattr -n user.note -v text "$1/new/small"
	setfattr -n trusted.note -v text "$1/new/big"
	setfacl -m u:nobody:r "$1/new/small"
	setfacl -d -m u:nobody:rx "$1/new/below"
	touch -d '2002-02-03 04:05:06.789012345' "$1/new/small" "$1/new/below" "$1/new"
}

change_modified()
{
	echo upper >"$1/etc/modified"
	printf x | dd of="$1/etc/meta" bs=1 seek=200000 conv=notrunc status=none
	echo more >>"$1/etc/meta-bottom"
}

change_attributes()
{
	chmod 600 "$1/etc/meta"
	chown 12:34 "$1/etc/meta-bottom"
	touch -d '2001-02-03 04:05:06.789012345' "$1/kept/file"
	setfattr -n user.note -v upper "$1/etc/modified"
	chmod 1711 "$1/kept"
	chown 7:8 "$1/times"
	setfacl -m g:5:rx "$1/dir"
	touch -d '2001-02-03 04:05:06.789012345' "$1/kept" "$1/times"
}

change_removed()
{
	rm "$1/etc/gone" "$1/etc/gone-bottom" "$1/etc/gone-both" "$1/to-dir"
	rm -r "$1/dir" "$1/from/sub"
	rm "$1/etc/linked"
}

change_opaque()
{
	rm -r "$1/again"
	mkdir "$1/again"
	chmod 705 "$1/again"
	echo new >"$1/again/new"
	echo 'once more' >"$1/again/same-name"
	touch -d '2003-02-03 04:05:06.789012345' "$1/again"
}

# Below a directory that was made again lies one that the lower layers have too.
change_opaque-again()
{
	rm -r "$1/again"
	mkdir -p "$1/again/sub"
	echo new >"$1/again/sub/new"
	mkdir "$1/again/hidden"
	rm -r "$1/from"
	mkdir -p "$1/from/sub"
	echo 'a file now' >"$1/from/low"
	rm -r "$1/dir"
	mkdir "$1/dir"
}

change_renamed()
{
	"$PYTHON" -c 'import os, sys; os.rename(*sys.argv[1:])' "$1/from" "$1/to"
	"$PYTHON" -c 'import os, sys; os.rename(*sys.argv[1:])' "$1/again/sub" "$1/to/moved in"
	rm "$1/to/moved in/deep/hidden"
	echo more >"$1/to/sub/more"
	mkdir "$1/from"
	echo new >"$1/from/new"
	rm "$1/to/low/big"
	head -c 100000 /dev/urandom >"$1/to/low/other"
	ln "$1/to/low/other" "$1/kept/linked"
	ln "$1/to/sub/more" "$1/again/linked"
}

change_metacopy()
{
	chmod 600 "$1/etc/meta"
	chown 12:34 "$1/etc/meta-bottom"
	chmod 640 "$1/from/big"
	touch -d '2001-02-03 04:05:06.789012345' "$1/from/low/big"
	mv "$1/from/big" "$1/dir/moved"
	"$PYTHON" -c 'import os, sys; os.rename(*sys.argv[1:])' "$1/from" "$1/to"
	chown 1:1 "$1/to/low/big"
}

change_to-directory()
{
	rm "$1/to-dir"
	mkdir "$1/to-dir"
	echo below >"$1/to-dir/below"
	rm "$1/etc/to-link"
	mkdir "$1/etc/to-link"
}

change_to-file()
{
	rm -r "$1/to-file" "$1/from"
	echo 'a file now' >"$1/to-file"
	head -c 100000 /dev/urandom >"$1/from"
}

change_to-symlink()
{
	rm -r "$1/to-file" "$1/etc/to-link" "$1/dir"
	ln -s kept "$1/to-file"
	ln -s ../kept/file "$1/etc/to-link"
	mkfifo "$1/dir"
}

change_links()
{
	head -c 100000 /dev/urandom >"$1/etc/new one"
	ln "$1/etc/new one" "$1/kept/new two"
	ln "$1/etc/new one" "$1/a third"
	ln "$1/kept/file" "$1/etc/of lower"
	echo changed >>"$1/etc/linked"
	ln -s nowhere "$1/symlink"
	ln "$1/symlink" "$1/symlink too"
}

# All names of a file of lower layers show its copy, in directories that are in no upper layer too, and
# where none is left that is.
change_index()
{
	echo changed >>"$1/etc/linked"
	chmod 640 "$1/times/a/deep/linked"
	ln "$1/times/a/deep/linked" "$1/kept/linked"
	echo changed >>"$1/etc/orphan"
	rm "$1/etc/orphan"
}

change_special()
{
	mkfifo -m 640 "$1/fifo"
	mknod -m 600 "$1/null" c 1 3
	mknod -m 660 "$1/block" b 7 99
	ln -s "$(printf '%0200d' 1)" "$1/long link"
	chown -h 3:4 "$1/long link"
}

# Only what is deep below changes; the directories above it are copied up as they were.
change_parents()
{
	echo more >>"$1/again/sub/deep/hidden"
	rm "$1/kept/file"
	touch -d '1999-01-02 03:04:05.678901234' "$1/kept"
}

# The layers of an overlay within this one: overlayfs escapes its marks (Linux 6.7).
change_nested()
{
	mkdir -p "$1/store/upper/dir" "$1/store/upper/renamed"
	setfattr -n trusted.overlay.opaque -v y "$1/store/upper/dir"
	setfattr -n trusted.overlay.redirect -v /old "$1/store/upper/renamed"
	mkdir "$1/store/opaque"
	return 0
}

# A directory of lower layers loses attributes, which who unpacks over it has to take away.
change_bare()
{
	setfacl -b "$1/times"
	setfattr -x user.note "$1/times"
}

change_names()
{
	echo 1 >"$1/etc/with blank"
	echo 2 >"$1/etc/"$'line\nbreak'
	echo 3 >"$1/etc/"$'\303\244'
	echo 4 >"$1/etc/back\\slash"
	mkdir -p "$1/$(printf '%0200d/%0200d' 1 2)"
	echo 5 >"$1/$(printf '%0200d/%0200d/%0200d' 1 2 3)"
	rm "$1/etc/gone"
	echo 6 >"$1/etc/gone-"
	echo 7 >"$1/etc/-rf"
}

# Whole blocks of the payloads of 64 KiB and more. Of the one file with holes 64 KiB are data.
changes_whole() # ARCHIVE
{
	archive payloads "$1" | awk '$2 == 3145728 { $2 = 65536 }
		$2 >= 65536 { n += $2 - $2 % 4096 } END { printf "%.0f\n", n }'
}

changes_share() # ARCHIVE
{
	local shared whole
	whole=$(changes_whole "$1")
	shared=$(archive payloads "$1" | awk '$2 >= 65536 { print $1, $2 - $2 % 4096 }' |
		"$SHARED" -p "$1" | cut -d ' ' -f 1)
	echo "shared $shared of $whole"
	[ $((shared * 100)) -ge $((whole * 99)) ]
}

# The same of what was restored, STATS being of that run.
changes_shared_back() # ARCHIVE STATS
{
	local shared whole
	whole=$(changes_whole "$1")
	shared=$(field "$2" bytes cloned)
	echo "shared $shared of $whole"
	[ $((shared * 100)) -ge $((whole * 99)) ]
}
