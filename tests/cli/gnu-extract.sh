#!/bin/bash
# The same command line by GNU tar and by tarx leaves the same tree, prints the same lists and ends
# alike: what is there already, names, places, lists. Where the two are meant to differ it says so.

# shellcheck disable=SC2317,SC2016 # functions and snippets are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

tar --version | grep -q 'GNU tar' || skip_all "GNU tar is not installed"
fs_make ext4 300M
cd "$FS" || bail "no $FS"

# ---- the archives, by GNU tar

mkdir source names outside
(
	cd source || exit
	mkdir d e
	echo content >a
	echo below >d/b
	ln -s a link
	ln a hard
	mkfifo pipe
	mknod null c 1 3
	echo other >e/c
	chmod 4711 e/c
	chown 5:6 d/b
	chmod 750 d
	touch -d '2001-02-03 04:05:06' a d/b
	touch -h -d '2001-02-03 04:05:07' link pipe null e/c
	touch -d '2000-01-01' d e
)
(
	cd names || exit
	mkdir -p dir/sub Other
	echo 1 >dir/one
	echo 2 >dir/sub/two.c
	echo 3 >x.c
	echo 4 >'star*'
	echo 5 >'back\n'
	echo 6 >'a:b'
	ln -s x.c ln
	touch -h -d '1969-12-30 23:59:58' x.c
	touch -h -d '2033-03-03 03:03:03.25' ln
	truncate -s 3M sparse
	echo end >>sparse
)
must tar cf base.tar -C source a d link hard pipe null e
must tar cf dot.tar -C source .
must tar cSf names.tar -C names dir x.c 'star*' Other ln sparse 'a:b'
must tar rf names.tar -C names x.c dir
must tar cf odd.tar -C names .
must tar cSf pax.tar --format=pax -C names .
must tar czf zipped.tar.gz -C source .
must tar cPf absolute.tar "$PWD/outside" "$PWD/source/a" -C outside ../source/d

# ---- one command line, both programs

# Runs it in t, prepared by the snippet BEFORE, of which "outside" is a neighbour.
run() # PROGRAM SUFFIX BEFORE WORD...
{
	local program=$1 suffix=$2 before=$3
	shift 3
	rm -rf t outside
	mkdir t outside
	touch -d 2010-10-10 outside
	(cd t && eval "$before") || bail "cannot prepare: $before"
	# Through a pipe: into a file GNU tar would seek for holes, over what it wrote before.
	"$program" "$@" 2>"err.$suffix" </dev/null | cat >"out.$suffix"
	code=${PIPESTATUS[0]}
	rm -rf "tree.$suffix"
	mkdir "tree.$suffix"
	mv t outside "tree.$suffix"
}

# Modification times of what is made on the way, and of what each run prepared, are now.
same() # PROMISE BEFORE WORD...: and GNU tar ends with 0 where tarx does; 2 there may be 1 here
{
	local promise=$1 before=$2 gnu differs=''
	shift 2
	run tar gnu "$before" "$@"
	gnu=$code
	run "$TARX" tarx "$before" "$@"
	[ $((gnu > 0)) -eq $((code > 0)) ] || differs+="exit: GNU tar $gnu, tarx $code: $(cat err.tarx)"$'\n'
	differs+=$(diff out.gnu out.tarx)
	case $1 in
	-x*)
		differs+=$(compare --no-mtime tree.gnu tree.tarx | grep -v '0 differences$')
		differs+=$(diff <(times tree.gnu) <(times tree.tarx))
		;;
	esac
	is "$promise: $*" "$differs" ''
}

# The times that come from the archive.
times() # DIR
{
	(cd "$1" && find . -printf '%p %Ts\n' | awk '$2 < 1700000000 || $2 > 1900000000' | sort)
}

messages() # PROMISE: what the last run said, but for exit statuses and programs' names
{
	is "$1: and says the same" "$(sed 's/^tarx:/tar:/' err.tarx)" \
		"$(grep -v '^tar: Exiting' err.gnu)"
}

# ---- what is there already

old='echo old >a; mkdir d; echo oldb >d/b; ln -s /nowhere link; echo hh >hard; echo p >pipe; chmod 711 d'
newer="$old; touch a hard pipe"
older='echo old >a; ln a second; mkdir d; touch -d 1999-01-01 a'
for option in '' --overwrite --overwrite-dir --no-overwrite-dir --recursive-unlink \
	--keep-directory-symlink -k --skip-old-files --keep-newer-files -U; do
	# shellcheck disable=SC2086
	{
		same "nothing there" '' -xf base.tar -C t $option
		same "files there" "$old" -xf base.tar -C t $option
		[ "$option" = -k ] || same "older files there, with other links" "$older" \
			-xf base.tar -C t $option
		same "a link to a directory there" 'mkdir real; ln -s real d' -xf base.tar -C t $option
		same "an empty directory for a file" 'mkdir e e/c' -xf base.tar -C t $option
		same "a link to a file outside there" \
			'echo keep >../outside/f; ln -s ../outside/f a' -xf base.tar -C t $option a e
	}
