# shellcheck shell=bash
# podman or tarx-podman writes, podman or tarx-podman reads.
#
# shellcheck disable=SC2154,SC2317 # set elsewhere; called by name

# Bytes in use, and bytes written to the disk so far, once all is written. XFS gives back what a file without a name had,
# tens of MB that it was given in advance among it, some time after the file was closed; a freeze waits for that.
disk_used()
{
	must fsfreeze --freeze "$FS"
	must fsfreeze --unfreeze "$FS"
	df --block-size=1 --output=used "$FS" | tail -n 1
}

disk_written()
{
	local device
	sync -f "$FS"
	device=$(findmnt -n -o SOURCE "$FS")
	awk '{ printf "%.0f\n", $7 * 512 }' "/sys/block/${device##*/}/stat"
}

# Runs COMMAND, whose seconds, bytes written and space taken become a row of the table.
measured() # ROW COMMAND...
{
	local row=$WORK/rows/$kind-$runtime-$1 used written start code
	shift
	used=$(disk_used)
	written=$(disk_written)
	start=$(date +%s%N)
	"$@" >"$WORK/said" 2>&1
	code=$?
	echo $((($(date +%s%N) - start) / 1000000)) >"$row.ms"
	echo $(($(disk_written) - written)) >"$row.written"
	echo $(($(disk_used) - used)) >"$row.space"
	[ $code -eq 0 ] || cat "$WORK/said"
	return $code
}

row() # ROW COLUMN
{
	cat "$WORK/rows/$kind-$runtime-$1.$2"
}

# podman's order: its own files, checkpoint/, then the diff, the list, the volumes.
members_outside() # FILE
{
	tar -tf "$1" | grep -v '^checkpoint/.'
}

diff_size() # NAME
{
	du -s --block-size=1 --apparent-size "$(container_inspect "$1" '{{.GraphDriver.Data.UpperDir}}')" | cut -f 1
}

# What must hold of a container that was restored.
restored() # WHAT NAME COUNT FILES
{
	ok "$1: it counts on, and writes into the file that it had open" container_goes_on "$2" "$3"
	ok "$1: its $4 large files are what they were" container_files_are "$2" "$4" "$FS/reference"
	is "$1: what was removed stays removed" "$(pm exec "$2" ls /etc | grep removed)" ""
	is "$1: hard links hold" "$(pm exec "$2" sh -c 'echo more >>/data/one; cat /data/two')" $'one\nmore'
	is "$1: the volume is back" "$(pm exec "$2" cat /vol/file)" "in a volume"
}

# Everything, seen from outside, for archives of tarx. podman removes what is removed after it has set a directory's
# time, and leaves a volume's own folder as it made it.
restored_whole() # WHAT NAME READER
{
	local podmans='^$'
	[ "$3" = tarx ] || podmans='^\./opt/again d\|^volume \. '
	is "$1: nothing differs: modified and re-created, modes, owners, links, nanoseconds" \
		"$(diff <(grep -v "$podmans" "$WORK/before") <(container_list "$2" | grep -v "$podmans"))" ""
}

read_back() # READER WRITER FILE COUNT FILES
{
	local what="$kind, $runtime, $2 writes, $1 reads" reader=pm
	[ "$1" = podman ] || reader=tp
	ok "$what: restored" measured "$1-$2-restore" "$reader" container restore -i "$3" || return
	[ "$2" = podman ] || restored_whole "$what" box "$1"
	restored "$what" box "$4" "$5"
	is "$what: directories that the diff lacks are the image's" "$(pm exec box stat -c %a /tmp /root)" $'1777\n750'
	container_remove box
}

# A container, and what must be the same afterwards.
ways_begin() # FILES MB
{
	ok "$kind, $runtime: a container with $1 files of $2 MB" container_run box "$1" "$2" || return
	cp --reflink=always "$(container_inspect box '{{.GraphDriver.Data.UpperDir}}')/data/file-0" "$FS/reference"
	container_list box >"$WORK/before"
}

