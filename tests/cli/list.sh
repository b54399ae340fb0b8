#!/bin/bash
# -t and -tv print what GNU tar prints; names, --verbose=time and --stats say what was done.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 1G
fs=$FS
cd "$fs" || bail "no $fs"

types all basic hard xattrs acls names bytes sparse
mkdir small
echo one >small/one
head -c 5000 /dev/urandom >small/two
mkdir small/dir
echo three >small/dir/three
ln -s one small/link
ln small/one small/hard
fs_sync "$fs"

same_listing() # PROMISE ARCHIVE OPTION...
{
	local promise=$1 archive=$2
	shift 2
	tar "$@" -f "$archive" >theirs 2>/dev/null
	"$TARX" "$@" -f "$archive" >ours 2>said
	is "$promise: exit code" "$?" 0
	is "$promise: nothing on standard error" "$(cat said)" ""
	ok "$promise: same bytes as GNU tar" diff theirs ours
}

exits 0 "archives all types" "$TARX" -c --align -f all.tar -C all .
same_listing "-t" all.tar -t
same_listing "-tv" all.tar -tv
same_listing "-tvv" all.tar -tvv
LC_ALL=C.UTF-8 same_listing "-t in a UTF-8 locale" all.tar -t
LC_ALL=C.UTF-8 same_listing "-tv in a UTF-8 locale" all.tar -tv
TZ=America/St_Johns same_listing "-tv in another time zone" all.tar -tv
must tar -cf gnu.tar --format=gnu -C all .
same_listing "-t of an archive in GNU format" gnu.tar -t
same_listing "-tv of an archive in GNU format" gnu.tar -tv
must tar -cSf sparse.tar --format=posix -C all sparse
same_listing "-tv of sparse members" sparse.tar -tv
(
	cd all || exit
	find . -type f -print0 | head -z -n 5 | tar -cf ../names-only.tar --null -T - --owner=someone:4711 \
		--group=some-quite-long-group:4712
)
same_listing "-tv with names that this machine does not know" names-only.tar -tv

# Out of a pipe, compressed, and with a missing end.
tar -tf all.tar >theirs
"$TARX" -t <all.tar >ours
ok "-t of standard input: same bytes" cmp theirs ours
# shellcheck disable=SC2002
cat all.tar | "$TARX" -t >ours
ok "-t of a pipe: same bytes" cmp theirs ours
gzip -c all.tar >all.tar.gz
"$TARX" -t -f all.tar.gz >ours
ok "-t of a compressed archive: same bytes" cmp theirs ours

# Named members.
exits 0 "archives a small tree" "$TARX" -c -f small.tar -C small .
exits 0 "-t of a directory: exit 0" "$TARX" -t -f small.tar ./dir
is "-t of a directory: it and what is below" "$out" "$(printf './dir/\n./dir/three')"
exits 0 "-t of a directory with a slash at its end" "$TARX" -t -f small.tar ./dir/
is "-t of a directory with a slash at its end: the same" "$out" "$(printf './dir/\n./dir/three')"
exits 0 "-t of two members" "$TARX" -t -f small.tar ./two ./one
is "-t of two members: in the archive's order" "$out" \
	"$(tar -tf small.tar | grep -x -E './(one|two)')"
for command in -t -x; do
	mkdir -p x
	exits 1 "$command of a member that is not there: exit 1" \
		"$TARX" "$command" -f small.tar -C x ./two ./none
	like "$command of a member that is not there: is named" "$err" "*./none*ot found in*archive*"
done
is "-x of a member that is not there: the other is unpacked" "$(cd x && find . -type f)" ./two
exits 1 "-t of a name's beginning is not a match" "$TARX" -t -f small.tar ./on

