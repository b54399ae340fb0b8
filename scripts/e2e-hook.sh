#!/bin/bash
# tarx-criu-hook with a real CRIU: alone, under runc and crun, and under podman. Prints a promise a line, and last
# "N passed, N failed".
#
#   e2e-hook.sh
#
# TARX=PROGRAM in the environment: tests this one, instead of building. See e2e-lib.sh for the rest.
set -u

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=e2e-lib.sh
. "$(dirname "$0")/e2e-lib.sh"
# shellcheck source-path=SCRIPTDIR source=../tests/lib/readme.sh
. "$(dirname "$0")/../tests/lib/readme.sh"
e2e_private "$0" "$@"

top_srcdir=$top
mkdir "$WORK/bin" "$WORK/log"
ln -s "$TARX" "$WORK/bin/tarx"
PATH=$WORK/bin:$PATH
hook=$WORK/bin/tarx-criu-hook
sed "s|^lib=.*|lib=$top/scripts tarx=$TARX|" "$top/scripts/tarx-criu-hook" >"$hook"
chmod 755 "$hook"
e2e_etc
mkdir -p /etc/criu /etc/tarx
rm -f /etc/criu/*.conf

configure() # LINE...: the hook's configuration; its log is new
{
	printf '%s\n' "log_path = \"$WORK/log/%COMMAND%\"" 'log_level = "debug"' "$@" >/etc/tarx/criu-hook.toml
	rm -f "$WORK/log/"*
}

use_hook() # yes|no
{
	rm -f /etc/criu/default.conf
	[ "$1" = no ] || echo "action-script $hook" >/etc/criu/default.conf
}

# Bytes that were shared, by the log of one direction.
shared() # dump|restore
{
	sed -n 's/.* \([0-9]*\) bytes shared, .*/\1/p' "$WORK/log/$1" 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

goes_on() # FILE: the number in it grows
{
	local before
	before=$(cat "$1")
	for _ in {1..50}; do
		sleep 0.1
		[ "$(cat "$1")" -gt "$before" ] && return
	done
	echo "still $before"
	return 1
}

# ---- CRIU alone

# Two processes, 12 MB of memory each, which count in files of their own.
cat >"$WORK/tree.py" <<'END'
import os, subprocess, sys, time
if len(sys.argv) == 2:
    null = subprocess.DEVNULL
    print(subprocess.Popen([sys.executable, *sys.argv, "run"], start_new_session=True,
                           stdin=null, stdout=null, stderr=null).pid)
    sys.exit()
name = f"{sys.argv[1]}.{'parent' if os.fork() else 'child'}"
block = os.urandom(12 << 20)
with open(name, "w") as file:
    for n in range(1 << 30):
        file.seek(0)
        file.write(f"{n:09}")  # CRIU wants files as long as they were
        file.flush()
        time.sleep(0.05)
        assert len(block) == 12 << 20
END

tree() # starts it; $pid is its first process
{
	rm -f "$FS"/count.*
	pid=$(/usr/bin/python3 "$WORK/tree.py" "$FS/count") || bail "no process to dump"
	for _ in {1..100}; do
		[ -s "$FS/count.parent" ] && [ -s "$FS/count.child" ] && return
		sleep 0.05
	done
	bail "the processes do not count"
}

tree_is_alive()
{
	goes_on "$FS/count.parent" && goes_on "$FS/count.child"
}

tree_ends()
{
	local child
	for child in $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) "$pid"; do
		kill -9 "$child" 2>/dev/null
	done
	while [ -d "/proc/$pid" ]; do
		sleep 0.02
	done
}

dump() # [OPTION...]: into $FS/images, by default with the hook
{
	mkdir -p "$FS/images"
	criu dump -t "$pid" -D "$FS/images" -o dump.log --action-script "$hook" "$@"
}

restore()
{
	rm -f "$FS/images/"*.log
	criu restore -d -D "$FS/images" -o restore.log --action-script "$hook" "$@"
}

