#!/bin/bash
# A merged overlay mount: --overlay=diff archives what the upper layer changed, --overlay=auto what a
# person sees there; both share the bytes with the layer that has them.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

lower_tree() # DIR
{
	mkdir -p "$1"/{kept,gone-dir/sub,replaced,renamed-from,etc}
	echo kept >"$1/kept/file"
	echo lower >"$1/etc/changed"
	echo gone >"$1/etc/gone"
	echo 'gone too' >"$1/gone-dir/sub/file"
	echo hidden >"$1/replaced/hidden"
	echo hidden >"$1/replaced/also hidden"
	echo inside >"$1/renamed-from/inside"
	head -c 3000000 /dev/urandom >"$1/etc/meta"
	head -c 8388608 /dev/urandom >"$1/etc/big-lower"
	echo 'becomes a directory' >"$1/etc/to-directory"
	mkdir "$1/etc/to-file"
	echo x >"$1/etc/to-file/below"
	chmod 644 "$1/etc/meta"
}

# Changes of every kind, made through the merged mount.
change() # MERGED
{
	echo upper >"$1/etc/changed"
	rm "$1/etc/gone"
	rm -r "$1/gone-dir"
	rm -r "$1/replaced"
	mkdir "$1/replaced"
	echo new >"$1/replaced/new"
	chmod 600 "$1/etc/meta"
	chown 12:34 "$1/etc/meta"
	touch -d '2001-02-03 04:05:06.789012345' "$1/kept"
	mkdir -p "$1/new/below"
	head -c 10000000 /dev/urandom >"$1/new/big"
	head -c 6291456 /dev/urandom >"$1/new/below/whole-blocks"
	ln "$1/new/big" "$1/new/hard link"
	ln -s big "$1/new/link"
	mkfifo "$1/new/fifo"
	echo small >"$1/new/small"
	setfattr -n user.note -v text "$1/new/small"
	setfacl -m u:nobody:r "$1/new/small"
	rm "$1/etc/to-directory"
	mkdir "$1/etc/to-directory"
	echo below >"$1/etc/to-directory/below"
	rm -r "$1/etc/to-file"
	echo 'a file now' >"$1/etc/to-file"
	touch -d '2002-02-03 04:05:06.789012345' "$1/new/below" "$1/new" "$1/replaced"
}

shared_of_big() # ARCHIVE: "shared whole" of its payloads over 1 MiB
{
	local whole
	whole=$(archive payloads "$1" | awk '$2 >= 1048576 { n += $2 - $2 % 4096 } END { printf "%.0f\n", n }')
	echo "$(archive payloads "$1" | awk '$2 >= 1048576 { print $1, $2 - $2 % 4096 }' |
		"$SHARED" -p "$1" | cut -d ' ' -f 1) $whole"
}

over_99_percent() # SHARED WHOLE
{
	echo "got $1 of $2"
	[ "$2" -gt 0 ] && [ $(($1 * 100)) -ge $(($2 * 99)) ]
}

overlay_members() # ARCHIVE: keywords of overlay xattrs in it
{
	archive pax "$1" | grep -a -o -E '(SCHILY|LIBARCHIVE)\.xattr\.[a-z]+\.overlay\.[a-z]+' | sort -u
}

type_in_archive() # ARCHIVE NAME
{
	"$PYTHON" - "$@" <<-'END'
		import sys, tarfile
		with tarfile.open(sys.argv[1]) as tar:
		    for member in tar:
		        if member.name.removeprefix("./") == sys.argv[2]:
		            print(member.type.decode(), member.devmajor, member.devminor)
	END
}

