#!/bin/bash
# What goes wrong is said, ends with the right exit code, and never leaves half an archive under the
# archive's name.

# shellcheck disable=SC2317,SC2016 # functions and snippets are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 600M
btrfs=$FS
fs_make btrfs 300M
other=$FS
fs_make ext4 300M
ext4=$FS
cd "$btrfs" || bail "no $btrfs"
mkdir src
head -c 1000000 /dev/urandom >src/file
head -c 300000 /dev/urandom >src/second
fs_sync "$btrfs"

nothing_in() # DIR
{
	is "$1" "$(ls -A "$2")" ""
}

# Sharing that cannot be.
mkdir "$ext4/src" "$ext4/out" "$other/out"
cp src/file "$ext4/src/"
exits 2 "--reflink=always on ext4: exit 2" \
	"$TARX" -c --align --reflink=always -C "$ext4/src" -f "$ext4/out/a.tar" .
like "--reflink=always on ext4: says what cannot share, and why" "$err" "*share*ext4*"
nothing_in "--reflink=always on ext4: leaves nothing" "$ext4/out"
exits 0 "--reflink=auto on ext4: exit 0" \
	"$TARX" -c --align --stats=stats -C "$ext4/src" -f "$ext4/out/a.tar" .
is "--reflink=auto on ext4: says nothing" "$out$err" ""
ok "--reflink=auto on ext4: counts the refusal" test "$(field stats refused EOPNOTSUPP)" -ge 1
is "--reflink=auto on ext4: copies" "$(field stats bytes copied)" 1000000
exits 2 "--reflink=always to another file system: exit 2" \
	"$TARX" -c --align --reflink=always -C src -f "$other/out/a.tar" .
like "--reflink=always to another file system: gives the reason" "$err" "*share*same file system*"
nothing_in "--reflink=always to another file system: leaves nothing" "$other/out"
exits 0 "--reflink=auto to another file system: exit 0" \
	"$TARX" -c --align --stats=stats -C src -f "$other/out/a.tar" .
ok "--reflink=auto to another file system: counts the refusal" test "$(field stats refused EXDEV)" -ge 1
is "--reflink=auto to another file system: copies" "$(field stats bytes copied)" 1300000
ok "--reflink=auto to another file system: the bytes are right" archive same "$other/out/a.tar" src
mkdir "$other/x"
exits 2 "-x --reflink=always from another file system: exit 2" \
	"$TARX" -x --reflink=always -f "$other/out/a.tar" -C "$(mktemp -d "$btrfs/x.XXXX")"
like "-x --reflink=always from another file system: gives the reason" "$err" "*share*same file system*"

mkdir nocow
chattr +C nocow
head -c 500000 /dev/urandom >nocow/file
fs_sync "$btrfs"
mkdir out
exits 2 "--reflink=always of a +C file into a normal archive: exit 2" \
	"$TARX" -c --align --reflink=always -C nocow -f out/a.tar .
like "--reflink=always of a +C file: names the file" "$err" "*file*"
like "--reflink=always of a +C file: gives the reason" "$err" "*share*copy-on-write*"
nothing_in "--reflink=always of a +C file: leaves nothing" out
exits 0 "--reflink=auto of a +C file: exit 0" "$TARX" -c --align --stats=stats -C nocow -f out/a.tar .
ok "--reflink=auto of a +C file: counts the refusal" test "$(field stats refused EINVAL)" -ge 1
ok "--reflink=auto of a +C file: the bytes are right" archive same out/a.tar nocow
exits 2 "an unknown --reflink is refused" "$TARX" -c --reflink=perhaps -C src -f out/no.tar .
like "an unknown --reflink is named" "$err" "*perhaps*"

# Files that cannot be read.
mkdir unreadable nobody
echo open >unreadable/open
echo closed >unreadable/secret
chmod 600 unreadable/secret
mkdir -m 700 unreadable/closed-dir
chown nobody nobody
as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
exits 1 "an unreadable file: exit 1" \
	"${as_nobody[@]}" "$TARX" -c --stats=nobody/stats -C unreadable -f "$PWD/nobody/a.tar" .