alone() # KIND
{
	local name="$1, criu alone"
	e2e_fs "$1" 1G
	configure "archive = '$FS/archives/%ID%.tar'" 'create = { align = "4K" }'
	tree
	ok "$name: dumps with the hook" dump
	ok "$name: GNU tar lists the archive" tar -tf "$FS/archives/images.tar"
	ok "$name: the pages are shared with it" test "$(shared dump)" -ge $((24 << 20))
	is "$name: its own log is not in it" \
		"$(tar -tf "$FS/archives/images.tar" | grep '\.log$')" ''
	is "$name: nothing else is left" "$(ls -A "$FS/archives")" images.tar
	rm "$FS/images/"pages-*
	ok "$name: restores what is not there" restore
	ok "$name: and the processes go on" tree_is_alive
	ok "$name: the pages that came back share with the archive" test "$(shared restore)" -ge $((24 << 20))
	tree_ends
	ok "$name: all images are there: restores" restore
	ok "$name: and the processes go on" tree_is_alive
	like "$name: nothing was put back then" "$(tail -n 1 "$WORK/log/restore")" "*everything is there already"
	tree_ends
	rm -r "$FS/images"
	mkdir "$FS/images"
	ok "$name: a directory that is gone comes back by hand" "$TARX" -xf "$FS/archives/images.tar" \
		-C "$FS/images" --strip-components=1 checkpoint
	ok "$name: and CRIU restores from it" restore
	ok "$name: and the processes go on" tree_is_alive
	tree_ends
	rm -r "$FS/images"
}

failing()
{
	local reason
	mkdir "$FS/small"
	must mount -t tmpfs -o size=4M tmpfs "$FS/small"
	configure "archive = '$FS/small/%ID%.tar'"
	tree
	not "a disk that is full fails the dump" dump
	reason=$(grep -a 'tarx-criu-hook: error' "$FS/images/dump.log")
	like "and CRIU's log has the reason" "$reason" "*No space left on device*"
	is "and nothing of the archive is left" "$(ls -A "$FS/small")" ''
	ok "and the processes run on" tree_is_alive
	rm -r "$FS/images"
	configure "archive = '$FS/small/%ID%.tar'" 'on_error = "warn"'
	ok "on_error = warn: the dump goes on" dump
	like "and CRIU's log has the reason" "$(grep -a tarx-criu-hook: "$FS/images/dump.log")" \
		"*No space left on device*CRIU goes on*"
	ok "and it can be restored" restore
	ok "and the processes go on" tree_is_alive
	configure "archive = 7"
	rm -r "$FS/images"
	not "a wrong configuration fails the dump" dump
	like "and CRIU's log has the reason" "$(grep -a tarx-criu-hook: "$FS/images/dump.log")" \
		"*criu-hook.toml: archive: want a string*"
	ok "and the processes run on" tree_is_alive
	tree_ends
	umount "$FS/small"
}

# ---- containers

# What runs in them: changes of every kind, and then it counts.
changes='
	mkdir -p /data /new/dir
	dd if=/dev/urandom of=/data/one bs=1M count=16 2>/dev/null
	cp /data/one /data/two; ln /data/one /data/hard; ln -s one /data/soft
	rm /etc/base-gone; rm -r /etc/base-dir; mkdir /etc/base-dir; echo new >/etc/base-dir/new
	echo more >>/etc/base-changed; chmod 700 /root; echo hi >/new/dir/file
	exec 3<>/data/open; echo x >&3
	n=0; while :; do n=$((n + 1)); echo $n >/counter; sleep 0.05; done'

# What is seen in a container, a line a name: kind, mode, links, sum. Without what engines make themselves.
look() # DIR
{
	(cd "$1" && find . \( -path ./counter -o -path './run/*' -o -path './dev/*' -o -path ./etc/hosts \
		-o -path ./etc/hostname -o -path ./etc/resolv.conf -o -path ./etc/mtab \) -prune -o \
		-printf '%p %y %m ' \( -type f -printf '%n ' -exec md5sum {} \; -o -printf '%l\n' \) | sort)
}

