# shellcheck shell=bash
# Overlays of several layers for a test, sourced after fs.sh.
#
#   layers make|change|whole ...           see layers.py
#   list DIR COUNT                         layers as lowerdir= wants them
#   seen_and_shared PROMISE FS SEEN [DIR [MODE...]]    what DIR shows, which is the tree SEEN, is archived and
#                                          restored on FS: every attribute and byte, every whole block shared

# shellcheck disable=SC2154 # fs_lib, out, err: of fs.sh and tap.sh

list()
{
	seq -s : -f "$1/%.0f" 1 "$2"
}

layers()
{
	"$PYTHON" -B "$fs_lib/layers.py" "$@"
}

seen_and_shared()
{
	local promise=$1 fs=$2 seen=$3 dir=${4:-$3} mode
	shift "$(($# < 4 ? $# : 4))"
	for mode in "${@:---overlay=auto}"; do
		exits 0 "$promise, $mode: archives" "$TARX" -c --align --align-min=1 "$mode" --stats="$WORK/stats" \
			-C "$dir" -f "$fs/a.tar" .
		is "$promise, $mode: without a word" "$out$err" ""
		is "$promise, $mode: all whole blocks are shared" "$(field "$WORK/stats" bytes cloned)" \
			"$(layers whole "$seen" "$(block_of "$fs")")"
		rm -rf "$fs/x"
		mkdir "$fs/x"
		exits 0 "$promise, $mode: unpacks" "$TARX" -x -f "$fs/a.tar" -C "$fs/x"
		ok "$promise, $mode: is the tree that is seen" compare "$seen" "$fs/x"
	done
}
