# shellcheck shell=bash
# What fails and what is killed: no half file, nothing left behind, the container as podman left it, said clearly.
#
# shellcheck disable=SC2154,SC2317 # set elsewhere; called by name

# Nobody of ours works any more. conmon stays as long as its container.
settled()
{
	container_wait 600 \
		'! pgrep -x "podman|tarx" && ! pgrep -x tarx-podman && ! pgrep -x "criu|runc|crun"' >/dev/null
}

leftovers()
{
	settled
	find "$FS" /run -maxdepth 1 -name '*tarx-podman*'
}

# Where a container stands, podman brings it back; then it must count.
comes_back() # NAME
{
	[ "$(container_inspect "$1" '{{.State.Status}}')" = running ] || pm container restore "$1" || return
	container_goes_on "$1" 0
}

faults()
{
	e2e_fs xfs 800M
	e2e_image
	must container_run box 2 10 >/dev/null
	cp --reflink=always "$(container_inspect box '{{.GraphDriver.Data.UpperDir}}')/data/file-0" "$FS/reference"
	faults_podman
	faults_criu
	faults_full
	faults_killed
	container_remove box
}

# --- podman says no ---------------------------------------------------------------------------------

faults_podman()
{
	echo old >"$FS/old.tar"
	pm_quiet create --name still "${e2e_run_options[@]}" localhost/base /bin/sh
	exits 125 "podman refuses to checkpoint: its exit code" tp container checkpoint -e "$FS/old.tar" still
	like "podman refuses to checkpoint: its words, and ours" "$err" "*Error*old.tar was not written. still is created*"
	is "podman refuses to checkpoint: the file that was there stays" "$(cat "$FS/old.tar")" old
	exits 125 "podman does not know the container" tp container checkpoint -e "$FS/none.tar" nobody
	not "podman does not know the container: no file" test -e "$FS/none.tar"
	is "podman refuses: nothing is left" "$(leftovers)" ""
	pm_quiet rm still
	exits 0 "a file that is there is replaced" tp container checkpoint -R -e "$FS/old.tar" box
	ok "a file that is there is replaced: by a checkpoint" "$TARX" -t -f "$FS/old.tar"
	exits 125 "a restore where the name is taken: podman's exit code" tp container restore -i "$FS/old.tar"
	ok "a restore where the name is taken: the container goes on" container_goes_on box 0
	is "a restore where the name is taken: nothing is left" "$(leftovers)" ""
	rm "$FS/old.tar"
	pm_quiet pause box
	exits 125 "podman refuses what is paused" tp container checkpoint -R -e "$FS/box.tar" box
	is "podman refuses what is paused: and so it stays" "$(container_inspect box '{{.State.Status}}')" paused
	pm_quiet unpause box
	ok "podman refuses what is paused: until it goes on" container_goes_on box 0
}

# --- CRIU fails -------------------------------------------------------------------------------------

faults_criu()
{
	local how
	for how in '' -R; do
		echo post-dump >"$WORK/fail"
		# shellcheck disable=SC2086 # an option or none
		exits 125 "CRIU fails to dump${how:+, $how}: podman's exit code" \
			tp container checkpoint $how -e "$FS/box.tar" box
		rm "$WORK/fail"
		like "CRIU fails to dump${how:+, $how}: said clearly" "$err" "*box.tar was not written. box is running*"
		not "CRIU fails to dump${how:+, $how}: no file" test -e "$FS/box.tar"
		ok "CRIU fails to dump${how:+, $how}: the container goes on" container_goes_on box 0
		is "CRIU fails to dump${how:+, $how}: nothing is left" "$(leftovers)" ""
	done
	must tp container checkpoint -e "$FS/box.tar" box >/dev/null
	container_remove box
	echo pre-restore >"$WORK/fail"
	exits 125 "CRIU fails to restore: podman's exit code" tp container restore -i "$FS/box.tar"
	rm "$WORK/fail"
	like "CRIU fails to restore: said clearly" "$err" "*podman has failed (exit 125)*"
	is "CRIU fails to restore: nothing is left" "$(leftovers)" ""
	container_remove box
	ok "CRIU fails to restore: the file is as good as before" tp container restore -i "$FS/box.tar"
	ok "CRIU fails to restore: and then the container goes on" container_goes_on box 0
}

# --- a full disk ------------------------------------------------------------------------------------

faults_full()
{
	mkdir "$WORK/small"
	must mount -t tmpfs -o size=1M tmpfs "$WORK/small"
	exits 125 "a full disk, leave running" tp container checkpoint -R -e "$WORK/small/box.tar" box
	like "a full disk, leave running: said clearly" "$err" \
		"*No space left on device*box.tar was not written. box is running*"
	ok "a full disk, leave running: the container goes on" container_goes_on box 0
	exits 125 "a full disk" tp container checkpoint -e "$WORK/small/box.tar" box
	like "a full disk: said clearly" "$err" \
		"*No space left on device*box.tar was not written. box is exited: 'podman container restore box' brings it back*"
	is "a full disk: no file, not even a half one" "$(ls -A "$WORK/small")" ""
	ok "a full disk: podman brings the container back" comes_back box
	is "a full disk: nothing is left" "$(leftovers)" ""
	umount "$WORK/small"

	exits 0 "to another file system: by copying" tp container checkpoint -e "$WORK/box.tar" box
	like "to another file system: says so" "$err" "*bytes were copied: *different file systems*"
	container_remove box
	fallocate -l "$(($(df --block-size=1 --output=avail "$FS" | tail -n 1) - 12000000))" "$FS/filler"
	exits 125 "no room for the container" tp container restore -i "$WORK/box.tar"
	rm "$FS/filler"
	like "no room for the container: said clearly" "$err" "*No space left on device*the new container was removed again*"
	is "no room for the container: none is there, and no volume" "$(pm ps -aq; pm volume ls -q)" ""
	is "no room for the container: nothing is left" "$(leftovers)" ""
	ok "from another file system: restored" tp container restore -i "$WORK/box.tar"
	ok "from another file system: it goes on" container_goes_on box 0
	rm "$WORK/box.tar"
}

