#!/bin/bash
# tarx-criu-hook without CRIU: what CRIU sets in the environment is set here, and the processes that it finds above
# itself are shells with the same arguments. With a real CRIU: scripts/e2e-hook.sh.

# shellcheck disable=SC2016,SC2317 # functions are called by name, and shells are given their text
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"
"$PYTHON" -c 'import tomllib' 2>/dev/null || skip_all "this Python has no tomllib"

# What was restored is noted in /run.
must mount -t tmpfs tmpfs /run

hook=$WORK/bin/tarx-criu-hook
sed "s|^lib=.*|lib=$top_srcdir/scripts tarx=$TARX|" "$top_srcdir/scripts/tarx-criu-hook" >"$hook"
chmod 755 "$hook"
export TARX_CRIU_HOOK_CONFIG=$WORK/hook.toml
mkdir "$WORK/log"

configure() # LINE...
{
	rm -rf "$WORK/log"
	printf '%s\n' "log_path = \"$WORK/log/%COMMAND%\"" 'log_level = "debug"' "$@" >"$TARX_CRIU_HOOK_CONFIG"
}

stage() # STAGE: as CRIU alone runs it, with images in $images; each time from another process
{
	bash -c 'CRTOOLS_SCRIPT_ACTION=$1 CRTOOLS_IMAGE_DIR=$2 "$0"; exit $?' "$hook" "$1" "$images"
}