for kind in btrfs xfs; do
	fs_make "$kind" 1G
	fs=$FS
	must lower_tree "$fs/lower"
	mkdir "$fs/upper"
	fs_overlay "$fs/lower" "$fs/upper"
	merged=$FS
	must change "$merged"
	fs_sync "$fs"

	# The difference alone.
	exits 0 "$kind, diff: archives" \
		"$TARX" -c --align --overlay=diff --stats="$WORK/stats" -C "$merged" -f "$fs/diff.tar" .
	is "$kind, diff: without a word" "$out$err" ""
	fs_sync "$fs"
	# shellcheck disable=SC2046
	ok "$kind, diff: big files share their blocks" over_99_percent $(shared_of_big "$fs/diff.tar")
	is "$kind, diff: a removed file is a device 0:0" "$(type_in_archive "$fs/diff.tar" etc/gone)" "3 0 0"
	is "$kind, diff: a removed directory too" "$(type_in_archive "$fs/diff.tar" gone-dir)" "3 0 0"
	is "$kind, diff: whiteouts are counted" "$(field "$WORK/stats" members whiteout)" 2
	is "$kind, diff: of overlay's own xattrs only the opaque mark is kept" \
		"$(overlay_members "$fs/diff.tar" | sed 's/.*overlay\.//' | sort -u)" opaque
	not "$kind, diff: untouched files are not in it" grep -q -x './kept/file' <(tar -tf "$fs/diff.tar")
	is "$kind, diff: a hidden file is not in it" "$(type_in_archive "$fs/diff.tar" replaced/hidden)" ""
	ok "$kind, diff: the bytes are the upper's" archive same "$fs/diff.tar" "$merged"

	mkdir "$fs/upper2"
	exits 0 "$kind, diff: unpacks into a fresh upper" "$TARX" -x -f "$fs/diff.tar" -C "$fs/upper2"
	is "$kind, diff: without a word" "$out$err" ""
	fs_overlay "$fs/lower" "$fs/upper2"
	ok "$kind, diff: over the same lower it shows the same tree" compare "$merged" "$FS"
	not "$kind, diff: what was removed stays removed" test -e "$FS/etc/gone"
	must umount "$FS"

	# Without its lower the archive is the upper, for GNU tar too.
	mkdir "$fs/by-tar"
	ok "$kind, diff: GNU tar unpacks it" tar -xpf "$fs/diff.tar" -C "$fs/by-tar"
	# Whiteouts are links of one inode there; each is a device of its own in the archive.
	ok "$kind, diff: to what lies in the upper layer" \
		compare --no-xattrs --no-links "$fs/upper" "$fs/by-tar"

	# A part of it, and twice through the same program.
	exits 0 "$kind, diff: a folder within the mount" \
		"$TARX" -c --overlay=diff -C "$merged/etc" -f "$fs/part.tar" .
	is "$kind, diff: a folder within the mount holds that folder's changes" \
		"$(tar -tf "$fs/part.tar" | sed 's|/$||' | sort | xargs)" \
		". ./changed ./gone ./meta ./to-directory ./to-directory/below ./to-file"
	exits 0 "$kind, diff: the folder as a path" \
		"$TARX" -c --overlay=diff -C "$merged" -f "$fs/part.tar" etc/changed new
	is "$kind, diff: named paths alone" "$(tar -tf "$fs/part.tar" | sed 's|/$||' | sort | head -n 3 | xargs)" \
		"etc/changed new new/below"

	# In a directory that was made again a part hides what lower layers have there, too.
	mkdir -p "$fs/made-again/"{lower,upper,upper2}
	mkdir -p "$fs/made-again/lower/dir/sub"
	echo hidden >"$fs/made-again/lower/dir/sub/hidden"
	fs_overlay "$fs/made-again/lower" "$fs/made-again/upper"
	again=$FS
	rm -r "$again/dir"
	mkdir -p "$again/dir/sub"
	echo new >"$again/dir/sub/new"
	for spelling in overlay oci podman; do
		exits 0 "$kind, diff, $spelling: a part of what was made again" \
			"$TARX" -c --overlay=diff --whiteouts="$spelling" -C "$again/dir" -f "$fs/part.tar" sub
		fs_overlay "$fs/made-again/lower" "$fs/made-again/upper2"
		exits 0 "$kind, diff, $spelling: a part of what was made again: restored" \
			"$TARX" -x --overlay=diff -f "$fs/part.tar" -C "$FS/dir"
		is "$kind, diff, $spelling: a part of what was made again: is all that is seen" \
			"$(ls "$FS/dir/sub")" new
		must umount "$FS"
		rm -rf "$fs/made-again/upper2"
		mkdir "$fs/made-again/upper2"
	done
	must umount "$again"

	# What a person sees.
	for mode in --overlay=auto ''; do
		exits 0 "$kind, ${mode:-default}: archives" \
			"$TARX" -c --align ${mode:+"$mode"} -C "$merged" -f "$fs/auto.tar" .
		is "$kind, ${mode:-default}: without a word" "$out$err" ""
		fs_sync "$fs"
		# shellcheck disable=SC2046
		ok "$kind, ${mode:-default}: big files share their blocks though read through the mount" \
			over_99_percent $(shared_of_big "$fs/auto.tar")
		rm -rf "$fs/x"
		mkdir "$fs/x"
		exits 0 "$kind, ${mode:-default}: unpacks" "$TARX" -x -f "$fs/auto.tar" -C "$fs/x"
		ok "$kind, ${mode:-default}: it is the merged tree" compare "$merged" "$fs/x"
		is "$kind, ${mode:-default}: no overlay xattr gets into it" "$(overlay_members "$fs/auto.tar")" ""
	done
	exits 0 "$kind, --reflink=always through the mount" \
		"$TARX" -c --align --reflink=always -C "$merged" -f "$fs/auto.tar" .
	exits 0 "$kind, --overlay=off: archives" \
		"$TARX" -c --align --overlay=off --stats="$WORK/stats" -C "$merged" -f "$fs/off.tar" .
	ok "$kind, --overlay=off: the bytes are those of the mount" archive same "$fs/off.tar" "$merged"
	is "$kind, --overlay=off: reads through the mount, so nothing is shared" \
		"$(field "$WORK/stats" bytes cloned)" 0
	must umount "$merged"

	# Several lowers, the upper's parts in a folder with odd characters.
	mkdir -p "$fs/low2/etc" "$fs/odd, name:x/upper" "$fs/odd, name:x/.work"
	head -c 2000000 /dev/urandom >"$fs/low2/etc/from-second"
	odd=$(mktemp -d "$WORK/merged.XXXXXX")
	if mount -t overlay -o "lowerdir=$fs/lower:$fs/low2,upperdir=$fs/odd\\, name:x/upper,workdir=$fs/odd\\, name:x/.work" \
		overlay "$odd" 2>/dev/null; then
		echo more >"$odd/more"
		rm "$odd/etc/from-second"
		fs_sync "$fs"
		exits 0 "$kind, an upper whose path has commas, colons and blanks: diff" \
			"$TARX" -c --overlay=diff -C "$odd" -f "$fs/odd.tar" .
		is "$kind, an upper whose path has commas, colons and blanks: its members" \
			"$(tar -tf "$fs/odd.tar" | sort | xargs)" "./ ./etc/ ./etc/from-second ./more"
		exits 0 "$kind, several lowers: auto" "$TARX" -c --overlay=auto -C "$odd" -f "$fs/odd.tar" .
		ok "$kind, several lowers: the bytes are right" archive same "$fs/odd.tar" "$odd"
		must umount "$odd"
	else
		skip "$kind, an upper whose path has commas, colons and blanks" "this mount(8) refuses it"
	fi

	# Metadata-only copies and renamed directories: the upper alone is incomplete.
	for feature in metacopy=on,redirect_dir=on redirect_dir=on,metacopy=off; do
		rm -rf "$fs/upper"
		mkdir "$fs/upper"
		fs_overlay "$fs/lower" "$fs/upper" "$feature"
		merged=$FS
		must change "$merged"
		must mv "$merged/renamed-from" "$merged/renamed-to"
		must mv "$merged/etc/big-lower" "$merged/new/moved"
		must chmod 700 "$merged/new/moved"
		fs_sync "$fs"
		exits 0 "$kind, $feature, auto: archives" \
			"$TARX" -c --align --overlay=auto -C "$merged" -f "$fs/auto.tar" .
		rm -rf "$fs/x"
		mkdir "$fs/x"
		exits 0 "$kind, $feature, auto: unpacks" "$TARX" -x -f "$fs/auto.tar" -C "$fs/x"
		ok "$kind, $feature, auto: it is the merged tree" compare "$merged" "$fs/x"
		fs_sync "$fs"
		# shellcheck disable=SC2046
		ok "$kind, $feature, auto: big files share their blocks" \
			over_99_percent $(shared_of_big "$fs/auto.tar")

		"$TARX" -c --align --overlay=diff -C "$merged" -f "$fs/diff.tar" . >"$WORK/said" 2>&1
		code=$?
		if [ "$code" -eq 0 ]; then
			rm -rf "$fs/upper2"
			mkdir "$fs/upper2"
			exits 0 "$kind, $feature, diff: unpacks" "$TARX" -x -f "$fs/diff.tar" -C "$fs/upper2"
			fs_overlay "$fs/lower" "$fs/upper2" "$feature"
			ok "$kind, $feature, diff: over the same lower it shows the same tree" \
				compare "$merged" "$FS"
			must umount "$FS"
		else
			like "$kind, $feature, diff: says what it cannot do" "$(cat "$WORK/said")" \
				"*tarx: *re*"
			like "$kind, $feature, diff: in the exit code too" "$code" "[12]"
			if [ -e "$fs/diff.tar" ]; then
				"$PYTHON" - "$fs/diff.tar" "$merged" <<-'END' >"$WORK/wrong" 2>&1
					import os, sys, tarfile
					with tarfile.open(sys.argv[1]) as tar:
					    for member in tar:
					        if member.isreg():
					            with open(os.path.join(sys.argv[2], member.name), "rb") as file:
					                if file.read() != tar.extractfile(member).read():
					                    print(member.name)
				END
				is "$kind, $feature, diff: no member has wrong bytes" "$(cat "$WORK/wrong")" ""
			fi
		fi
		must umount "$merged"
	done
	fs_umount "$fs"
