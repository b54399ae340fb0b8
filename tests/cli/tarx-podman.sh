#!/bin/bash
# tarx-podman with a podman that has no containers (lib/fakepodman.py) and a checkpoint that podman 4.3 wrote: what goes
# where, what podman is told, and what becomes of it all when something fails.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

export FAKE PODMAN=$WORK/bin/fakepodman TARX
must cp "$fs_lib/fakepodman.py" "$PODMAN"
must cp -r "$top_srcdir/scripts/tarx-podman" "$top_srcdir/scripts/tarxpodman" "$WORK/bin"
xz -dc "$top_srcdir/tests/data/podman-export.tar.xz" >"$WORK/export" || bail "no recorded checkpoint"
unset CONTAINER_HOST CONTAINER_CONNECTION
# Others run containers, too.
must mount -t tmpfs -o mode=755 tmpfs /run

tp()
{
	"$WORK/bin/tarx-podman" "$@"
}

# A storage with an image, and a container of it: new and modified files, a removed one, a volume.
storage()
{
	local overlay
	fs_make btrfs 300M
	FAKE=$FS
	overlay=$FAKE/storage/overlay
	must mkdir -p "$FAKE"/seen "$overlay"/l "$overlay"/image/diff/{etc,tmp,opt} "$overlay"/box/{diff/{etc,data},work} \
		"$FAKE"/storage/overlay-containers/box/userdata "$FAKE"/storage/volumes/volume/_data
	chmod 1777 "$overlay/image/diff/tmp"
	echo old | tee "$overlay"/image/diff/{etc/removed,etc/modified,opt/kept} >/dev/null
	ln -s ../image/diff "$overlay/l/IMAGE"
	ln -s ../box/diff "$overlay/l/BOX"
	printf IMAGE >"$overlay/image/link"
	printf BOX >"$overlay/box/link"
	printf l/IMAGE >"$overlay/box/lower"
	upper=$overlay/box/diff
	must mknod "$upper/etc/removed" c 0 0
	echo modified >"$upper/etc/modified"
	echo 127.0.0.1 >"$upper/etc/hosts"
	head -c 3000000 /dev/urandom >"$upper/data/large"
	ln "$upper/data/large" "$upper/data/again"
	head -c 100000 /dev/urandom >"$FAKE/storage/volumes/volume/_data/file"
	chmod 1770 "$FAKE/storage/volumes/volume/_data"
	static=$FAKE/storage/overlay-containers/box/userdata
	must cp "$WORK/export" "$FAKE/export"
	must tar -xf "$FAKE/export" -C "$static"
	echo '[]' >"$FAKE/storage/overlay-containers/containers.json"
	must "$PYTHON" -B - "$upper" "$static" "$FAKE" >"$FAKE/inspect" <<-'END'
		import json, sys
		upper, static, fake = sys.argv[1:]
		print(json.dumps([{"Id": "1" * 64, "Name": "box", "State": {"Pid": 1}, "StaticDir": static,
		                   "GraphDriver": {"Name": "overlay", "Data": {"UpperDir": upper}},
		                   "Mounts": [{"Type": "volume", "Name": "volume", "Source": fake + "/storage/volumes/volume/_data"},
		                              {"Type": "bind", "Source": "/nowhere"}]}]))
	END
	fs_sync "$FAKE"
}

# Before each attempt.
afresh() # [FAIL]
{
	rm -rf "$FAKE"/seen/* "$FAKE"/calls "$FAKE"/fail
	[ $# -eq 0 ] || echo "$1" >"$FAKE/fail"
}

calls()
{
	sed "s|/proc/[0-9]*/fd/[0-9]*|PIPE|; s|/run/tarx-podman-[0-9a-f]*|RUN|" "$FAKE/calls"
}

left()
{
	find "$FAKE" /run -maxdepth 1 -name '*tarx-podman*'
	pgrep -f "$PODMAN"
}