podman_writes()
{
	local count what="$kind, $runtime, podman writes"
	count=$(container_count box)
	ok "$what: checkpointed, and goes on" \
		measured podman-checkpoint pm container checkpoint --compress none -R -e "$FS/podman.tar" box
	ok "$what: it counts on" container_goes_on box "$count"
	rm -f "$(container_inspect box '{{.StaticDir}}')"/{rootfs-diff.tar,deleted.files}
}

# Leaves in $count what the container had counted to.
tarx_writes()
{
	local diff what="$kind, $runtime, tarx writes"
	diff=$(diff_size box)
	count=$(container_count box)
	ok "$what: checkpointed, and goes on" tp container checkpoint -R -e "$FS/running.tar" box
	ok "$what: it counts on" container_goes_on box "$count"
	rm "$FS/running.tar"
	ok "$what: checkpointed" measured tarx-checkpoint tp container checkpoint -e "$FS/tarx.tar" box
	count=$(container_count box)
	is "$what: without a word but podman's" "$(cat "$WORK/said")" box
	is "$what: the container has stopped" "$(container_inspect box '{{.State.Status}}')" exited
	[ "$diff" -lt 1000000000 ] || ok "$what: the file takes less than 1% of the diff, $diff bytes" \
		test "$(row tarx-checkpoint space)" -lt $((diff / 100))
}

# All four ways.
ways() # KIND RUNTIME FILES MB
{
	local kind=$1 runtime=$2 count
	ways_begin "$3" "$4" || return
	podman_writes
	tarx_writes
	is "$kind, $runtime, tarx writes: the same members in the same order as podman" \
		"$(members_outside "$FS/tarx.tar")" "$(members_outside "$FS/podman.tar")"
	container_remove box
	read_back tarx tarx "$FS/tarx.tar" "$count" "$3"
	read_back podman tarx "$FS/tarx.tar" "$count" "$3"
	rm "$FS/tarx.tar"
	read_back podman podman "$FS/podman.tar" 0 "$3"
	read_back tarx podman "$FS/podman.tar" 0 "$3"
	rm "$FS/podman.tar" "$FS/reference"
}

# Only tarx writes and reads.
ways_of_tarx() # KIND RUNTIME FILES MB
{
	local kind=$1 runtime=$2 count
	ways_begin "$3" "$4" || return
	tarx_writes
	container_remove box
	read_back tarx tarx "$FS/tarx.tar" "$count" "$3"
	rm "$FS/tarx.tar" "$FS/reference"
}

# The same with next to nothing in the container: what podman, the runtime and CRIU need.
ways_empty() # KIND RUNTIME
{
	local kind=$1 runtime=$2 what="$1, $2, an empty diff"
	container_run box 1 0
	ok "$what: checkpointed by tarx" measured empty-checkpoint tp container checkpoint -e "$FS/tarx.tar" box
	container_remove box
	ok "$what: restored by tarx" measured empty-restore tp container restore -i "$FS/tarx.tar"
	container_remove box
	rm -f "$FS/tarx.tar"
}

# --- the table -------------------------------------------------------------------------------------

table_row() # TITLE ROW
{
	printf '| %-35s | %7.2f s | %11.1f MB | %11.1f MB |\n' "$1" "$(row "$2" ms)e-3" "$(row "$2" written)e-6" \
		"$(row "$2" space)e-6"
}

table() # KIND RUNTIME FILES MB
{
	local kind=$1 runtime=$2
	echo
	echo "$1, $2, $3 files of $4 MB, $(pm --version), CRIU $(criu --version | sed -n '1s/Version: //p'), Linux $(uname -r)"
	printf '| %-35s | %9s | %14s | %14s |\n' "" seconds written "space taken"
	table_row "podman checkpoint" podman-checkpoint
	table_row "tarx-podman checkpoint" tarx-checkpoint
	table_row "tarx-podman checkpoint, no diff" empty-checkpoint
	table_row "podman restore, podman's file" podman-podman-restore
	table_row "podman restore, tarx' file" podman-tarx-restore
	table_row "tarx-podman restore, podman's file" tarx-podman-restore
	table_row "tarx-podman restore, tarx' file" tarx-tarx-restore
	table_row "tarx-podman restore, no diff" empty-restore
}