done

# What neither a path nor the upper layer alone tells.
alike() # MERGED UPPER: a/file and b/file, which differ in nothing but their bytes
{
	mkdir "$1/a" "$1/b"
	"$PYTHON" - "$@" <<-'END'
		import os, sys, time
		merged, upper = sys.argv[1:]
		for name in "ab":
		    with open(f"{merged}/{name}/file", "wb") as file:
		        file.write(name.encode() * 100000)
		# Within one tick of the kernel's clock both get the same ctime, too.
		for _ in range(500):
		    for name in "ab":
		        os.utime(f"{merged}/{name}/file", ns=(10**18, 10**18))
		    if len({os.stat(f"{upper}/{name}/file").st_ctime_ns for name in "ab"}) == 1:
		        break
		    time.sleep(0.02)
		else:
		    sys.exit("no two files alike")
	END
}

for kind in btrfs xfs; do
	fs_make "$kind" 500M
	fs=$FS
	mkdir -p "$fs"/{lower/attributes,upper,x}
	echo 'copied up' >"$fs/lower/attributes/file"
	setfattr -n user.note -v text "$fs/lower/attributes/file"
	setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 \
		"$fs/lower/attributes/file"
	fs_overlay "$fs/lower" "$fs/upper"
	merged=$FS

	must alike "$merged" "$fs/upper"
	must mount --bind "$merged/b" "$merged/a"
	exits 0 "$kind, a directory mounted over another of the same overlay: archives" \
		"$TARX" -c --align -C "$merged" -f "$fs/a.tar" .
	ok "$kind, a directory mounted over another of the same overlay: the archive holds what is seen" \
		archive same "$fs/a.tar" "$merged"
	must umount "$merged/a"
	must mount --bind "$merged/b/file" "$merged/a/file"
	exits 0 "$kind, a file mounted over another of the same overlay: archives" \
		"$TARX" -c --align -C "$merged" -f "$fs/a.tar" .
	ok "$kind, a file mounted over another of the same overlay: the archive holds what is seen" \
		archive same "$fs/a.tar" "$merged"
	must umount "$merged/a/file"

	must touch "$merged/attributes/file"
	for mode in auto merged; do
		exits 0 "$kind, $mode, attributes of a file that was copied up: archives" \
			"$TARX" -c --overlay="$mode" -C "$merged" -f "$fs/a.tar" attributes
		is "$kind, $mode, attributes of a file that was copied up: without a word" "$out$err" ""
		rm -rf "$fs/x"
		mkdir "$fs/x"
		exits 0 "$kind, $mode, attributes of a file that was copied up: unpacks" \
			"$TARX" -x -f "$fs/a.tar" -C "$fs/x"
		ok "$kind, $mode, attributes of a file that was copied up: none is lost" \
			compare "$merged/attributes" "$fs/x/attributes"
	done

	deep=$(printf '%0100d/%0100d/%0100d/%0100d' 1 2 3 4)
	mkdir -p "$merged/$deep"
	echo new >"$merged/$deep/file"
	ln -s file "$merged/$deep/link"
	setfattr -h -n trusted.note -v text "$merged/$deep/link"
	exits 0 "$kind, diff, an operand of more than 255 bytes: archives" \
		"$TARX" -c --overlay=diff -C "$merged" -f "$fs/a.tar" "$deep"
	is "$kind, diff, an operand of more than 255 bytes: without a word" "$out$err" ""
	is "$kind, diff, an operand of more than 255 bytes: its members" \
		"$(tar -tf "$fs/a.tar" | sed "s|^$deep||" | xargs)" "/ /file /link"
	for mode in auto diff; do
		exits 0 "$kind, $mode, a symbolic link deep below: archives" \
			"$TARX" -c --overlay="$mode" -C "$merged" -f "$fs/a.tar" "$deep/link"
		is "$kind, $mode, a symbolic link deep below: without a word" "$out$err" ""
		like "$kind, $mode, a symbolic link deep below: keeps its attributes" \
			"$(archive pax "$fs/a.tar")" "*SCHILY.xattr.trusted.note=text*"
	done
	must umount "$merged"

	# One of two names is copied up; with an index the other one shows that copy.
	mkdir -p "$fs"/indexed/{lower/dir,upper}
	echo old >"$fs/indexed/lower/first"
	ln "$fs/indexed/lower/first" "$fs/indexed/lower/dir/second"
	chmod 710 "$fs/indexed/lower/dir"
	fs_overlay "$fs/indexed/lower" "$fs/indexed/upper" index=on
	echo new >"$FS/first"
	exits 0 "$kind, diff, index=on, a hard link that changed: archived" \
		"$TARX" -c --overlay=diff -C "$FS" -f "$fs/a.tar" .
	is "$kind, diff, index=on, a hard link that changed: under its other name too, with its directory" \
		"$(tar -tvf "$fs/a.tar" | awk '{ print $1, $6, $9 }' | xargs)" \
		"drwxr-xr-x ./ -rw-r--r-- ./first drwx--x--- ./dir/ hrw-r--r-- ./dir/second ./first"
	exits 1 "$kind, diff, index=on, a name that is not asked for: exit 1" \
		"$TARX" -c --overlay=diff -C "$FS" -f "$fs/a.tar" first
	like "$kind, diff, index=on, a name that is not asked for: says so" "$err" "*first*index=on*"
	is "$kind, diff, index=on, a name that is not asked for: the other is in the archive" \
		"$(tar -xOf "$fs/a.tar" first)" new
	must umount "$FS"

	# What lower layers hide of such a file is counted as a name of it, but is none; a FIFO has names, too;
	# and it may be that no name is left that is in the upper layer.
	mkdir -p "$fs"/hiding/{top,bottom,upper,upper2}
	echo old >"$fs/hiding/bottom/first"
	ln "$fs/hiding/bottom/first" "$fs/hiding/bottom/hidden"
	mknod "$fs/hiding/top/hidden" c 0 0
	mkfifo "$fs/hiding/bottom/fifo"
	ln "$fs/hiding/bottom/fifo" "$fs/hiding/bottom/fifo too"
	head -c 100000 /dev/urandom >"$fs/hiding/bottom/gone"
	ln "$fs/hiding/bottom/gone" "$fs/hiding/bottom/left"
	fs_overlay "$fs/hiding/top:$fs/hiding/bottom" "$fs/hiding/upper" index=on
	merged=$FS
	echo new >>"$merged/first"
	chmod 600 "$merged/fifo"
	echo more >>"$merged/gone"
	rm "$merged/gone"
	exits 0 "$kind, diff, index=on, names that are not there or not in the upper layer: archived" \
		"$TARX" -c --overlay=diff -C "$merged" -f "$fs/a.tar" .
	is "$kind, diff, index=on, names that are not there or not in the upper layer: without a word" "$out$err" ""
	exits 0 "$kind, diff, index=on, names that are not there or not in the upper layer: restored" \
		"$TARX" -x --overlay=diff -f "$fs/a.tar" -C "$fs/hiding/upper2"
	fs_overlay "$fs/hiding/top:$fs/hiding/bottom" "$fs/hiding/upper2" index=on
	ok "$kind, diff, index=on, names that are not there or not in the upper layer: the same is seen" \
		compare "$merged" "$FS"
	must umount "$FS"
	must umount "$merged"
	fs_umount "$fs"
done

# Refusals.
fs_make btrfs 300M
mkdir "$FS/plain"
echo x >"$FS/plain/file"
exits 2 "--overlay=diff of what is no overlay is refused" \
	"$TARX" -c --overlay=diff -C "$FS/plain" -f "$FS/no.tar" .
like "--overlay=diff of what is no overlay: says so" "$err" "*overlay*"
not "--overlay=diff of what is no overlay: leaves no archive" test -e "$FS/no.tar"
exits 0 "--overlay=auto of what is no overlay just archives it" \
	"$TARX" -c --overlay=auto -C "$FS/plain" -f "$FS/yes.tar" .
exits 2 "an unknown --overlay is refused" "$TARX" -c --overlay=sideways -C "$FS/plain" -f "$FS/no.tar" .
like "an unknown --overlay is named" "$err" "*sideways*"

finish