# --- checkpoint

storage
afresh
exits 0 "checkpoint" tp --log-level debug container checkpoint -kRe "$FAKE/a.tar" --tcp-established box
is "podman's output is ours" "$out" box
like "a container without a group of its own cannot be held still: said" "$err" "*box cannot be held still*"
is "podman gets its options, and writes no files" "$(calls | tail -n 1)" "--log-level debug container checkpoint \
-k -R --tcp-established --compress=none --ignore-rootfs --ignore-volumes --export=PIPE -- box"
is "podman's members as they were, then ours" "$(tar -tf "$FAKE/a.tar")" \
	"$(tar -tf "$FAKE/export"; printf '%s\n' rootfs-diff.tar deleted.files volumes/volume.tar)"
mkdir "$WORK/a"
must tar -xf "$FAKE/a.tar" -C "$WORK/a"
is "podman's members have podman's bytes" "$(cd "$static" && find . -type f -exec cmp {} "$WORK/a/{}" \;)" ""
is "the diff: no whiteouts, no files of podman's own" "$(tar -tf "$WORK/a/rootfs-diff.tar" | xargs)" \
	"data/ data/again data/large etc/ etc/modified"
is "the list of what was removed" "$(cat "$WORK/a/deleted.files")" '["/etc/removed"]'
is "the volume, with its own folder" "$(tar -tf "$WORK/a/volumes/volume.tar" | sort | xargs)" "./ file"
is "the file is for its owner alone" "$(stat -c %a "$FAKE/a.tar")" 600
read -r shared mapped < <("$SHARED" "$FAKE/a.tar")
ok "the file shares its bytes with the layer, the volume and podman's folder" test "$shared" -gt 3200000
is "nothing is left" "$(left)" ""
afresh
echo old >"$FAKE/small.tar"
exits 0 "checkpoint, without the word container, into a file that is there" tp checkpoint --export="$FAKE/small.tar" \
	--ignore-volumes --ignore-rootfs=true box
is "what is ignored is not in the file" "$(tar -tf "$FAKE/small.tar")" "$(tar -tf "$FAKE/export")"

# --- podman alone

alone() # PROMISE WHY WORD...
{
	local promise=$1 why=$2
	shift 2
	afresh
	exits 0 "$promise: podman alone" tp "$@"
	is "$promise: its words unchanged" "$(calls | tail -n 1)" "$*"
	like "$promise: said why" "$err" "$why"
}
must mkfifo "$WORK/pipe"
must cp "$FAKE/inspect" "$WORK/inspect"
e=(-e "$FAKE/b.tar")
alone "another command" "" ps -a --format x
alone "a container called checkpoint" "" start container checkpoint
alone "no export" "" container checkpoint --keep box
rm "$FAKE/inspect"
alone "a container that is not known" "*podman does not know the container*" container checkpoint -l "${e[@]}"
must cp "$WORK/inspect" "$FAKE/inspect"
alone "compressed" "*compressed by zstd*" container checkpoint "${e[@]}" --compress zstd box
alone "a pre-checkpoint" "*--pre-checkpoint is podman's alone*" container checkpoint -P "${e[@]}" box
alone "all containers" "*--all is podman's alone*" container checkpoint -a "${e[@]}"
alone "two containers" "*it takes one container*" container checkpoint "${e[@]}" box other
alone "into a pipe" "*pipe is not a regular file*" container checkpoint -e "$WORK/pipe" box
alone "a remote podman" "*another machine*" --remote container checkpoint "${e[@]}" box
CONTAINER_HOST=ssh://x alone "a podman that the environment says is remote" "*another machine*" \
	container checkpoint "${e[@]}" box