# Long and short, old and new spellings.
"$TARX" cvf old.tar -C small . >names 2>&1
is "tarx cvf: exit 0" "$?" 0
tar cvf theirs.tar -C small --sort=name . >theirs 2>&1
is "tarx cvf: the names that GNU tar prints" "$(sort names)" "$(sort theirs)"
must "$TARX" -cvf dashed.tar -C small .
ok "tarx cvf is tarx -cvf" cmp old.tar dashed.tar
"$TARX" --create --file=long.tar --directory=small . 2>said
ok "tarx --create --file --directory is the same" cmp old.tar long.tar
is "tarx tf" "$("$TARX" tf old.tar)" "$(tar tf old.tar)"
rm -rf x
mkdir x
exits 0 "tarx xvf" "$TARX" xvf old.tar -C x
is "tarx xvf: prints the names" "$out" "$(tar tf old.tar)"
ok "tarx xvf: unpacks" compare small x
exits 0 "-c -v to standard output: names on standard error" "$TARX" -cv -f - -C small dir
like "-c -v to standard output: names on standard error" "$err" "*dir/three*"
ok "options after the paths count too" "$TARX" -c . -f after.tar -C small

# -C, given several times.
mkdir -p one/two one/other
echo 1 >one/two/file
echo 2 >one/other/file2
exits 0 "-C twice is relative to the first" "$TARX" -c -f c.tar -C one -C two file
is "-C twice: the member" "$(tar -tf c.tar)" file
exits 0 "-C between the paths" "$TARX" -c -f c.tar -C one/two file -C ../other file2
is "-C between the paths: the members" "$(tar -tf c.tar | xargs)" "file file2"
exits 0 "-f is relative to where it began, not to -C" "$TARX" -c -f here.tar -C one/two file
ok "-f is relative to where it began, not to -C" test -f here.tar
exits 0 "-C on extraction" "$TARX" -x -f c.tar -C one -C other
ok "-C on extraction: each counts from the one before" test -f one/other/file

# Names on create.
"$TARX" -c -f abs.tar "$fs/small/one" 2>said
is "an absolute path: exit 0" "$?" 0
is "an absolute path: said as GNU tar says it" "$(cat said)" \
	"tarx: Removing leading \`/' from member names"
is "an absolute path: the member has none" "$(tar -tf abs.tar)" "${fs#/}/small/one"
(cd small/dir && "$TARX" -c -f ../../dots.tar ../two 2>../../said)
is "a path that goes up: as GNU tar has it" "$(tar -tf dots.tar)" two
same=$(cd small/dir && tar -cf - ../two 2>/dev/null | tar -tf -)
is "a path that goes up: as GNU tar has it" "$(tar -tf dots.tar)" "$same"
for spelling in dir dir/ ./dir .//dir dir/. dir/../dir; do
	theirs=$(tar -cf - --sort=name -C small "$spelling" 2>/dev/null | tar -tf - | sort)
	ours=$("$TARX" -c -f - -C small "$spelling" 2>/dev/null | tar -tf - | sort)
	is "the path $spelling is archived under GNU tar's names" "$ours" "$theirs"
done
"$TARX" -c -f twice.tar -C small one one 2>said
is "a path given twice: exit 0" "$?" 0
is "a path given twice: as GNU tar has it" \
	"$(tar -tvf twice.tar | cut -c 1)" "$(tar -cf - -C small one one | tar -tvf - | cut -c 1)"
exits 0 "a name that begins with a dash, after --" "$TARX" -c -f dash.tar -C all/names -- -leading-dash
exits 0 "the order of members does not depend on the directory's" "$TARX" -c -f sorted.tar -C all .
ok "members are in the order of their names" cmp sorted.tar <("$TARX" -c --align -f - -C all .)

# --verbose=time.
exits 0 "--verbose=time: exit 0" "$TARX" -c --align --verbose=time -f time.tar -C small .
shown="$out$err"
for member in ./one ./two ./dir/three; do
	like "--verbose=time has a line for $member" "$shown" "*$member*"
