#!/bin/bash
# --stats is what scripts rely on: one line, the same keys in the same order whatever was done, and numbers
# that add up. --verbose=time is one line a file.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 1G
cd "$FS" || bail "no $FS"
types src basic hard sparse
must sizes src/sizes 4096
fs_sync .

# The object as it was promised, with N for each number and S for each word.
promised='{"version":1, "command":"S", "archive":"S", "seconds":N, "max_rss_bytes":N, '
promised+='"members":{"file":N,"directory":N,"symlink":N,"hardlink":N,"device":N,"fifo":N,"whiteout":N}, '
promised+='"bytes":{"payload":N,"cloned":N,"copied":N,"hole":N,"header":N,"padding":N,"archive":N}, '
promised+='"refused":{"EXDEV":N,"EOPNOTSUPP":N,"EINVAL":N'

# More may come at the end of an object.
shape() # FILE
{
	sed -E 's/("(command|archive)":)"([^"\\]|\\.)*"/\1"S"/g; s/:[0-9]+(\.[0-9]+)?([,}])/:N\2/g; s/"version":N/"version":1/' "$1"
}

# The rest may only add keys: "other" to the reasons, whatever else to the whole.
keeps_promise() # FILE
{
	[ "$(wc -l <"$1")" -eq 1 ] || return
	[[ $(shape "$1") == "$promised"*'}, "warnings":N, "errors":N'*'}' ]]
}

adds_up() # FILE
{
	"$PYTHON" -B - "$1" <<-'END'
		import json, sys
		stats = json.load(open(sys.argv[1]))
		size = stats["bytes"]
		assert size["payload"] == size["cloned"] + size["copied"] + size["hole"], size
		assert stats["max_rss_bytes"] > 100000 and 0 < stats["seconds"] < 600, stats
	END
}

for what in create extract list; do
	case $what in
	create) command=(-c -f a.tar -C src .) ;;
	extract) mkdir x; command=(-x -f a.tar -C x) ;;
	list) command=(-t -f a.tar) ;;
	esac
	exits 0 "$what: --stats=FILE" "$TARX" --stats=stats "${command[@]}"
	ok "$what: the object has the promised keys in their order, on one line" keeps_promise stats
	ok "$what: it is JSON, and its bytes add up" adds_up stats
	is "$what: it says what was done" "$(field stats command) $(field stats archive)" "$what a.tar"
	is "$what: files are counted" "$(field stats members file)" \
		"$(find src -type f -links 1 -printf . | wc -c | awk '{ print $1 + 1 }')"
	is "$what: directories, links, hard links, FIFOs are counted" \
		"$(for kind in directory symlink hardlink fifo; do field stats members "$kind"; done | paste -sd' ')" \
		"$(find src -type d | wc -l) $(($(find src -type l -links 1 | wc -l) + 1)) 8 $(($(find src -type p -links 1 | wc -l) + 1))"
	is "$what: the archive's length" "$(field stats bytes archive)" "$(stat -c %s a.tar)"
	exits 0 "$what: --stats to standard error" "$TARX" --stats "${command[@]}"
	echo "$err" >stats
	ok "$what: --stats to standard error is the same line" keeps_promise stats
done
must "$TARX" -c --stats=stats -f a.tar -C src .
is "without -S what is stored is what the archive has" "$(field stats bytes archive)" \
	"$(($(field stats bytes payload) + $(field stats bytes header) + $(field stats bytes padding)))"
must "$TARX" -cS --stats=stats -f a.tar -C src .
is "with -S holes are not in it" "$(field stats bytes archive)" \
	"$(($(field stats bytes cloned) + $(field stats bytes copied) + $(field stats bytes header) + $(field stats bytes padding)))"
ok "with -S: the promised keys" keeps_promise stats

exits 0 "an archive with an odd name" "$TARX" -c --stats=stats -f $'odd "name"\n\\\x01.tar' -C src sizes
ok "an archive with an odd name: it is JSON" adds_up stats
is "an archive with an odd name: it comes back" "$(field stats archive)" $'odd "name"\n\\\x01.tar'
exits 1 "a file that is missing" "$TARX" -c --stats=stats -f a.tar -C src sizes none
is "a file that is missing is an error that is counted" "$(field stats errors) $(field stats warnings)" "1 0"
exits 2 "an archive that is missing" "$TARX" -t --stats=stats -f none.tar
ok "a run that failed has its object too" keeps_promise stats

# ---- --verbose=time

exits 0 "--verbose=time archives" "$TARX" -c --verbose=time -f a.tar -C src .
is "--verbose=time: every line of a file has bytes, time, speed and how it was moved" \
	"$(grep -cE ' [0-9]+ B [0-9]+\.[0-9]{6} s [0-9]+\.[0-9]{3} GB/s (cloned|copied|cloned\+copied|-)$' <<<"$out")" \
	"$(find src -type f -links 1 -printf . | wc -c | awk '{ print $1 + 1 }')"
is "--verbose=time: one line a member" "$(wc -l <<<"$out")" "$(find src | wc -l)"
like "--verbose=time: whole blocks are cloned" "$out" '*/size-8192 8192 B *cloned*'
like "--verbose=time: what is less than a block is copied" "$out" '*/size-100 100 B *copied*'
rm -rf x
mkdir x
exits 0 "--verbose=time unpacks" "$TARX" -x --verbose=time -f a.tar -C x
like "--verbose=time: cloned on the way out" "$out" '*/size-8192 8192 B *cloned*'

finish