sed -i 's/"Name": "overlay"/"Name": "vfs"/' "$FAKE/inspect"
alone "another driver" "*storage driver is vfs*" container checkpoint "${e[@]}" box
must cp "$WORK/inspect" "$FAKE/inspect"
alone "a restore that is not imported" "" container restore --keep box
alone "a restore with a pre-checkpoint" "*--import-previous is podman's alone*" \
	container restore -i "$FAKE/a.tar" --import-previous "$FAKE/small.tar"
alone "a restore of what is no archive" "*could not do all of its work*" container restore -i "$FAKE/inspect"
alone "a restore of an archive of something else" "*has no config.dump*" \
	container restore -i "$WORK/a/rootfs-diff.tar"
not "nobody wrote a file" test -e "$FAKE/b.tar"

# --- checkpoints that fail

fails_how() # HOW EXIT WORDS
{
	local words=$3
	afresh "$1"
	exits "$2" "podman fails $1: its exit code" tp container checkpoint "${e[@]}" box
	like "podman fails $1: said what is" "$err" "$words"
	not "podman fails $1: no file" test -e "$FAKE/b.tar"
	is "podman fails $1: nothing is left" "$(left)" ""
}
fails_how before 125 "*CRIU has failed*exit 125*b.tar was not written. box is running"
fails_how within 125 "*b.tar was not written. box is exited: 'podman container restore box' brings it back"
fails_how after 125 "*b.tar was not written. box is exited*"
afresh after
exits 125 "podman fails, and knows the container by its id" tp container checkpoint "${e[@]}" "$(printf '1%.0s' {1..64})"

cat >"$WORK/bin/broken" <<-END
	#!/bin/sh
	case "\$*" in *\$BREAK*) echo "tarx: \$BREAK does not work" >&2; exit 2 ;; esac
	exec "$TARX" "\$@"
END
chmod +x "$WORK/bin/broken"
for BREAK in --nest --realign; do
	export BREAK
	afresh
	TARX=$WORK/bin/broken exits 125 "tarx fails at $BREAK" tp container checkpoint "${e[@]}" box
	like "tarx fails at $BREAK: said why, and what is" "$err" \
		"tarx: $BREAK does not work*b.tar was not written. box is exited: 'podman container restore box' brings it back"
	ok "tarx fails at $BREAK: podman came to its end" test -e "$FAKE/seen/finished"
	not "tarx fails at $BREAK: no file" test -e "$FAKE/b.tar"
done

# The process that was started, whose id everybody knows, and the one that it has do the work.
started()
{
	pgrep -o -f "$WORK/bin/tarx-podman"
}

worker()
{
	pgrep -P "$(started)"
}

all_have_ended()
{
	until [ -z "$(pgrep -f "$WORK/bin/tarx-podman")" ]; do sleep 0.01; done
}

interrupted() # SIGNAL HOW VICTIM...
{
	local signal=$1
	afresh "$2"
	shift 2
	tp container checkpoint "${e[@]}" box >"$WORK/said" 2>&1 &
	until [ -e "$FAKE/seen/dumped" ]; do sleep 0.01; done
	sleep 0.3
	# shellcheck disable=SC2046 # numbers
	kill "-$signal" $(for victim; do "$victim"; done)
	wait $!
	code=$?
	all_have_ended
}
interrupted TERM slow started
is "interrupted: exit code" "$code" 143
ok "interrupted: podman came to its end" test -e "$FAKE/seen/finished"
like "interrupted: said what is" "$(cat "$WORK/said")" "*signal 15; *b.tar was not written. box is exited*"
interrupted KILL slow started
ok "killed: podman came to its end" test -e "$FAKE/seen/finished"
like "killed: said what is" "$(cat "$WORK/said")" \
	"*killed; *b.tar was not written. box is exited: 'podman container restore box' brings it back"
not "killed: no file" test -e "$FAKE/b.tar"
is "killed: nothing is left" "$(left)" ""
interrupted KILL slow worker
is "the working process killed: exit code" "$code" 137
not "the working process killed: podman does not go on" test -e "$FAKE/seen/finished"
like "the working process killed: said what is" "$(cat "$WORK/said")" \
	"*killed: *b.tar was not written. box is exited: 'podman container restore box' brings it back"