done
lines=$(grep -c -E 'GB/s|GiB/s' <<<"$shown")
ok "--verbose=time shows a rate for every file" test "$lines" -ge 3
like "--verbose=time shows bytes" "$(grep two <<<"$shown")" "*5000*"
rm -rf x
mkdir x
exits 0 "-x --verbose=time: exit 0" "$TARX" -x --verbose=time -f time.tar -C x
like "-x --verbose=time has the lines too" "$out$err" "*./two*"

# --stats.
read_stats() # FILE COMMAND: complaints
{
	"$PYTHON" - "$@" <<-'END'
		import json, sys
		text = open(sys.argv[1]).read()
		if text.count("\n") != 1 or not text.endswith("\n"):
		    print("not one line")
		stats = json.loads(text)
		wanted = {
		    "members": ["file", "directory", "symlink", "hardlink", "device", "fifo", "whiteout"],
		    "bytes": ["payload", "cloned", "copied", "hole", "header", "padding", "archive"],
		    "refused": ["EXDEV", "EOPNOTSUPP", "EINVAL"],
		}
		for key in ("version", "command", "archive", "seconds", "max_rss_bytes", "warnings", "errors"):
		    if key not in stats:
		        print("no", key)
		for key, names in wanted.items():
		    for name in names:
		        if not isinstance(stats.get(key, {}).get(name), int):
		            print("no number", key, name)
		if stats["version"] != 1 or stats["command"] != sys.argv[2]:
		    print("version", stats["version"], "command", stats["command"])
		b = stats["bytes"]
		if b["payload"] != b["cloned"] + b["copied"] + b["hole"]:
		    print("payload is not cloned + copied + hole:", b)
		if not 0 < stats["max_rss_bytes"] < 1 << 40 or not 0 <= stats["seconds"] < 1000:
		    print("seconds", stats["seconds"], "max_rss_bytes", stats["max_rss_bytes"])
	END
}
for tree in small all; do
	exits 0 "--stats=FILE on create ($tree)" "$TARX" -c --align --stats=stats -f s.tar -C "$tree" .
	is "--stats=FILE on create ($tree) is as documented" "$(read_stats stats create)" ""
	is "--stats on create ($tree): archive is its length" "$(field stats bytes archive)" "$(stat -c %s s.tar)"
	is "--stats on create ($tree): members are those in the archive" \
		"$("$PYTHON" -c 'import json; print(sum(json.load(open("stats"))["members"].values()))')" \
		"$(tar -tf s.tar | wc -l)"
	is "--stats on create ($tree): payload is the files' bytes" "$(field stats bytes payload)" \
		"$(archive payloads s.tar | awk '{ n += $2 } END { printf "%.0f\n", n }')"
	rm -rf x
	mkdir x
	exits 0 "--stats=FILE on extract ($tree)" "$TARX" -x --stats=out-stats -f s.tar -C x
	is "--stats=FILE on extract ($tree) is as documented" "$(read_stats out-stats extract)" ""
	is "--stats on extract ($tree): the same payload" "$(field out-stats bytes payload)" \
		"$(field stats bytes payload)"
	is "--stats on extract ($tree): the same members" "$(field out-stats members)" "$(field stats members)"
done
"$TARX" -c --stats -f s.tar -C small . 2>said >shown
is "--stats without a file: exit 0" "$?" 0
is "--stats without a file: on standard error" "$(read_stats said create)" ""
is "--stats without a file: nothing on standard output" "$(cat shown)" ""
"$TARX" -c --stats=stats -f - -C small . >s.tar
is "--stats into a pipe or file on standard output" "$(read_stats stats create)" ""
name=$'odd "name"\n\\ \x01.tar'
exits 0 "--stats with an odd archive name" "$TARX" -c --stats=stats -f "$name" -C small .
is "--stats with an odd archive name: the name is quoted right" "$(field stats archive)" "$name"
"$TARX" -c --stats=stats -f $'bytes-\xff.tar' -C small .
is "--stats with a name that is not UTF-8 is JSON still" "$(read_stats stats create)" ""

finish