done
for option in '' --overwrite --overwrite-dir --no-overwrite-dir -U --recursive-unlink \
	--keep-directory-symlink; do
	# shellcheck disable=SC2086
	same "a file for a directory" 'echo f >d; echo g >e' -xf base.tar -C t $option
done
same "a full directory for a file" 'mkdir -p e/c/x' -xf base.tar -C t
same "a full directory for a file" 'mkdir -p e/c/x' -xf base.tar -C t --recursive-unlink
same "a full directory for a file" 'mkdir -p e/c/x' -xf base.tar -C t -U
same "a full directory for a directory" 'mkdir -p d/x; chmod 700 d' -xf base.tar -C t -U
same "a full directory for a directory" 'mkdir -p d/x; chmod 700 d' -xf base.tar -C t --recursive-unlink
same "a full directory for a directory" 'mkdir -p d/x; chmod 700 d' -xf base.tar -C t --keep-newer-files
same "read-only files and directories" 'echo o >a; chmod 400 a; mkdir -m 500 d' -xf base.tar -C t
same "newer files" "$newer" -xf base.tar -C t --keep-newer-files
messages "newer files"
same "files that are skipped" "$newer" -xvf base.tar -C t --skip-old-files a link
same "twice what is alike" "$old" -xf base.tar -C t --overwrite --overwrite

# Where tarx means to differ: what was not restored is linked to by nothing.
run "$TARX" tarx "$older" -xf base.tar -C t -k a hard
is "-k: a hard link to what was not restored is refused, and named" "$code $(cat err.tarx)" \
	"1 tarx: a: create (--keep-old-files): File exists
tarx: hard: a hard link to a, which was not restored"
run tar gnu '' -xf base.tar -C t -k -U
gnu=$code
run "$TARX" tarx '' -xf base.tar -C t -k -U
is "two ways with old files at a time: refused by both" "$gnu $code" "2 2"

# ---- members by name

for words in dir/ ./dir dir//sub 'dir x.c' '--no-recursion dir' '--no-recursion dir x.c' \
	'dir --no-recursion x.c' '*.c' 'star*' '--wildcards *.c' '--no-wildcards *.c' \
	'--wildcards --no-anchored two.c' '--no-anchored two.c sub' 'other' '--ignore-case other' \
	'--ignore-case OTHER --no-ignore-case DIR' '--wildcards --no-wildcards-match-slash *.c' \
	'--wildcards --no-wildcards-match-slash --wildcards-match-slash *.c' '--wildcards d*/s*' \
	'--wildcards *.c --no-wildcards star*' '--wildcards [dx]* --no-recursion' \
	'--no-anchored sub --anchored one' '--occurrence x.c' '--occurrence=2 x.c' '--occurrence=2 dir' \
	'--occurrence=3 x.c' '--occurrence=0 x.c' 'nope x.c' '--wildcards nope*' '--occurrence' \
	'--occurrence=many x.c' '--wildcards d?r --occurrence=2' '--recursion dir'; do
	set -f
	# shellcheck disable=SC2086
	same "names" '' -tf names.tar $words
	set +f
done
for word in dir ./dir/ . ./ './back\n' './back\\n' './star*'; do
	same "names that begin with a dot" '' -tf odd.tar "$word"
	same "names that begin with a dot" '' -xf odd.tar -C t "$word"
done
same "-C counts for what follows" 'mkdir one two' -xf base.tar a -C t/one d -C ../two e

# ---- other names

for words in --strip-components=1 --strip-components=2 '--transform=s,a,q,' '--xform=s,^,pre/,' \
	'--xform=s,^,/top/,' '--transform=s,a,q,S' '--transform=s,^d$,f,' '--transform=s,^d/,,' \
	'--transform=s,b,c,;s,^,p/,' '--transform=s,[a-z],\u&,g'; do
	# shellcheck disable=SC2086
	{
		same "other names" '' -xvf base.tar -C t $words
		same "other names, listed" '' -tvf base.tar --show-transformed-names $words
	}
done
for words in '--one-top-level=top a d link' '--one-top-level=d d link' '--one-top-level e' \
	'--one-top-level=a/b/c d' '--one-top-level=./top d'; do
	# shellcheck disable=SC2086
	same "one top level" '' -xvf base.tar -C t $words
done
same "other names" '' -xvf dot.tar -C t --strip-components=1
same "other names" '' -xvf names.tar -C t --strip-components=1 dir/sub --show-stored-names
same "absolute names" '' -xvf absolute.tar -C t
same "absolute names, listed" '' -tvf absolute.tar
same "-P" 'touch ../outside/there' -xPvf absolute.tar -C t
same "-P, listed" '' -tPf absolute.tar