# As runc runs CRIU that runs it: STAGE of container ID, whose bundle the runtime works in.
under_runtime() # STAGE ID BUNDLE
{
	local word=checkpoint
	[ "$1" = post-dump ] || word=restore
	(cd "$3" && HOOK=$hook STAGE=$1 IMAGES=$images bash -c 'bash -c "
		exec 7<\"\$IMAGES\"
		CRTOOLS_IMAGE_DIR=/proc/\$\$/fd/7 CRTOOLS_SCRIPT_ACTION=\$STAGE \"\$HOOK\"
		code=\$?
		[ -z \"\$TWICE\" ] || CRTOOLS_IMAGE_DIR=/proc/\$\$/fd/7 CRTOOLS_SCRIPT_ACTION=\$STAGE \"\$HOOK\"
		exit \$code" criu swrk 3
		exit $?' runc "$word" "$2")
}

# A directory like CRIU's; every dump has another inventory.
make_images() # DIR
{
	mkdir -p "$1"
	head -c 86 /dev/urandom >"$1/inventory.img"
	head -c 40 /dev/urandom >"$1/pstree.img"
	head -c 3000 /dev/urandom >"$1/core-1.img"
	head -c $((4 << 20)) /dev/urandom >"$1/pages-1.img"
	head -c $(((2 << 20) + 77)) /dev/urandom >"$1/pages-2.img"
}

inodes() # DIR
{
	find "$1" -printf '%P %i %T@\n' | sort
}

shared_of() # FILE: bytes
{
	"$SHARED" "$1" | cut -d ' ' -f 1
}

# ---- what does not concern it

fs_make btrfs 256M
images=$FS/images
make_images "$images"
configure "archive = '$FS/out/%ID%.tar'" 'create = { align = "4K" }'
sed 's|^lib=.*|lib=/nowhere tarx=/nowhere|' "$hook" >"$WORK/bin/none"
chmod 755 "$WORK/bin/none"
other_stages()
{
	local name
	for name in pre-dump network-lock network-unlock setup-namespaces post-setup-namespaces post-restore pre-resume \
		post-resume orphan-pts-master; do
		CRTOOLS_SCRIPT_ACTION=$name CRTOOLS_IMAGE_DIR=$images "$WORK/bin/none" || return
	done
}
ok "at other stages Python is not started" other_stages
is "and nothing is archived" "$(ls "$FS")" images

# ---- images, as criu alone

images_only() # KIND
{
	local name=$1 archive=$FS/out/images.tar before
	exits 0 "$name: archives at post-dump" stage post-dump
	is "$name: in silence" "$err$out" ''
	is "$name: one archive, nothing beside it" "$(ls -A "$FS/out")" images.tar
	is "$name: for its owner alone" "$(stat -c %a "$archive")" 600
	is "$name: GNU tar lists it" "$(tar -tf "$archive" | sed 's,^checkpoint/,+,' | tr '\n' ' ')" \
		"tarx-criu-hook.json + +core-1.img +inventory.img +pages-1.img +pages-2.img +pstree.img "
	ok "$name: the pages are shared with it" test "$(shared_of "$images/pages-1.img")" -eq $((4 << 20))
	ok "$name: and of the odd ones the whole blocks" test "$(shared_of "$images/pages-2.img")" -ge $((2 << 20))
	before=$(stat -c %i "$archive")
	exits 0 "$name: the second time at post-dump" stage post-dump
	is "$name: leaves the archive as it is" "$(stat -c %i "$archive")" "$before"

	before=$(inodes "$images")
	exits 0 "$name: pre-restore with all images there" stage pre-restore
	is "$name: touches none of them" "$(inodes "$images")" "$before"
	cp -a "$images" "$WORK/reference"
	rm "$images/pages-1.img"
	truncate -s 100 "$images/pages-2.img"
	before=$(stat -c %i "$images/core-1.img")
	exits 0 "$name: pre-restore with one image missing and one cut" stage pre-restore
	touch -r "$WORK/reference" "$images"
	ok "$name: they are back" compare "$WORK/reference" "$images"
	is "$name: shared" "$(($(shared_of "$images/pages-1.img") >= (4 << 20)))" 1
	is "$name: the others are left alone" "$(stat -c %i "$images/core-1.img")" "$before"
	rm -rf "$WORK/reference"
}

images_only btrfs
damaged() # what the archive of another dump, or none, or a broken one does
{
	local archive=$FS/out/images.tar before
	before=$(inodes "$images")
	cp "$archive" "$WORK/whole.tar"
	mv "$archive" "$archive.away"
	exits 0 "no archive: nothing is restored" stage pre-restore
	like "which is warned of" "$err" "*warning: *there is no such archive*"
	head -c $((1 << 20)) "$WORK/whole.tar" >"$archive"
	rm "$images/pages-1.img"
	exits 1 "an archive that was cut short: fails" stage pre-restore
	like "and says why" "$err" "*tarx-criu-hook: error: *images.tar*"
	not "and no half image appears" test -e "$images/pages-1.img"
	mv "$archive.away" "$archive"
	head -c 86 /dev/urandom >"$images/inventory.img"
	exits 0 "an archive of another dump: nothing is restored" stage pre-restore
	not "not even what is missing" test -e "$images/pages-1.img"
	like "and the log says so" "$(tail -n 1 "$WORK/log/restore")" "*is of another dump*"
	echo 'on_missing = "fail"' | cat - "$TARX_CRIU_HOOK_CONFIG" >"$WORK/new" && cp "$WORK/new" "$TARX_CRIU_HOOK_CONFIG"
	exits 1 "on_missing = fail: that is an error" stage pre-restore
	like "with its reason" "$err" "*is of another dump*"
	chown 1000 "$archive"
	exits 1 "an archive that belongs to somebody is not trusted" stage pre-restore
	like "and that is said" "$err" "*belongs to user 1000*"
	chown 0 "$archive"
	rm -f "$archive"
	mkfifo "$archive"
	exits 1 "a FIFO in its place is not waited for" stage pre-restore
	rm "$archive"
	make_images "$images"
	echo mine >"$archive"
	exits 0 "post-dump: what is no archive of the hook gives way" stage post-dump
	ok "to one" tar -tf "$archive"
	mkdir "$WORK/save" && mv "$images/inventory.img" "$WORK/save"
	exits 1 "post-dump without an inventory: fails" stage post-dump
	mv "$WORK/save/inventory.img" "$images"
}
damaged

# ---- a container: its overlay's diff, and other directories

container() # KIND
{
	local name=$1 base=$FS/c init before merged
	images=$FS/userdata/checkpoint
	make_images "$images"
	mkdir -p "$base/lower/etc/old" "$base/upper" "$base/bundle" "$base/volume"
	echo lower >"$base/lower/etc/changed"
	echo lower >"$base/lower/etc/gone"
	echo lower >"$base/lower/etc/hosts"
	echo lower >"$base/lower/etc/old/file"
	mkdir "$base/lower/bin" "$base/lower/lib" "$base/lower/lib64"
	must cp /bin/sleep "$base/lower/bin"
	must cp -L $(ldd /bin/sleep | grep -o '/lib[^ ]*') "$base/lower/lib64"
	cp "$base/lower/lib64"/libc.so* "$base/lower/lib"
	fs_overlay_into "$base" one
	merged=$base/one
	head -c $((3 << 20)) /dev/urandom >"$merged/data"
	ln "$merged/data" "$merged/hard"
	echo upper >"$merged/etc/changed"
	echo upper >"$merged/etc/hosts"
	rm -r "$merged/etc/gone" "$merged/etc/old"
	mkdir "$merged/etc/old"
	echo odd >"$merged/$odd"
	"$PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$merged/socket"
	cp "$images/pages-1.img" "$base/volume/big"
	fs_sync "$FS"
	chroot "$merged" /bin/sleep 1000 &
	init=$!
	while [ "$(cat "/proc/$init/comm")" != sleep ]; do sleep 0.01; done
	configure "archive = '$FS/out/%ID%/x%%y.tar'" 'diff = true' 'create = { align = "4K" }' \
		"directories = { vol = '$base/volume' }"
	export CRTOOLS_INIT_PID=$init
	exits 1 "$name: a socket in the diff is what tarx warns of: fails" under_runtime post-dump box "$base/bundle"
	like "$name: and names it" "$err" "*socket: a socket cannot be stored*"
	is "$name: and leaves nothing" "$(find "$FS/out/box" -mindepth 1)" ''
	sed -i 's/align = "4K"/align = "4K", warning = ["no-file-ignored"]/' "$TARX_CRIU_HOOK_CONFIG"
	exits 0 "$name: a container at post-dump" under_runtime post-dump box "$base/bundle"
	unset CRTOOLS_INIT_PID
	kill "$init"
	wait "$init" 2>/dev/null
	is "$name: its parts" "$(tar -tf "$FS/out/box/x%y.tar" | grep -v checkpoint | tr '\n' ' ')" \
		"tarx-criu-hook.json rootfs-diff.tar directories/vol.tar "
	is "$name: the diff's bytes are shared" "$(shared_of "$base/upper/data")" $((3 << 20))
	is "$name: the directory's, too" "$(shared_of "$base/volume/big")" $((4 << 20))
	before=$(look "$merged")
	must umount "$merged"

	fs_overlay_into "$base" two
	merged=$base/two
	echo '{"root": {"path": "../two"}}' >"$base/bundle/config.json"
	: >"$base/volume/big"
	TWICE=yes exits 0 "$name: at pre-restore, twice" under_runtime pre-restore box "$base/bundle"
	is "$name: it looks as it did" "$(look "$merged" | grep -v hosts)" "$(grep -v hosts <<<"$before")"
	is "$name: but for what the engine makes" "$(cat "$merged/etc/hosts")" lower
	is "$name: the diff is shared again" "$(shared_of "$base/two.upper/data")" $((3 << 20))
	is "$name: the directory is back, shared" "$(shared_of "$base/volume/big")" $((4 << 20))
	is "$name: restored once" "$(grep -c 'two: .* bytes shared' "$WORK/log/restore")" 1
	is "$name: the log is one line a message" "$(grep -vc '^2[0-9-]*T[0-9:]*Z [a-z]* box [a-z]*: ' "$WORK/log/restore")" 0
	must umount "$merged"
	exits 1 "$name: no overlay at the root: fails" under_runtime pre-restore box "$base/bundle"
	like "$name: and says so" "$err" "*c/two: no overlay is mounted here*"
	is "$name: and nothing is put there" "$(find "$merged" -mindepth 1)" ''
	rm -r "$base" "$images"
}

odd=$(printf 'new\nline * \\ "\303\251\377')
fs_overlay_into() # DIR NAME
{
	local upper=$1/upper
	[ "$2" = one ] || upper=$1/$2.upper
	mkdir -p "$upper" "$1/$2.work" "$1/$2"
	must mount -t overlay -o "lowerdir=$1/lower,upperdir=$upper,workdir=$1/$2.work" overlay "$1/$2"
}

look() # DIR
{
	(cd "$1" && find . ! -type s -printf '%p %y %m ' \( -type f -printf '%s ' -exec md5sum {} \; -o -printf '\n' \) | sort)
}

container btrfs

# ---- what a person may write into the file

images=$FS/images
rm -rf "$FS/out"
wrong() # PROMISE LINE WHY
{
	configure "archive = '$FS/out/a.tar'" "$2"
	exits 1 "wrong: $1" stage post-dump
	like "wrong: $1: is told" "$err" "tarx-criu-hook: error: *hook.toml: $3*"
}
wrong "no TOML" 'images true' "*line *"
wrong "a key that is none" 'imgs = true' "imgs: no such setting; there are archive, *"
wrong "a word for a truth value" 'images = "yes"' "images: want true or false"
wrong "an unknown word in a path" 'diff = "/x/%WHO%"' "diff: %WHO% is not known"
wrong "a path that is none" 'diff = "merged"' "diff: want a path*"
wrong "nothing to archive" 'images = false' "images: nothing is left to archive"
wrong "a level that is none" 'on_error = "perhaps"' "on_error: want one of fail, warn"
wrong "an option of the hook" 'create = { file = "/etc/passwd" }' "create.file: this option is the hook's own"
wrong "its beginning" 'create = { direc = "/" }' "create.direc: this option is the hook's own"
wrong "a mode" 'extract = { list = true }' "extract.list: this option is the hook's own"
wrong "dashes" 'create = { "--align" = "4K" }' "create.--align: want an option of tarx by its long name*"
wrong "a number that is none" 'create = { align = 4.5 }' "create.align: want a string"
wrong "a list of lists" 'create = { exclude = [["x"]] }' "create.exclude: want a string"
wrong "a name with a slash" 'directories = { "a/b" = "/x" }' "directories.a/b: want a name*"
wrong "an absolute name" 'leave_out = ["/etc"]' "leave_out: want names*"
wrong "a NUL" 'create = { exclude = "a\u0000" }' "create.exclude: want a string"
wrong "a program by its name alone" 'tarx = "tarx"' "tarx: want a path*"
not "and nothing was written" test -e "$FS/out"
configure 'images = true'
exits 1 "wrong: no place for the archive" stage post-dump
like "wrong: no place for the archive: is told" "$err" "*archive: this setting is needed*"
configure 'archive = "/x/%COMMAND%"'
exits 1 "wrong: %COMMAND% in the archive's name" stage post-dump
configure "archive = '$FS/out/a.tar'" 'on_error = "warn"' 'imgs = 1'
exits 0 "on_error = warn holds for the rest of the file" stage post-dump
like "and the reason is told" "$err" "*imgs: no such setting*CRIU goes on, as on_error says"
configure "archive = '$FS/out/a.tar'"
chmod 666 "$TARX_CRIU_HOOK_CONFIG"
exits 1 "a file that others can write is not believed" stage post-dump
like "and that is told" "$err" "*others can write to it*"
chmod 644 "$TARX_CRIU_HOOK_CONFIG"
exits 0 "--check" "$hook" --check
mv "$TARX_CRIU_HOOK_CONFIG" "$WORK/away"
exits 1 "no file: fails" stage post-dump
mv "$WORK/away" "$TARX_CRIU_HOOK_CONFIG"
exits 2 "by hand without a word: how it is used" "$hook"
TARX_CRIU_HOOK_CONFIG=$top_srcdir/scripts/criu-hook.toml exits 0 "the example is right" "$hook" --check
uncommented()
{
	sed 's/^# \([a-z_]* = \)/\1/' "$top_srcdir/scripts/criu-hook.toml" >"$WORK/example"
	TARX_CRIU_HOOK_CONFIG=$WORK/example "$hook" --check
}
ok "and so is what it has in comments" uncommented

cat >"$WORK/bin/told" <<-END
	#!/bin/bash
	printf '<%s>' "\$@" >>"$WORK/told"
	exec "$TARX" "\$@"
END
chmod 755 "$WORK/bin/told"
configure "archive = '$FS/out/a.tar'" "tarx = '$WORK/bin/told'" \
	'create = { align = "8K", align-min = 9000, sync = true, acls = false, exclude = ["*.x y", "z"] }'
exits 0 "options by their long names" stage post-dump
like "as tarx gets them" "$(cat "$WORK/told")" \
	"*<--align=8K><--align-min=9000><--sync><--exclude=\*.x y><--exclude=z>*"

configure "archive = '$FS/out/b.tar'" 'create = { exclude = "*.json" }'
exits 1 "an option that would leave out a part of the whole: fails" stage post-dump
like "and says which" "$err" "*is not whole*tarx-criu-hook.json*"
configure "archive = '$FS/out/b.tar'" 'create = { exclude = "p*.img" }'
exits 1 "or what CRIU begins with" stage post-dump
like "and says which" "$err" "*is not whole*pstree.img*"
not "and there is no archive" test -e "$FS/out/b.tar"

# ---- its own log, names, and what lies where

configure "archive = '$FS/out/%IMAGE_NAME%.tar'" 'create = { exclude = "*.skip" }'
images="$FS/odd $odd"
make_images "$images"
cp -a "$images/core-1.img" "$images/$odd.img"
echo x >"$images/some.skip"
stage_with_log()
{
	stage post-dump 2>"$images/dump *.log"
}
echo log >"$images/dump *.log"
cp "$images/core-1.img" "$images/dump x.log"
exits 0 "names of any bytes" stage_with_log
is "all is in the archive but the log, and what is left out" "$(tar -tf "$FS/out/odd $odd.tar" | grep -v img)" \
	"tarx-criu-hook.json
checkpoint/
checkpoint/dump x.log"
rm "$images"/*.img "$images/some.skip"
tar -xf "$FS/out/odd $odd.tar" -C "$images" --strip-components=1 checkpoint/inventory.img checkpoint/pstree.img
exits 0 "and comes back" stage pre-restore
is "under its name" "$(stat -c %s "$images/$odd.img")" 3000
is "the log is one line a message, in UTF-8" "$(iconv -f UTF-8 -t UTF-8 "$WORK/log/restore" | grep -vc '^2[0-9-]*T')" 0
configure 'archive = "%IMAGE_DIR%/x.tar"'
make_images "$images"
exits 1 "an archive in the image directory that it is to hold: refused" stage post-dump
like "and says so" "$err" "*would be in *"
ln -s "$images" "$FS/link"
configure "archive = '$FS/link/x.tar'"
exits 1 "by way of a link, too" stage post-dump
not "and nothing is left there" test -e "$images/x.tar"
configure "archive = '$FS/out/a.tar'" "directories = { all = '$FS' }"
exits 1 "or in another directory that it is to hold" stage post-dump
configure "archive = '$FS/out/a.tar'" 'diff = true'
exits 1 "a diff where no process is told" stage post-dump
CRTOOLS_INIT_PID=$$ exits 1 "a diff of what is no overlay" stage post-dump
like "and says so" "$err" "*the root of process $$ is no overlay*"
ln -s nowhere "$images/parent"
configure "archive = '$FS/out/a.tar'"
exits 0 "images that build on others" stage post-dump
like "are warned of" "$err" "*need those of an earlier dump*"

configure "archive = '$FS/out/%ID%.tar'" 'create = { zstd = true }'
images=$FS/images
exits 0 "compressed" stage post-dump
mv "$images/core-1.img" "$WORK/core"
exits 0 "and restored" stage pre-restore
ok "as it was" cmp "$WORK/core" "$images/core-1.img"
rm "$FS/out/images.tar"

# ---- at once, ended, and on a full disk

images=$FS/images
configure "archive = '$FS/out/%ID%.tar'"
at_once()
{
	local n all=()
	for n in {1..8}; do
		make_images "$FS/at-$n"
		images=$FS/at-$n stage post-dump &
		all+=($!)
	done
	for n in "${all[@]}"; do
		wait "$n" || return
	done
	for n in {1..8}; do
		tar -df "$FS/out/at-$n.tar" -C "$FS/at-$n" --strip-components=1 --transform 's,^checkpoint/,./,' checkpoint ||
			cmp <(tar -xOf "$FS/out/at-$n.tar" checkpoint/pages-1.img) "$FS/at-$n/pages-1.img" || return
	done
}
ok "eight at once into one directory" at_once
is "leave their archives and nothing else" "$(find "$FS/out" -name '.*' -mindepth 1)" ''

cat >"$WORK/bin/slow" <<-END
	#!/bin/bash
	echo \$\$ >"$WORK/slow.pid"
	exec sleep 100
END
chmod 755 "$WORK/bin/slow"
configure "archive = '$FS/out/slow.tar'" "tarx = '$WORK/bin/slow'"
CRTOOLS_SCRIPT_ACTION=post-dump CRTOOLS_IMAGE_DIR=$images "$hook" 2>"$WORK/said" &
while [ ! -s "$WORK/slow.pid" ]; do sleep 0.02; done
kill "$!"
wait "$!"
is "ended by a signal: fails" "$?" 1
like "says so" "$(cat "$WORK/said")" "*ended by signal 15*"
is "and leaves nothing" "$(find "$FS/out" -name '.*' -o -name 'slow*')" ''
not "nor does tarx run on" kill -0 "$(cat "$WORK/slow.pid")"
mkdir "$FS/out/.tarx-criu-hook.old" "$FS/out/.tarx-criu-hook.new"
touch -d '2 minutes ago' "$FS/out/.tarx-criu-hook.old"
configure "archive = '$FS/out/%ID%.tar'"
exits 0 "where one was killed" stage post-dump
is "the next one takes away what is old" "$(find "$FS/out" -name '.*' -printf '%f\n')" .tarx-criu-hook.new

fs_make tmpfs 4M
configure "archive = '$FS/%ID%.tar'"
exits 1 "a full disk: fails" stage post-dump
like "says why" "$err" "*No space left on device*"
is "and leaves nothing" "$(ls -A "$FS")" ''
mkdir "$FS/images"
cp "$images/inventory.img" "$images/pstree.img" "$FS/images"
configure "archive = '${images%/images}/out/%ID%.tar'"
images=$FS/images exits 1 "a full disk at pre-restore: fails" stage pre-restore
like "says why" "$err" "*No space left on device*"
is "and no image has come back in part" "$(ls -A "$FS/images" | tr '\n' ' ')" "inventory.img pstree.img "
rm -r "$FS/images"
configure "archive = '/proc/nowhere/x.tar'"
exits 1 "a directory that cannot be made: fails" stage post-dump
like "says which" "$err" "*/proc/nowhere*"
configure "archive = '$FS/x/%ID%.tar'" 'tarx = "/nowhere/tarx"'
exits 1 "no tarx: fails" stage post-dump
like "says so" "$err" "*/nowhere/tarx*No such file*"
sed -i 's|^log_path.*|log_path = "/proc/nowhere/log"|' "$TARX_CRIU_HOOK_CONFIG"
sed -i '/^tarx/d' "$TARX_CRIU_HOOK_CONFIG"
images=$WORK/small
mkdir "$images"
echo 1 >"$images/inventory.img"
echo 2 >"$images/pstree.img"
exits 0 "a log that cannot be written is no failure" stage post-dump
like "but told" "$err" "*warning: log /proc/nowhere/log*"
images=$WORK/nowhere
exits 1 "no image directory: fails" stage post-dump

# ---- the other file system

fs_make xfs 512M
images=$FS/images
make_images "$images"
configure "archive = '$FS/out/%ID%.tar'" 'create = { align = "4K" }'
images_only xfs
container xfs

finish