like "an unreadable file: is named" "$err" "*secret*"
like "an unreadable file: with the reason" "$err" "*ermission denied*"
like "an unreadable directory: is named" "$err" "*closed-dir*"
like "an unreadable file: the rest is in the archive" "$(tar -tf nobody/a.tar)" "*./open*"
not "an unreadable file: is not in the archive" grep -q secret <(tar -tf nobody/a.tar)
exits 1 "a path that is not there: exit 1" "$TARX" -c -C src -f out/some.tar file no-such-file
like "a path that is not there: is named" "$err" "*no-such-file*o such file*"
is "a path that is not there: the rest is in the archive" "$(tar -tf out/some.tar)" file
exits 2 "a -C that is not there: exit 2" "$TARX" -c -C no-such-dir -f out/no.tar .
like "a -C that is not there: is named" "$err" "*no-such-dir*"
exits 2 "nothing to archive: exit 2" "$TARX" -c -f out/no.tar
like "nothing to archive: says so" "$err" "tarx: *"
exits 2 "an archive in a folder that is not there: exit 2" "$TARX" -c -C src -f no/such/a.tar .
like "an archive in a folder that is not there: is named" "$err" "*no/such/a.tar*"
not "none of these left an archive" test -e out/no.tar

# Full disks.
for kind in tmpfs ext4; do
	[ "$kind" = tmpfs ] && size=700K || size=4M
	fs_make "$kind" "$size"
	small=$FS
	while [ "$(df -k --output=avail "$small" | tail -n 1)" -gt 900 ]; do
		head -c 300000 /dev/zero >"$(mktemp "$small/fill.XXXX")"
	done
	mkdir "$small/out"
	exits 2 "$kind is full: exit 2" "$TARX" -c -C src -f "$small/out/a.tar" .
	like "$kind is full: says so" "$err" "*o space left*"
	nothing_in "$kind is full: leaves nothing, under no name" "$small/out"
	echo precious >"$small/out/a.tar"
	exits 2 "$kind is full, over an existing archive: exit 2" \
		"$TARX" -c --align=none --reflink=never -C src -f "$small/out/a.tar" .
	is "$kind is full, over an existing archive: it is still the old one" \
		"$(cat "$small/out/a.tar")" precious
	is "$kind is full, over an existing archive: nothing lies beside it" "$(ls -A "$small/out")" a.tar
	must tar -cf full.tar -C src .
	mkdir "$small/x"
	echo precious >"$small/x/file"
	exits 2 "$kind is full, unpacking: exit 2" "$TARX" -x -f full.tar -C "$small/x"
	like "$kind is full, unpacking: says so" "$err" "*o space left*"
	is "$kind is full, unpacking: the old file is as it was, with nothing beside it" \
		"$(ls -A "$small/x") $(cat "$small/x/file")" "file precious"
done
exits 2 "standard output is full: exit 2" bash -c '"$0" -c -C src . >/dev/full' "$TARX"
like "standard output is full: says so" "$err" "*o space left*"

# A file that is there is lost only to one that is whole.
mkdir "$ext4/x" old
echo precious >"$ext4/x/file"
exits 2 "-x --reflink=always on ext4, over a file: exit 2" \
	"$TARX" -x --reflink=always -f "$ext4/out/a.tar" -C "$ext4/x"
is "-x --reflink=always on ext4, over a file: it is as it was, with nothing beside it" \
	"$(ls -A "$ext4/x") $(cat "$ext4/x/file")" "file precious"
must "$TARX" -c -f whole.tar -C src file
head -c 500000 whole.tar >cut.tar
echo precious >old/file
ln old/file old-too
exits 2 "a truncated archive over a file: exit 2" "$TARX" -x -f cut.tar -C old
is "a truncated archive over a file: it is as it was, with nothing beside it" \
	"$(ls -A old) $(cat old/file)" "file precious"