same() # PROMISE BEFORE AFTER: two looks; the lines that differ are shown
{
	is "$1" "$(diff <(echo "$2") <(echo "$3"))" ''
}

wait_for() # FILE
{
	for _ in {1..200}; do
		[ -s "$1" ] && return
		sleep 0.05
	done
	bail "no $1"
}

merged_of() # CONTAINER
{
	e2e_podman inspect --format '{{.GraphDriver.Data.MergedDir}}' "$1"
}

# Runs the changes in a container called box; $merged is where its root is seen, $before how it looks.
box() # [OPTION...]
{
	must e2e_podman run -d --name box "${e2e_run_options[@]}" "$@" localhost/base sh -c "$changes" >/dev/null
	merged=$(merged_of box)
	wait_for "$merged/counter"
	before=$(look "$merged")
}

# What comes back: NAME CONTAINER, with the number that it had reached.
is_back()
{
	merged=$(merged_of "$2")
	ok "$1: it counts on" goes_on "$merged/counter"
	ok "$1: from where it was" test "$(cat "$merged/counter")" -ge "$3"
	same "$1: all files are what they were" "$before" "$(look "$merged")"
}

# The diff travels inside of the images, as podman packs them.
exported() # KIND RUNTIME
{
	local name="$1, podman and $2" old options=()
	configure 'archive = "%IMAGE_DIR%/tarx.tar"' 'images = false' 'diff = true' \
		'create = { align = "4K", warning = ["no-file-ignored"] }'
	use_hook yes
	if [ "$2" = runc ]; then
		mv /etc/criu/default.conf "$WORK/criu.conf"
		options=(--annotation "org.criu.config=$WORK/criu.conf")
	fi
	box "${options[@]}"
	ok "$name: checkpoint" e2e_podman container checkpoint --ignore-rootfs --compress none -e "$FS/box.tar" box
	ok "$name: the diff is shared" test "$(shared dump)" -ge $((32 << 20))
	old=$(cat "$merged/counter" 2>/dev/null || echo 1)
	must e2e_podman rm box >/dev/null
	ok "$name: restore" e2e_podman container restore -i "$FS/box.tar" --name again
	is_back "$name" again "$old"
	ok "$name: and shared" test "$(shared restore)" -ge $((32 << 20))
	e2e_podman rm -f -t 0 again >/dev/null
	use_hook no
}

# The images stay with podman, the archive is elsewhere; what podman has is damaged in between.
kept() # KIND RUNTIME
{
	local name="$1, podman and $2, not exported" images old
	configure 'archive = "/proc/nowhere/%ID%.tar"' 'diff = true'
	use_hook yes
	box
	not "$name: a failing hook fails the checkpoint" e2e_podman container checkpoint box
	like "$name: CRIU's log has the reason" \
		"$(grep -a tarx-criu-hook: "$(e2e_podman inspect --format '{{.StaticDir}}' box)/dump.log")" "*error: */proc/nowhere*"
	ok "$name: and the container runs on" goes_on "$merged/counter"
	configure "archive = '$FS/archives/%ID%.tar'" 'diff = true'
	ok "$name: checkpoint" e2e_podman container checkpoint box
	ok "$name: the archive is called as the container" \
		tar -tf "$FS/archives/$(e2e_podman inspect --format '{{.Id}}' box).tar" rootfs-diff.tar checkpoint
	images=$(e2e_podman inspect --format '{{.StaticDir}}' box)/checkpoint
	rm "$images"/pages-*.img "${merged%/merged}/diff/data/one" "${merged%/merged}/diff/etc/base-changed"
	old=$(cat "${merged%/merged}/diff/counter")
	ok "$name: restore" e2e_podman container restore box
	is_back "$name" box "$old"
	e2e_podman rm -f -t 0 box >/dev/null
	use_hook no
}