is "the working process killed: nothing is left" "$(left)" ""
interrupted KILL forgetful worker
like "podman killed with it, and wrong about the container: said" "$(cat "$WORK/said")" \
	"*b.tar was not written. podman was killed and takes box for running, but its process has ended*"
interrupted KILL slow started worker
not "both killed: podman does not go on" test -e "$FAKE/seen/finished"
is "both killed: nothing is left" "$(left)" ""

# --- restore

layer=$FAKE/storage/overlay/new
userdata=$FAKE/storage/overlay-containers/$(printf '2%.0s' {1..64})/userdata
forget()
{
	rm -rf "$layer" "${userdata%/*}" "$FAKE/storage/volumes/volume"
	echo '[]' >"$FAKE/storage/overlay-containers/containers.json"
	afresh "$@"
}

restored() # HOW
{
	must mount -t overlay -o "lowerdir=$FAKE/storage/overlay/image/diff,upperdir=$layer/diff,workdir=$layer/work" \
		overlay "$WORK/merged"
	is "$1: the layer" "$(cd "$WORK/merged" && find . | sort | xargs)" \
		". ./data ./data/again ./data/large ./etc ./etc/modified ./opt ./opt/kept ./tmp"
	is "$1: what was modified" "$(cat "$WORK/merged/etc/modified")" modified
	ok "$1: what is large" cmp "$WORK/merged/data/again" "$upper/data/large"
	is "$1: hard links" "$(stat -c %h "$WORK/merged/data/large")" 2
	is "$1: the image's own directories" "$(stat -c %a "$WORK/merged/tmp")" 1777
	umount "$WORK/merged"
	ok "$1: the volume" cmp "$FAKE/storage/volumes/volume/_data/file" "$WORK/volume"
	is "$1: the volume's own folder" "$(stat -c %a "$FAKE/storage/volumes/volume/_data")" 1770
	is "$1: podman's folder has what the file has, but the configuration" "$(cd "$userdata" && find . -type f | sort)" \
		"$( (cd "$static" && find . -type f ! -name config.dump ! -name spec.dump; echo ./volumes/volume.tar) | sort)"
	is "$1: nothing is left" "$(left)" ""
}
mkdir "$WORK/merged"
cp "$FAKE/storage/volumes/volume/_data/file" "$WORK/volume"
must gzip -k "$FAKE/a.tar"

forget
exits 0 "restore" tp container restore --import "$FAKE/a.tar" --tcp-established
is "restore: without a word but podman's" "$err$out" "$(printf '2%.0s' {1..64})"
is "restore: podman gets its options" "$(calls | tail -n 1)" \
	"container restore --tcp-established --import=RUN/checkpoint.tar"
restored "restore"
read -r shared mapped < <("$SHARED" "$layer/diff/data/large")
is "restore: the layer's bytes are shared" "$shared" "$mapped"

forget
exits 0 "restore, compressed" tp container restore -i "$FAKE/a.tar.gz" -n other
restored "restore, compressed"
like "restore, compressed: another name" "$(cat "$FAKE/storage/overlay-containers/containers.json")" '*"other"*'

# As podman writes it: names of the diff without their folders.
must tar -C "$upper" -cf "$WORK/a/rootfs-diff.tar" --no-recursion data data/again data/large etc/modified
must tar -C "$WORK/a" -cf "$FAKE/foreign.tar" artifacts checkpoint config.dump ctr.log deleted.files devshm-checkpoint.tar \
	network.status rootfs-diff.tar spec.dump stats-dump volumes/volume.tar
forget
exits 0 "restore of a file that is not ours" tp container restore -i "$FAKE/foreign.tar"
restored "restore of a file that is not ours"