# shellcheck disable=SC2002
cat cut.tar | "$TARX" -x -C old 2>said
is "a truncated archive from a pipe over a file: exit 2" "$?" 2
is "a truncated archive from a pipe over a file: it is as it was, with nothing beside it" \
	"$(ls -A old) $(cat old/file)" "file precious"
exits 0 "a whole archive over a file" "$TARX" -x -f whole.tar -C old
ok "a whole archive over a file: replaces it" cmp src/file old/file
is "a whole archive over a file: leaves nothing beside it" "$(ls -A old)" file
is "a whole archive over a file: another name of the old one keeps the old bytes" "$(cat old-too)" precious

# Without /proc. Not asked of a build with sanitizers, which need it themselves; the plain builds answer.
mkdir noproc
promises=("creates an archive" "replaces one")
if grep -a -q __asan_init "$TARX"; then
	promises=()
fi
for promise in "${promises[@]}"; do
	exits 0 "without /proc: $promise" \
		unshare --mount sh -c 'umount -l /proc && exec "$@"' sh \
		"$TARX" -c --align -C src -f noproc/a.tar .
	is "without /proc: $promise, without a word" "$out$err" ""
	ok "without /proc: $promise, with the right bytes" archive same noproc/a.tar src
	is "without /proc: $promise, and leaves nothing beside it" "$(ls -A noproc)" a.tar
	echo old >noproc/a.tar
done

# Terminals.
on_terminal() # COMMAND...: in and out; the exit code is the command's
{
	timeout 20 "$PYTHON" -c 'import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@"
}
exits 2 "an archive is not written to a terminal" on_terminal "$TARX" -c -C src .
like "an archive is not written to a terminal: says so" "$out" "tarx: *terminal*"
for command in -t -x; do
	exits 2 "$command: an archive is not read from a terminal" on_terminal "$TARX" "$command"
	like "$command: an archive is not read from a terminal: says so" "$out" "tarx: *terminal*"
done

# A reader that goes away.
"$TARX" -c -C src . 2>said | head -c 100 >first-bytes
code=${PIPESTATUS[0]}
like "the reader of a pipe goes away: an end by SIGPIPE or exit 2" "$code" "@(141|2)"

# Archives that are none.
mkdir x
for command in -x -t; do
	exits 2 "$command of a missing archive: exit 2" "$TARX" "$command" -f missing.tar -C x
	like "$command of a missing archive: names it" "$err" "*missing.tar*o such file*"
	head -c 20000 /dev/urandom >noise
	exits 2 "$command of what is not an archive: exit 2" "$TARX" "$command" -f noise -C x
	like "$command of what is not an archive: names it" "$err" "*noise*"
	exits 2 "$command of a directory: exit 2" "$TARX" "$command" -f src -C x
	: >empty
	exits 2 "$command of an empty file, which is no archive to GNU tar either: exit 2" "$TARX" "$command" -f empty -C x
	exits 2 "$command of standard input without a byte: exit 2" "$TARX" "$command" -C x
	gzip -c <noise >noise.gz
	exits 2 "$command of a compressed file that is not an archive: exit 2" \
		"$TARX" "$command" -f noise.gz -C x
done
nothing_in "what is not an archive: unpacks nothing" x
head -c 10240 /dev/zero >zeros
exits 0 "an archive without members unpacks" "$TARX" -x -f zeros -C x
exits 2 "a missing target: exit 2" "$TARX" -x -f zeros -C no-such-target
like "a missing target: is named" "$err" "*no-such-target*"