# A checkpoint as the engine alone writes it goes through what README.md says under Kubernetes, and is restored by
# the engine alone.
made_aligned() # KIND RUNTIME
{
	local name="$1, podman and $2, README.md" old
	box
	must e2e_podman container checkpoint --compress none -e "$FS/plain.tar" box >/dev/null
	old=$(cat "${merged%/merged}/diff/counter")
	must e2e_podman rm box >/dev/null
	export CHECKPOINT=$FS/plain.tar ALIGNED=$FS/aligned.tar PARTS=$FS/parts TARGET=$FS/target UPPER=$FS/upper
	mkdir "$TARGET" "$UPPER"
	ok "$name: made aligned" documented Kubernetes --realign
	is "$name: with the same members" "$(tar -tf "$ALIGNED" | sort)" "$(tar -tf "$CHECKPOINT" | sort)"
	ok "$name: restored into an upper layer" documented Kubernetes --overlay=diff
	is "$name: as it was" "$(md5sum <"$UPPER/data/one")" "$(md5sum <"$UPPER/data/two")"
	is "$name: what was removed is removed" "$(stat -c '%F %t:%T' "$UPPER/etc/base-gone")" "character special file 0:0"
	ok "$name: restored by podman" e2e_podman container restore -i "$ALIGNED"
	ok "$name: it counts on" goes_on "$(merged_of box)/counter"
	ok "$name: from where it was" test "$(cat "$(merged_of box)/counter")" -ge "$old"
	e2e_podman rm -f -t 0 box >/dev/null
}

# The runtime alone, in a bundle whose root is an overlay of ours.
bundle() # RUNTIME
{
	dir=$FS/bundle-$1
	must mkdir -p "$dir/lower" "$dir/upper" "$dir/work" "$dir/rootfs"
	must cp -a "$WORK/rootfs/." "$dir/lower"
	mount_bundle
	(cd "$dir" && runc spec) || bail "no specification"
	/usr/bin/python3 - "$dir/config.json" "$E2E_CGROUP" "$changes" <<-'END'
		import json, sys
		spec = json.load(open(sys.argv[1]))
		spec["process"].update(terminal=False, args=["sh", "-c", sys.argv[3]])
		del spec["process"]["rlimits"]
		spec["root"]["readonly"] = False
		spec["linux"]["cgroupsPath"] = f"/{sys.argv[2]}/plain"
		json.dump(spec, open(sys.argv[1], "w"))
	END
}

mount_bundle()
{
	must mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/rootfs"
}

runtime_alone() # RUNTIME
{
	local name="$1 alone" dir before old
	bundle "$1"
	configure "archive = '$FS/archives/%ID%.tar'" 'diff = true'
	use_hook yes
	must "$1" run -d --bundle "$dir" "alone-$1" </dev/null >/dev/null 2>&1
	wait_for "$dir/rootfs/counter"
	before=$(look "$dir/rootfs")
	ok "$name: checkpoint" "$1" checkpoint --image-path "$FS/images-$1" "alone-$1"
	"$1" delete "alone-$1" >/dev/null 2>&1
	old=$(cat "$dir/rootfs/counter")
	must umount "$dir/rootfs"
	must rm -rf "$dir/upper" "$dir/work" "$FS/images-$1/"pages-*
	must mkdir "$dir/upper" "$dir/work"
	mount_bundle
	is "$name: a new upper layer has none of it" "$(cat "$dir/rootfs/etc/base-gone")" two
	ok "$name: restore" "$1" restore -d --image-path "$FS/images-$1" --bundle "$dir" "alone-$1"
	ok "$name: it counts on" goes_on "$dir/rootfs/counter"
	ok "$name: from where it was" test "$(cat "$dir/rootfs/counter")" -ge "$old"
	same "$name: all files are what they were" "$before" "$(look "$dir/rootfs")"
	"$1" delete -f "alone-$1" >/dev/null 2>&1
	use_hook no
}

in_containers() # KIND RUNTIME
{
	e2e_fs "$1" 2G
	e2e_runtime "$2"
	e2e_image
	exported "$1" "$2"
	kept "$1" "$2"
	made_aligned "$1" "$2"
	runtime_alone "$2"
}

use_hook no
alone btrfs
failing
in_containers btrfs runc
in_containers xfs crun
e2e_done