# --- killed at random -------------------------------------------------------------------------------

# Who is to die: the tarx-podman that was started, and two times of five the one that works for it, or its podman.
victim() # NUMBER
{
	local started worker
	started=$(pgrep -o -x tarx-podman) || return
	case $(($1 % 5)) in
	3) pgrep -o -P "$started" -x tarx-podman ;;
	4) worker=$(pgrep -o -P "$started" -x tarx-podman) && pgrep -o -P "$worker" -x podman ;;
	*) echo "$started" ;;
	esac
}

# Starts COMMAND, and after a part of MILLISECONDS kills somebody.
kill_it() # NUMBER MILLISECONDS COMMAND...
{
	local number=$1 delay=$((RANDOM % $2)) pid
	shift 2
	"$@" >"$WORK/said" 2>&1 &
	sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
	pid=$(victim "$number")
	# It may just have ended by itself.
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	wait $!
}

# The same for a checkpoint, in the moment in which podman has removed conmon's note that the container has ended, and
# not yet saved that.
kill_unsaved() # NUMBER
{
	local ended pid end=$((SECONDS + 60))
	ended=/run/tmp-${FS##*/}/exits/$(container_inspect box '{{.Id}}')
	tp container checkpoint -e "$FS/box.tar" box >"$WORK/said" 2>&1 &
	until [ -e "$ended" ] || [ $SECONDS -gt $end ]; do :; done
	pid=$(victim "$1")
	while [ -e "$ended" ] && [ $SECONDS -le $end ]; do :; done
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	wait $!
}

# Nothing of it works any more, and nothing is left.
killed_clean()
{
	local left
	settled || { echo "still at work:"; ps -ef; return 1; }
	left=$(leftovers)
	[ -z "$left" ] || { echo "left: $left"; return 1; }
}

# podman, killed behind the runtime's checkpoint, may take the container for running for ever; only then. What is done
# about it is in tarx-podman(1).
remind_podman() # NUMBER ID
{
	[ $(($1 % 5)) -ge 3 ] || { echo "podman was not killed, and is wrong about the container"; return 1; }
	grep -q 'podman was killed and takes box for running' "$WORK/said" ||
		{ echo "podman is wrong about the container, which was not said"; return 1; }
	printf 137 >"/run/tmp-${FS##*/}/exits/$2"
	pm container cleanup "$2"
}

checkpoint_killed() # NUMBER
{
	local id status pid
	killed_clean || return
	if [ -e "$FS/box.tar" ]; then
		"$TARX" -t -f "$FS/box.tar" >"$WORK/listed" && grep -q '^volumes/volume-box.tar' "$WORK/listed" || return
	fi
	read -r status pid id < <(container_inspect box '{{.State.Status}} {{.State.Pid}} {{.Id}}')
	[ "$status" != running ] || [ -e "/proc/$pid" ] || remind_podman "$1" "$id" || return
	comes_back box && container_files_are box 2 "$FS/reference"
}

# podman, killed while the runtime restores, leaves it with a container that podman does not know of.
container_forget()
{
	local id
	container_remove box
	for id in $(runc list -q); do
		runc delete --force "$id"
	done
}

restore_killed()
{
	killed_clean || return
	case $(container_inspect box '{{.State.Status}}') in
	running) container_goes_on box 0 && container_files_are box 2 "$FS/reference" ;;
	'') ! pm_quiet volume exists volume-box ;;
	*) grep -q 'podman had all\|podman has failed' "$WORK/said" ;;
	esac || { pm ps -a; return 1; }
}

milliseconds() # COMMAND...
{
	local start
	start=$(date +%s%N)
	"$@" >/dev/null
	echo $((($(date +%s%N) - start) / 1000000))
}

# What a promise about a kill wants besides: what was said, and a fresh container for the next one.
kill_failed()
{
	note <"$WORK/said"
	container_forget
	pm_quiet container restore -i "$FS/good.tar"
}

faults_killed()
{
	local n checkpoint restore how who=(tarx-podman '' '' "tarx-podman's worker" podman)
	checkpoint=$(milliseconds tp container checkpoint -e "$FS/good.tar" box)
	container_remove box
	restore=$(milliseconds tp container restore -i "$FS/good.tar")
	for n in 0 3 4; do
		kill_unsaved $n
		ok "${who[n]} killed while podman has not saved that the container has ended: it comes back" \
			checkpoint_killed $n || kill_failed
		rm -f "$FS/box.tar"
	done
	for ((n = 0; n < kills / 2; n++)); do
		how=(-e "$FS/box.tar")
		[ $((n % 3)) -ne 1 ] || how+=(-R)
		kill_it "$n" "$checkpoint" tp container checkpoint "${how[@]}" box
		ok "checkpoint killed, $((n + 1)): no half file, nothing left, the container comes back" \
			checkpoint_killed "$n" || kill_failed
		grep 'podman was killed and takes' "$WORK/said" | note
		rm -f "$FS/box.tar"
	done
	for ((n = 0; n < (kills + 1) / 2; n++)); do
		container_forget
		kill_it "$n" "$restore" tp container restore -i "$FS/good.tar"
		ok "restore killed, $((n + 1)): nothing left, all of it or nothing is there" restore_killed ||
			note <"$WORK/said"
	done
	container_forget
	ok "after all that: restored" tp container restore -i "$FS/good.tar"
	ok "after all that: it goes on" container_goes_on box 0
}