# A checksum that is wrong.
must "$TARX" -c -f sum.tar -C src .
for place in first last; do
	[ "$place" = first ] && at=0 || at=$(($(archive payloads sum.tar | tail -n 1 | cut -d ' ' -f 1) - 512))
	cp sum.tar broken.tar
	printf '\377' | dd of=broken.tar bs=1 seek=$((at + 150)) conv=notrunc status=none
	for command in -t -x; do
		exits 2 "$command of an archive whose $place header is damaged: exit 2" \
			"$TARX" "$command" -f broken.tar -C x
		like "$command of an archive whose $place header is damaged: says so" "$err" "tarx: *"
	done
done
rm -rf x
mkdir x

# Truncated archives. Only a cut between two members cannot be told from an archive without its end
# mark; GNU tar takes such a one, and so may we.
mkdir trunc
printf 'first\n' >trunc/a
head -c 9000 /dev/urandom >trunc/b
head -c 700 /dev/urandom >trunc/c
mkdir outside
echo sentinel >outside/file
for align in none 4K; do
	must "$TARX" -c "--align=$align" -f whole.tar -C trunc a b c
	length=$("$PYTHON" -c 'import sys, tarfile
print(max((m.offset_data + (m.size + 511) // 512 * 512) for m in tarfile.open(sys.argv[1])))' whole.tar)
	wrong=
	tried=0
	at=1
	while [ "$at" -lt "$length" ]; do
		head -c "$at" whole.tar >cut.tar
		rm -rf outside/x
		mkdir outside/x
		tar -xf cut.tar -C outside/x 2>/dev/null
		theirs=$?
		rm -rf outside/x
		mkdir outside/x
		"$TARX" -xf cut.tar -C outside/x >/dev/null 2>said
		code=$?
		tried=$((tried + 1))
		if [ "$theirs" -ne 0 ] && [ "$code" -ne 2 ]; then
			wrong="$wrong cut at $at: exit $code;"
		elif [ "$theirs" -ne 0 ] && ! [ -s said ]; then
			wrong="$wrong cut at $at: says nothing;"
		elif [ "$code" -ne 0 ] && [ "$code" -ne 2 ]; then
			wrong="$wrong cut at $at: exit $code;"
		fi
		[ "$(ls -A outside)" = "$(printf 'file\nx')" ] || wrong="$wrong cut at $at: outside;"
		at=$((at + 301))
	done
	is "--align=$align, cut at $tried places: exit 2, a message, nothing outside" "$wrong" ""
done
gzip -c <whole.tar | head -c 5000 >cut.tar.gz
exits 2 "a truncated compressed archive: exit 2" "$TARX" -xf cut.tar.gz -C outside/x
head -c 9000 whole.tar | "$TARX" -x -C outside/x 2>said
is "a truncated archive from a pipe: exit 2" "$?" 2

# Files that change while they are read. The archive goes to a pipe that nobody reads before the file
# was changed.
changing() # FILE COMMAND-IN-PYTHON
{
	"$PYTHON" - "$TARX" "$@" <<-'END'
		import array, fcntl, os, subprocess, sys, termios, time
		tarx, name, action = sys.argv[1:]
		with open("said", "wb") as said:
		    child = subprocess.Popen([tarx, "-c", "--stats=stats", "-C", "changing", ".",],
		                             stdout=subprocess.PIPE, stderr=said)
		    def settle():
		        before = -1
		        for _ in range(2000):
		            waiting = array.array("i", [0])
		            fcntl.ioctl(child.stdout, termios.FIONREAD, waiting)
		            if waiting[0] == before and waiting[0] > 4096:
		                break
		            before = waiting[0]
		            time.sleep(0.05)
		    settle()
		    with open("changing.tar", "wb") as archive:
		        exec(action)
		        archive.write(child.stdout.read())
		    sys.exit(child.wait())
	END
}

mkdir changing
for what in grows shrinks "is emptied"; do
	rm -rf changing x
	mkdir changing x
	head -c 8000000 /dev/urandom >changing/file
	echo after >changing/zz-after
	cp changing/file before
	case $what in
	grows) action='open("changing/file", "ab").write(b"more" * 1000)' ;;
	shrinks) action='os.truncate("changing/file", 1000000)' ;;
	*) action='os.truncate("changing/file", 0)' ;;
	esac
	changing file "$action"
	is "a file that $what while it is read: exit 1" "$?" 1
	like "a file that $what while it is read: is named" "$(cat said)" "*file*"
	like "a file that $what while it is read: one line is enough" "$(wc -l <said)" 1
	ok "a file that $what while it is read: --stats counts it" \
		test "$(($(field stats warnings) + $(field stats errors)))" -ge 1
	ok "a file that $what while it is read: the archive is valid" tar -xf changing.tar -C x
	is "a file that $what while it is read: what follows is right" "$(cat x/zz-after)" after
	is "a file that $what while it is read: has the length that was promised" \
		"$(stat -c %s x/file)" 8000000
	if [ "$what" = grows ]; then
		ok "a file that grows while it is read: has the bytes it began with" cmp before x/file
	else
		ok "a file that $what while it is read: has its first bytes" cmp -n 30000 before x/file
		is "a file that $what while it is read: ends in zeros" \
			"$(tail -c 1000000 x/file | tr -d '\0' | wc -c)" 0
	fi
done

# All bytes were read before the end is cut off, but not before the middle was written: the payload
# ends where a buffer does, so that it is all read when the pipe takes no more.
rm -rf changing
mkdir changing
echo x >changing/file
"$TARX" -c -C changing . >offset.tar
head -c $(((8 << 20) - $(archive payloads offset.tar | cut -d ' ' -f 1))) /dev/zero >changing/file
changing file 'with open("changing/file", "r+b") as file: file.seek(4 << 20); file.write(b"torn")
archive.write(child.stdout.read((8 << 20) - 100000))
settle()
os.truncate("changing/file", (8 << 20) - 10000)'
is "a file that is overwritten while it is read, then shortened: exit 1" "$?" 1
like "a file that is overwritten while it is read, then shortened: is named" "$(cat said)" "*file*"
is "a file that is overwritten while it is read, then shortened: one line is enough" "$(wc -l <said)" 1
ok "a file that is overwritten while it is read, then shortened: its bytes are mixed ones" \
	grep -q -a torn changing.tar

# The archive appears only when it is complete.
mkdir keep
echo precious >keep/a.tar
exits 2 "a create that fails: exit 2" "$TARX" -c --align --reflink=always -C nocow -f keep/a.tar .
is "a create that fails: the archive of that name is still the old one" "$(cat keep/a.tar)" precious
exits 0 "a create that succeeds" "$TARX" -c -C src -f keep/a.tar .
ok "a create that succeeds replaces the archive" tar -tf keep/a.tar
is "a create that succeeds leaves nothing beside it" "$(ls -A keep)" a.tar
is "a new archive has the modes that the umask leaves" "$(stat -c %a keep/a.tar)" 644
ln -s new.tar keep/link.tar
exits 2 "a symbolic link to nothing, as the archive: exit 2" "$TARX" -c -C src -f keep/link.tar .
like "a symbolic link to nothing: is what it is called" "$err" "*link.tar*symbolic link to nothing*"
is "a symbolic link to nothing: stays, and nothing is made" \
	"$(find keep -mindepth 1 -printf '%f\n' | sort | xargs)" "a.tar link.tar"
rm keep/link.tar
"$TARX" -c -C src -f /dev/stdout . >keep/out.tar
ok "/dev/stdout as the archive, a file" tar -tf keep/out.tar
"$TARX" -c -C src -f /dev/stdout . | cat >keep/out.tar
ok "/dev/stdout as the archive, a pipe" tar -tf keep/out.tar

# A signal in the midst of replacing a file: the archive comes through a pipe that stops.
mkdir stopped
echo precious >stopped/big
head -c 3000000 /dev/urandom >big
must tar -cf big.tar big
(head -c 1000000 big.tar; sleep 20) | "$TARX" -x -C stopped &
stopped=$!
for _ in $(seq 100); do
	[ -n "$(find stopped -name '.tarx-*')" ] && break
	sleep 0.1
done
ok "what replaces a file is made under another name" test -n "$(find stopped -name '.tarx-*')"
kill -TERM "$stopped"
wait "$stopped" 2>/dev/null
is "a signal meanwhile: nothing is left of it" "$(ls -A stopped)" big
is "a signal meanwhile: the old file is there" "$(cat stopped/big)" precious

mkdir killed
echo precious >killed/a.tar
exits 159 "killed on the brink of giving the archive its name" \
	"$FORBID" rename "$TARX" -c -C src -f killed/a.tar .
is "killed on the brink: the archive of that name is still the old one" "$(cat killed/a.tar)" precious
rm killed/a.tar
exits 159 "killed on the brink, with no archive before" \
	"$FORBID" rename "$TARX" -c -C src -f killed/a.tar .
not "killed on the brink, with no archive before: there is none after" test -e killed/a.tar

rm -rf killed
mkdir killed
fs_make tmpfs 1G
head -c 800M /dev/zero | tr '\0' x >"$FS/large"
written() # PID
{
	awk '/^wchar/ { print $2 }' "/proc/$1/io" 2>/dev/null
}
for signal in INT TERM HUP KILL; do
	# A background job of a script ignores SIGINT unless told otherwise.
	"$PYTHON" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$FORBID" clone "$TARX" -c -C "$FS" -f killed/a.tar large 2>said &
	pid=$!
	until [ "$(written $pid)" -gt 1000000 ] 2>/dev/null || ! [ -d /proc/$pid ]; do :; done
	kill -s "$signal" "$pid"
	wait "$pid" 2>/dev/null
	code=$?
	is "SIG$signal midway: ends by it" "$code" "$((128 + $(kill -l "$signal")))"
	not "SIG$signal midway: there is no archive under the name" test -e killed/a.tar
	[ "$signal" = KILL ] || nothing_in "SIG$signal midway: there is nothing left at all" killed
done

# The command line.
exits 2 "an unknown option: exit 2" "$TARX" -c --no-such-option -f out/no.tar .
like "an unknown option: is named" "$err" "*no-such-option*"
like "an unknown option: --help is hinted at" "$err" "*--help*"
exits 2 "an unknown letter: exit 2" "$TARX" -c -Q -f out/no.tar .
like "an unknown letter: is named" "$err" "*Q*--help*"
exits 2 "no mode: exit 2" "$TARX" -f out/no.tar .
like "no mode: says what is missing" "$err" "*--help*"
exits 2 "nothing at all: exit 2" "$TARX"
exits 2 "two modes: exit 2" "$TARX" -c -x -f out/no.tar .
exits 2 "-f without its file: exit 2" "$TARX" -c -f
not "a wrong command line leaves no archive" test -e out/no.tar
exits 0 "--help: exit 0" "$TARX" --help
like "--help: on standard output" "$out" "*sage*--align*"
is "--help: nothing on standard error" "$err" ""
exits 0 "--version: exit 0" "$TARX" --version
like "--version: names the program" "$out" "tarx*[0-9]*"
exits 2 "--help into a full disk: exit 2" bash -c '"$0" --help >/dev/full' "$TARX"
exits 2 "--stats to a file that cannot be: exit 2" "$TARX" -c --stats=/no/such/dir -C src -f out/s.tar .
like "--stats to a file that cannot be: is named" "$err" "*/no/such/dir*"
is "a message is one write" "$("$PYTHON" - "$TARX" <<-'END'
	import socket, subprocess, sys
	ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	subprocess.run([sys.argv[1], "-t", "-f", "none.tar"], stderr=its)
	print(ours.recv(1000).decode().count("tarx: none.tar: open: No such file or directory\n"))
END
)" 1

finish