# ---- places and attributes

same "content on standard output" '' -xOf names.tar
same "content on standard output" '' -xOf base.tar d hard
same "content on standard output" '' -xOf zipped.tar.gz ./a
same "times as they come" '' -xmf base.tar -C t
same "modes through the umask" '' -xf base.tar -C t --no-same-permissions
same "owner who restores" '' -xf base.tar -C t --no-same-owner
same "directories last" '' -xf base.tar -C t --delay-directory-restore

for words in -p --preserve-permissions --same-permissions --same-owner --numeric-owner -S \
	--unlink-first --keep-newer-files --absolute-names --ignore-failed-read --sort=name \
	--hard-dereference -h --one-file-system --null --touch --clamp-mtime --totals \
	--no-xattrs --xattrs --acls --no-acls --selinux --no-selinux --warning=no-timestamp --warning=all; do
	same "options one by one" '' -xf base.tar -C t $words
done
for words in -z --gzip --ungzip '-I gzip' --use-compress-program=gzip; do
	# shellcheck disable=SC2086
	same "compression" '' -xf zipped.tar.gz -C t $words
	# shellcheck disable=SC2086
	same "compression" '' -tf zipped.tar.gz $words
done
same "compression that nobody named" '' -xf zipped.tar.gz -C t
printf 'd\nhard\n' >names.list
printf 'd\0hard\0' >null.list
printf 'b\n*k\n' >not.list
for words in '-T names.list' '--files-from=names.list link' '--null -T null.list' '-X not.list' \
	'--exclude-from=not.list d link' --exclude=b '--exclude=*k' '--anchored --exclude=b' \
	'--exclude=d/b d' '--no-wildcards --exclude=*k' '--ignore-case --exclude=B'; do
	set -f
	# shellcheck disable=SC2086
	{
		same "lists of names and patterns" '' -xf base.tar -C t $words
		same "lists of names and patterns" '' -tf base.tar $words
	}
	set +f
done
same "--mode and the like mean nothing here" '' -xf base.tar -C t --mode=600 --owner=7 --group=8 --mtime=@9
same "--to-stdout" '' -xf base.tar --to-stdout a d

# ---- owners

for owner in root:0 root:4242 daemon:0 daemon:4242 no-such-name:0 no-such-name:4242; do
	must tar -cf owned.tar --owner="$owner" --group="$owner" -C source a d
	same "owners by name: $owner" '' -xf owned.tar -C t
	same "owners by number: $owner" '' -xf owned.tar -C t --numeric-owner
done

# A system that calls user 0 something else.
printf '%s\n' 'admin:x:0:0::/:/bin/sh' 'root:x:7:7::/:/bin/sh' >passwd
with_passwd() # COMMAND...
{
	unshare -m sh -c 'mount --bind passwd /etc/passwd && exec "$@"' sh "$@"
}
exits 0 "number 0 is root: archived" with_passwd "$TARX" -cf zero.tar -C source a
is "number 0 is root, whatever the system calls it" "$(tar -tvf zero.tar | cut -d ' ' -f 2)" root/root
mkdir zero
exits 0 "number 0 is root: restored" with_passwd "$TARX" -xf zero.tar -C zero
is "root of number 0 comes back as 0" "$(stat -c %u zero/a)" 0

# ---- attributes

must mkdir attributes
echo x >attributes/file
setfattr -n user.one -v 1 attributes/file
setfattr -n user.two -v 2 attributes/file
setfattr -n trusted.three -v 3 attributes/file
setfacl -m u:1:rw,g:2:r attributes/file
must tar --xattrs --xattrs-include='*' --acls -cf attributes.tar attributes
for words in '--no-xattrs --no-acls' '--no-xattrs --acls' '--xattrs --xattrs-include=user.* --no-acls' \
	'--xattrs --xattrs-include=* --acls' \
	'--xattrs --xattrs-include=user.* --xattrs-exclude=user.two --no-acls'; do
	set -f
	# shellcheck disable=SC2086
	same "attributes" '' -xf attributes.tar -C t $words
	set +f
done

# ---- lists

for words in '' -v -vv '-v --full-time' '-v --utc' '-v --full-time --utc' '-v --numeric-owner' -R -vR; do
	for archive in base names pax; do
		# GNU tar counts only the last of a member's headers.
		[[ $archive == pax && $words == *R* ]] && continue
		TZ=Asia/Kolkata
		export TZ
		# shellcheck disable=SC2086
		same "lists" '' -tf $archive.tar $words
		TZ=UTC
	done
done
same "names while restoring" '' -xvvf base.tar -C t

finish