forget
exits 0 "restore without the diff" tp container restore --ignore-rootfs -i "$FAKE/a.tar"
is "restore without the diff: the layer stays empty" "$(ls -A "$layer/diff")" ""

# Names that lead elsewhere, or that tarx would take for options.
must cp -r "$WORK/a" "$WORK/hostile"
"$PYTHON" -B - "$WORK/hostile/config.dump" <<-'END'
	import json, sys
	config = json.load(open(sys.argv[1]))
	config["namedVolumes"].append({"volumeName": "../../../../victim"})
	json.dump(config, open(sys.argv[1], "w"))
END
echo hostile | tee "$WORK/hostile/-I" "$WORK/hostile/victim" "$WORK/hostile/config.json" >"$FAKE/storage/victim.tar"
must tar -C "$WORK/hostile" -cf "$FAKE/hostile.tar" --transform 's,^victim$,volumes/../../../../victim.tar,' -P \
	--add-file=-I victim config.json artifacts checkpoint config.dump ctr.log rootfs-diff.tar spec.dump deleted.files volumes
forget
exits 0 "restore of a hostile file" tp container restore -i "$FAKE/hostile.tar"
is "restore of a hostile file: nothing outside is touched" "$(cat "$FAKE/storage/victim.tar")" hostile
like "restore of a hostile file: what podman does not know is not restored" "$err" "*: -I is not restored*config.json is not*"
is "restore of a hostile file: nor in podman's folder" "$(cd "$userdata" && ls -d -- -I config.json 2>/dev/null)" ""

# --- restores that fail

gone() # PROMISE
{
	is "$1: the new container is gone" "$(cat "$FAKE/storage/overlay-containers/containers.json")" "[]"
	not "$1: so is its volume" test -e "$FAKE/storage/volumes/volume"
	is "$1: nothing is left" "$(left)" ""
}

forget
BREAK=--inner TARX=$WORK/bin/broken exits 125 "tarx fails to restore" tp container restore -i "$FAKE/a.tar"
like "tarx fails to restore: said why, and what is" "$err" "tarx: --inner does not work*the new container was removed again"
not "tarx fails to restore: podman took nothing for a checkpoint" test -e "$FAKE/seen/imported"
gone "tarx fails to restore"

forget criu
exits 125 "podman fails to restore: its exit code" tp container restore -i "$FAKE/a.tar"
like "podman fails to restore: said what is" "$err" "*podman has failed (exit 125) and left the new container behind*"
is "podman fails to restore: nothing is left" "$(left)" ""

afresh
exits 125 "a restore where the name is taken" tp container restore -i "$FAKE/a.tar"
not "a restore where the name is taken: nothing was undone" grep -q 'rm' "$FAKE/calls"

forget import
exits 125 "podman fails before it has all: its exit code" tp container restore -i "$FAKE/a.tar"
like "podman fails before it has all: said what is" "$err" "*podman has failed (exit 125); the new container was removed again"
gone "podman fails before it has all"

# Killed while tarx fills the layer: it takes as long as we want.
cat >"$WORK/bin/slow" <<-END
	#!/bin/sh
	case "\$*" in *--inner*) : >"$FAKE/seen/filling"; sleep 5 ;; esac
	exec "$TARX" "\$@"
END
chmod +x "$WORK/bin/slow"
killed() # VICTIM
{
	forget
	TARX=$WORK/bin/slow tp container restore -i "$FAKE/a.tar" >"$WORK/said" 2>&1 &
	until [ -e "$FAKE/seen/filling" ]; do sleep 0.01; done
	kill -KILL "$("$1")"
	wait $!
	all_have_ended
}
killed started
like "a restore killed: said what is" "$(cat "$WORK/said")" \
	"*unpacking failed*tarx-podman: killed; the new container was removed again"
gone "a restore killed"
killed worker
like "a restore's working process killed: said what is" "$(cat "$WORK/said")" "*killed: the restore of box is undone*"
gone "a restore's working process killed"

finish
