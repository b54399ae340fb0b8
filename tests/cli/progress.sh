#!/bin/bash
# The bar: on a terminal only, in nobody's way, and gone at the end.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make tmpfs 1G
cd "$FS" || bail "no $FS"

# Enough members to take longer than it takes until something is drawn.
"$PYTHON" -B - <<'END'
import tarfile, time
with tarfile.open("many.tar", "w") as tar:
    for number in range(30000):
        member = tarfile.TarInfo(f"directory/file-with-a-name-{number}")
        member.mtime = 1700000000
        tar.addfile(member)
END
[ -s many.tar ] || bail "no archive"

seen() # COLUMNS COMMAND...: what a terminal shows at the end; the lines that were erased go to "frames"
{
	TERM=xterm "$PYTHON" -B "$(helper terminal.py)" frames "$@" >screen
}

bars() # how many bars were drawn
{
	grep -cE '[0-9]+ files? ' frames
}

# ---- on a terminal

mkdir x
ok "on a terminal: unpacks" seen 80 "$TARX" -xf many.tar --progress -C x
ok "on a terminal: there is a bar" test "$(bars)" -ge 1
is "on a terminal: with how far, files and the time left" \
	"$(grep -cE '^\[#*\.*\] +[0-9]+%  [0-9]+ files  [0-9]+:[0-9]{2} left$' frames)" "$(bars)"
is "on a terminal: nothing is left of it" "$(cat screen)" ""
ok "on a terminal: it fits" test "$(awk '{ if (length > n) n = length } END { print n }' frames)" -lt 80

rm -rf x
mkdir x
ok "with -v: unpacks" seen 80 "$TARX" -xvf many.tar --progress=auto -C x
ok "with -v: there is a bar" test "$(bars)" -ge 1
ok "with -v: the list is whole" cmp screen <(tar -tf many.tar)
ok "with -v and little room: unpacks" seen 30 "$TARX" -tvf many.tar --progress
ok "with -v and little room: the list is whole" \
	cmp <(tr -d '\n' <screen) <("$TARX" -tvf many.tar | tr -d '\n')

rm -rf x
mkdir x
ok "a window that shrinks: unpacks" seen 80,50 "$TARX" -xf many.tar --progress -C x
is "a window that shrinks: nothing is left of it" "$(tail -n 1 screen)" ""

# Three directories that are in the way: three messages.
rm -rf x
mkdir -p x/directory/file-with-a-name-{5000,9000,14000}/full
not "with messages: unpacks most" seen 200 "$TARX" -xf many.tar --progress -C x
ok "with messages: there is a bar" test "$(bars)" -ge 1
is "with messages: they stand alone on their lines" \
	"$(grep -cE '^tarx: directory/file-with-a-name-[0-9]+: [^[]*$' screen) $(grep -c . screen)" "3 3"

# Copies of one file show as they go on.
head -c 120000000 /dev/urandom >large
slow_copy() # through a pipe that waits
{
	"$TARX" -c --progress large | (head -c 50000000; sleep 0.4; cat) >copy.tar
}
export -f slow_copy
export TARX
ok "one large file: archives" seen 80 "$BASH" -c slow_copy
like "one large file: its bytes are counted while they are moved" "$(cat frames)" \
	'*[0-9] MB  0 files  *MB/s  0:0*'
ok "one large file: arrives" test "$(stat -c %s copy.tar)" -gt 120000000
ok "one large file: into another file" seen 80 "$TARX" -c --reflink=never --progress -f copy.tar large
is "one large file: nothing is left of the bar" "$(cat screen)" ""

# ---- elsewhere

for how in --progress --progress=auto --progress=never ''; do
	rm -rf x
	mkdir x
	# shellcheck disable=SC2086 # none where there is none
	exits 0 "into a pipe, ${how:-nothing said}: unpacks" "$TARX" -xf many.tar $how -C x
	is "into a pipe, ${how:-nothing said}: not a word" "$out$err" ""
done
ok "on a terminal with --progress=never: unpacks" seen 80 "$TARX" -xf many.tar --progress=never -C x
is "on a terminal with --progress=never: not a byte" "$(cat screen frames)" ""
ok "on a terminal without --progress: unpacks" seen 80 "$TARX" -xf many.tar -C x
is "on a terminal without --progress: not a byte" "$(cat screen frames)" ""
ok "on one that cannot erase: unpacks" seen 80 env TERM=dumb "$TARX" -xf many.tar --progress -C x
is "on one that cannot erase: not a byte" "$(cat screen frames)" ""
rm -rf x
mkdir x
exits 0 "into a pipe, --progress=always: unpacks" "$TARX" -xf many.tar --progress=always -C x
like "into a pipe, --progress=always: there is a bar" "$err" $'*\r*[0-9] files *'
exits 0 "with --stats: unpacks" "$TARX" -xf many.tar --progress=always --stats=stats -C x
is "with --stats: nothing is lost" "$(field stats members file)" 30000
exits 2 "--progress=sometimes is refused" "$TARX" -tf many.tar --progress=sometimes

finish
