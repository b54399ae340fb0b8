#!/bin/bash
# The same command line, given to GNU tar and to tarx: the same members, in the same order, with the same
# metadata, and the same exit status. Where tarx means to differ the row says so.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

tar --version 2>/dev/null | grep -q 'GNU tar' || skip_all "GNU tar is not installed"

# ---- a tree with one of everything that options tell apart

plant() # DIR
{
	mkdir "$1"
	cd "$1" || bail "no $1"
	mkdir -p d/sub d/empty d/.git foo xfoo/foo cache/in tagged/in caps
	echo one >d/aaa.txt
	ln d/aaa.txt d/hard
	ln d/aaa.txt d/sub/hard
	ln -s aaa.txt d/link
	ln -s ../foo d/to-dir
	ln -s /no/where d/dangling
	echo two >d/sub/FooBar
	echo head >d/.git/HEAD
	touch d/.gitignore d/x~ 'd/#x#' d/.#x
	echo in >foo/in
	touch fooo 'xfoo/foo/z'
	touch 'a*b' 'axb' '[x]' x 'back\slash' 'a\nb' -- '-dash' '--' 'with space' $'new\nline' $'tab\tbell\a'
	touch $'latin-\xe9' 'nfc-é' $'nfd-e\xcc\x81' 'LONG-'"$(printf 'n%.0s' {1..200})"
	mkdir -p "deep/$(printf 'l%.0s' {1..90})/$(printf 'm%.0s' {1..90})/$(printf 'n%.0s' {1..90})"
	touch "$(find deep -type d -name 'nnn*')/end"
	mkfifo fifo
	mknod null c 1 3
	mknod loop b 7 200
	echo 'Signature: 8a477f597d28d172789f06886806bc55' >cache/CACHEDIR.TAG
	touch cache/in/x cache/y
	touch tagged/TAG tagged/in/x tagged/y
	touch caps/FOO caps/Foo.C caps/bar.c
	chmod 640 d/aaa.txt
	chmod 2775 d/sub
	chmod 4711 foo/in
	chmod 1777 d/empty
	chmod 0 x
	chown 1000:100 foo/in
	chown 1:2 d/sub
	chown 4000000:3000000 fooo
	chown -h 77:78 d/link
	touch -d '2001-02-03 04:05:06.123456789Z' d/aaa.txt
	touch -d '1969-12-31 00:00:00Z' fooo
	touch -d '2040-01-01 00:00:00Z' foo/in
	touch -h -d '2010-01-01 00:00:00.5Z' d/link
	touch -d '2015-01-01 00:00:00Z' d/sub/FooBar xfoo/foo/z
}

fs_make btrfs 300M
tree=$FS/tree
(plant "$tree") || bail "no tree"
lists=$WORK/lists
mkdir "$lists"
cd "$tree" || bail "no tree"

# ---- one row

input=/dev/null
gnu_code=''
tarx_code=''

# Runs both. $gnu_code and $tarx_code are what they are to end with, when that differs.
row() # PROMISE WORD...
{
	local promise=$1 code want got differs
	shift
	rm -f "$WORK"/[gt].tar
	tar --format=posix --sort=name -cf "$WORK/g.tar" "$@" >"$WORK/g.out" 2>"$WORK/g.err" <"$input"
	code=$?
	want=${gnu_code:-0}
	[ "$code" -eq "$want" ] || promise+=" (GNU tar ended with $code, not $want)"
	"$TARX" -cf "$WORK/t.tar" "$@" >"$WORK/t.out" 2>"$WORK/t.err" <"$input"
	got=$?
	# A line that is refused leaves no archive; GNU tar may have begun one.
	if [ "$got" -eq 2 ]; then
		differs=$([ ! -e "$WORK/t.tar" ] || echo 'there is an archive')
	else
		differs=$(archive differ "$WORK/g.tar" "$WORK/t.tar" 2>&1)
	fi
	is "$promise" "exit $got: $differs" "exit ${tarx_code:-0}: " || note <"$WORK/t.err"
}

row_codes() # GNU-CODE TARX-CODE PROMISE WORD...
{
	gnu_code=$1 tarx_code=$2
	shift 2
	row "$@"
	gnu_code=''
	tarx_code=''
}

# As row(), and what -v prints is the same.
row_says() # PROMISE WORD...
{
	row "$@"
	is "$1: and -v says the same" "$(diff "$WORK/g.out" "$WORK/t.out")" ''
}

list() # NAME TEXT: a list for -T or -X, printf's escapes undone; a % is one
{
	printf '%b' "$2" >"$lists/$1"
}

# ---- operands

row 'the whole tree' .
row 'a directory by name' d
row 'a directory with a slash behind it' d/
row 'several operands' d/aaa.txt foo xfoo/foo/z
row 'a file twice, with hard links: once as a link to itself' d/aaa.txt d/hard d/aaa.txt
row 'an absolute path loses its slash' "$tree/foo"
row 'a path with .. loses what is before' d/../foo/in
row '-C before an operand' -C d aaa.txt -C sub FooBar
row 'a device, a FIFO and a link as operands' null fifo d/link
row_codes 2 1 'a path that is not there: the rest is stored' nosuch foo
row_codes 2 1 '-C counts where it stands' foo -C d foo sub
row 'odd names one by one' -- -dash -- 'with space' $'new\nline' $'latin-\xe9'
row '--add-file names what begins with a dash' --add-file=-dash foo

row '-P keeps the slash' -P "$tree/foo"
row '-P keeps ..' -P d/../foo/in
row '--no-recursion stores a directory alone' --no-recursion d
row '--recursion takes it back' --no-recursion d --recursion foo
row '--recursion is the default' --recursion d

# ---- lists

list plain 'd/aaa.txt\n\nfoo\n'
list no-end 'd/aaa.txt'
list null 'd/aaa.txt\0new\nline\0-dash\0'
list empty ''
list dirs '-C d\naaa.txt\n-Csub\nFooBar\n'
list dirs-long '--directory=d\naaa.txt\n'
list dirs-quoted '-C "d"\naaa.txt\n'
list leave '-C d\n'
list nested "-T $lists/plain\n"
printf '%s\n' 'a\\nb' 'd/\141aa.txt' 'new\nline' 'back\\slash' 'd/sub/Foo\Bar' >"$lists/escapes"
printf '%s\n' 'a\nb' 'back\slash' >"$lists/raw"
list sub 'sub\n'
list d 'd\n'
list dash '-dash\n--\n'
list exclude '--exclude=*.txt\nd\n'
list add '--add-file=-dash\n'
list missing 'nosuch\nfoo\n'
list blanks 'with space\n'

row '-T takes names from a list' -T "$lists/plain"
row '-T without a newline at its end' -T "$lists/no-end"
input=$lists/plain
row '-T - reads standard input' -T -
input=/dev/null
row '-T of an empty list makes an empty archive' -T "$lists/empty"
row '--null: names end in NUL' --null -T "$lists/null"
row '--null and --no-null after it' --null --no-null -T "$lists/plain"
row 'operands before and behind a list' fooo -T "$lists/plain" xfoo
row '-C before a list counts in it' -C d -T "$lists/sub"
row '-C in a list' -T "$lists/dirs"
row '--directory in a list' -T "$lists/dirs-long"
row 'quotes around a value in a list' -T "$lists/dirs-quoted"
row '-C in a list counts behind it' -T "$lists/leave" sub
row 'a list in a list' -T "$lists/nested"
row 'two lists' -T "$lists/no-end" -T "$lists/blanks"
row_codes 2 1 'escapes in a list are undone' -T "$lists/escapes"
row '--no-unquote: they are not' --no-unquote -T "$lists/raw"
row '--verbatim-files-from: a dash is one' --verbatim-files-from -T "$lists/dash"
row '--no-verbatim-files-from takes it back' --verbatim-files-from --no-verbatim-files-from -T "$lists/dirs"
row '--add-file in a list' -T "$lists/add"
row '--exclude in a list' -T "$lists/exclude"
row_codes 2 1 'a name in a list that is not there' -T "$lists/missing"
row '--no-recursion with a list' --no-recursion -T "$lists/d"

# ---- exclusion

for pattern in foo ./foo foo/ foo/in '*foo' 'f*' 'd/*' './d/*' 'd*txt' '*' . ./ '' '*/foo' 'd//sub' \
	'[x]' '\[x\]' '[x' '+(o)' 'a*b' '\foo' '*.txt' '?' "$tree/foo" 'sub/FooBar' 'new?line' '*~'; do
	row "--exclude=$pattern" --exclude="$pattern" .
done
row '--exclude with an operand' --exclude=foo foo d
row '--exclude above an operand' --exclude=sub d/sub/FooBar
row '--exclude with an absolute operand' --exclude="$tree/d/sub" "$tree/d"
row '--anchored' --anchored --exclude=foo --exclude='./x*' .
row '--anchored counts from there' --exclude=foo --anchored --exclude=sub .
row '--no-anchored takes it back' --anchored --no-anchored --exclude=foo .
row '--no-wildcards' --no-wildcards --exclude='a*b' --exclude='[x]' .
row '--wildcards takes it back' --no-wildcards --wildcards --exclude='a*b' .
row '--no-wildcards-match-slash' --no-wildcards-match-slash --exclude='d*txt' --exclude='*/in' .
row '--ignore-case' --ignore-case --exclude=foo --exclude='*.C' .
row '--no-ignore-case takes it back' --ignore-case --no-ignore-case --exclude=foo .
list patterns '*.txt\n\n# x\nfoo\n'
row '-X reads patterns' -X "$lists/patterns" .
row '--exclude-vcs' --exclude-vcs .
row '--exclude-backups' --exclude-backups .
row '--exclude-caches' --exclude-caches .
row '--exclude-caches-under' --exclude-caches-under .
row '--exclude-caches-all' --exclude-caches-all .
row '--exclude-tag' --exclude-tag=TAG .
row '--exclude-tag-under' --exclude-tag-under=TAG .
row '--exclude-tag-all' --exclude-tag-all=TAG .
row 'a tag in the operand itself' --exclude-tag=TAG tagged
row 'a tag that is a directory' --exclude-tag=in tagged
row 'several tags' --exclude-tag-under=TAG --exclude-caches-all .
row '--newer-mtime' --newer-mtime='2015-01-01' .
row '--newer-mtime with a fraction' --newer-mtime='2010-01-01 00:00:00.6Z' d
row '--newer looks at changes of attributes too' --newer='2015-01-01' d
row '-N with a file' -N ./foo/in .
row '--after-date' --after-date=@99999999999 d

# ---- other names

for expression in 's,^d,e,' 's,/$,X,' 's,a,B,g' 's,A,B,gi' 's,a|t,B,gx' 's,^d/,,' \
	's,\(a\)\(aa\),\2\1\0[\&]&\q\n\t\,,' 's|\(a\)\(aa\)|\2\|\||' 's,^d,e,;s,^e,f,' 's,^d,e,;' \
	's,sub/\(.*\),sub/\U\1,' \
	'flags=r;s,^d,e,' 's,a,e,S' 's,a,e,H' 's,a,e,R' 's,a,e,h' 's,a,e,rH' 's,aaa,/e,' 's,$,.old,' \
	's,aaa,/e,H' 's|^\.\{0,1\}|pre/|'; do
	row "--transform=$expression" --transform="$expression" d
done
row '--transform of an absolute path comes behind the slash' --transform='s,^,/top/,' "$tree/d"
row '--transform to a name with ..' --transform='s,^foo/,../,' foo
row '--transform with -P' -P --transform="s,$tree,/top," "$tree/d"
row 'several --transform, one by its other name' --transform='s,^d,e,' --xform='s,^e,f,' d
row '--strip-components does nothing to what is stored' --strip-components=1 d
row_says '-v names what is on the disk' -v --transform='s,^d,e,' d
row_says '--show-transformed-names what is stored' -v --show-transformed-names --transform='s,^d,e,' d
row_says '-v of odd names' -v .
row_says '-v with an absolute path' -v "$tree/foo"

# ---- owners, modes, times

for owner in joe nobody nobody:7 77 0 joe:5 :5 '' daemon 4000000; do
	row "--owner=$owner" --owner="$owner" d/aaa.txt d/sub
done
row '--group by name' --group=daemon d/sub
row '--group by a name that is none here' --group=joe d/sub
row '--group with both' --group=foo:6 d/sub
row '--numeric-owner' --numeric-owner .
row '--numeric-owner with --owner' --numeric-owner --owner=nobody --group=joe:7 d
list owners '# a comment\n\nroot joe:7\n+1000 jim:3\n+77 +5\n'
list groups 'root daemon\n+2 two:2222\n'
row '--owner-map' --owner-map="$lists/owners" .
row '--group-map' --group-map="$lists/groups" .
row 'a map and --owner for the others' --owner-map="$lists/owners" --owner=other:9 .
for mode in 0 644 04755 00755 u+s,g-w u=rwx,go=rX a+X +x -w =r o=u ug=o,a-x u+rws+t a=,u=rw 7777 g=u+w \
	u=g=o =755 +111 -044 go= ; do
	row "--mode=$mode" --mode="$mode" d foo
done
for date in @0 @1.5 @-1.25 @1234567890.123456789 2020-01-02 20200102 2020-1-2 '2020-01-02 03:04' \
	'2020-01-02 03:04:05.5' 2020-01-02T03:04:05.123456789Z '2020-01-02 03:04:05 +0130' \
	'2020-01-02 03:04 UTC' ./foo/in "$tree/d/link"; do
	row "--mtime=$date" --mtime="$date" d/sub d/link
done
export TZ=America/New_York
row '--mtime counts in TZ' --mtime='2020-07-02 03:04' d/sub
export TZ=UTC
row '--clamp-mtime' --mtime='2005-01-01' --clamp-mtime .

# ---- links and failures

row '-h stores what links lead to' -h d/link d/to-dir foo d/aaa.txt d/sub
row_codes 2 1 '-h: a link to nothing' -h d
row '--hard-dereference' --hard-dereference d
row '-h --hard-dereference' -h --hard-dereference d/link d/aaa.txt
row '--ignore-failed-read' --ignore-failed-read nosuch foo
row '--check-links' -l d/aaa.txt
like '--check-links names what is missing' "$(cat "$WORK/t.err")" "*Missing links to 'd/aaa.txt'*"
row '--check-links with all of them' -l d
is '--check-links with all of them: says nothing' "$(cat "$WORK/t.err")" ''
row '--warning with a keyword' --warning=no-file-changed --warning=all --warning=none foo
row '--sort=name' --sort=name .
row '--format=posix' --format=posix foo
row '--format=pax' -H pax foo

row '--ignore-failed-read in front' --ignore-failed-read --warning=no-failed-read foo nosuch
row '--absolute-names' --absolute-names "$tree/foo"
row '--mode, --owner, --group and --mtime together' --mode=go-rwx --owner=joe:7 --group=jim:8 --mtime=@7 d
row 'options of reading are taken' -p -m -k --no-same-owner foo
row 'old-style letters behind others' -P -h foo

# ---- what is mounted, and subvolumes

mkdir "$FS/mounts" "$FS/mounts/mounted" "$FS/mounts/dir"
must mount -t tmpfs tmpfs "$FS/mounts/mounted"
touch "$FS/mounts/mounted/file" "$FS/mounts/dir/file"
must btrfs -q subvolume create "$FS/mounts/subvolume"
touch "$FS/mounts/subvolume/file"
row '--one-file-system' --one-file-system -C "$FS" mounts
row '--one-file-system with an operand beyond' --one-file-system -C "$FS" mounts/dir mounts/mounted
row 'without it' -C "$FS" mounts
umount "$FS/mounts/mounted"

# ---- holes

mkdir "$FS/holes"
truncate -s 3M "$FS/holes/nothing" "$FS/holes/end" "$FS/holes/middle"
echo end >>"$FS/holes/end"
echo middle | dd of="$FS/holes/middle" bs=1 seek=1500000 conv=notrunc status=none
: >"$FS/holes/empty"
echo whole >"$FS/holes/whole"
for words in -S --sparse --hole-detection=seek --hole-detection=raw --sparse-version=1.0; do
	row "$words" "$words" -C "$FS" holes
done

# ---- attributes: GNU tar restores the same from both

mkdir "$FS/attributes" "$FS/from-gnu" "$FS/from-tarx"
(
	cd "$FS/attributes" || exit
	mkdir d
	echo x >d/file
	setfattr -n user.one -v 1 d/file
	setfattr -n user.two -v 2 d/file
	setfattr -n trusted.three -v 3 d/file
	setfattr -n user.dir -v 4 d
	setfacl -m u:1:rw,g:2:r d/file
	setfacl -d -m u:3:rx d
)
for words in '--xattrs --acls' '--xattrs --no-acls' '--no-xattrs --acls' '--no-xattrs --no-acls' \
	'--xattrs --xattrs-include=* --acls' '--xattrs --xattrs-include=user.* --no-acls' \
	'--xattrs --xattrs-include=* --xattrs-exclude=*.two --no-acls' '--selinux --no-acls' \
	'--no-selinux --xattrs --no-acls'; do
	set -f
	# What GNU tar does not do by itself is asked for.
	gnu=$words
	case $words in
	*xattrs\ * | *include* | *--no-xattrs*) ;;
	*) words+=' --no-xattrs' ;;
	esac
	# shellcheck disable=SC2086
	row "$gnu" $words -C "$FS" attributes
	set +f
	for program in gnu tarx; do
		rm -rf "$FS/from-$program" && mkdir "$FS/from-$program"
		tar --xattrs --xattrs-include='*' --acls -xf "$WORK/${program:0:1}.tar" -C "$FS/from-$program"
	done
	ok "$gnu: the same attributes" compare "$FS/from-gnu/attributes" "$FS/from-tarx/attributes"
done

# ---- compression

packed() # SUFFIX UNPACK WORD...
{
	local suffix=$1 unpack=$2
	shift 2
	for program in gnu tarx; do
		rm -f "$WORK/$program.$suffix"
		case $program in
		gnu) tar --format=posix --sort=name -cf "$WORK/gnu.$suffix" "$@" d foo ;;
		tarx) "$TARX" -cf "$WORK/tarx.$suffix" "$@" d foo ;;
		esac || bail "$program: $*"
		$unpack <"$WORK/$program.$suffix" >"$WORK/$program.un" || bail "$program: $unpack"
	done
	is "$*: the same members of .$suffix" "$(archive differ "$WORK/gnu.un" "$WORK/tarx.un" 2>&1)" ''
}
packed tar 'gzip -dc' -z
packed tar 'gzip -dc' --gzip
packed tar 'bzip2 -dc' -j
packed tar 'xz -dc' -J
packed tar 'zstd -dcq' --zstd
packed tar 'gzip -dc' -I 'gzip -1'
packed tar 'gzip -dc' --use-compress-program=gzip
for kind in tar:cat tgz:gzip tar.gz:gzip tar.bz2:bzip2 tbz2:bzip2 tar.xz:xz txz:xz tar.zst:zstd tar.lzma:xz; do
	packed "${kind%:*}" "$([ "${kind#*:}" = cat ] && echo cat || echo "${kind#*:} -dcq")" -a
done

for words in --owner=joe: --owner=joe:x --owner=99999999999 --mode=10000 --mode=u+q --mode= --mode=,u+x \
	'--transform=s,a,\3,' --transform=s,a,B,q --transform=s,a,B '--transform=y,a,b,' '--transform=s,a(,b,x' \
	--clamp-mtime --mtime=./nosuch '-N ./nosuch' '-T nosuch' '-X nosuch' --warning=nonsense \
	--format=nonsense '-b 0' --record-size=1000 -zj --sort=nonsense --owner-map=nosuch; do
	# shellcheck disable=SC2086 # they are words
	row_codes 2 2 "$words is refused" $words foo
done

# ---- lengths

for words in '-b 1' '-b 20' '-b 7' --record-size=1024 --record-size=4K; do
	# shellcheck disable=SC2086
	row "$words" $words d/aaa.txt
	# shellcheck disable=SC2086
	"$TARX" -c --align=none $words -f "$WORK/t.tar" d/aaa.txt
	unit=$(case $words in *1024) echo 1024 ;; *4K) echo 4096 ;; *) echo $((512 * ${words#-b })) ;; esac)
	is "$words: the length is a multiple of it" "$(($(stat -c %s "$WORK/t.tar") % unit))" 0
	# shellcheck disable=SC2086
	exits 0 "$words: with alignment" "$TARX" -c --align=4K $words -f "$WORK/t.tar" d/aaa.txt
	is "$words: with alignment: of both" "$(($(stat -c %s "$WORK/t.tar") % unit + $(stat -c %s "$WORK/t.tar") % 4096))" 0
done
exits 0 '--totals' "$TARX" -c --totals -b 20 --align=none -f "$WORK/t.tar" d/aaa.txt
like '--totals tells the length' "$err" 'Total bytes written: 10240 (10KiB, *B/s)'
exits 0 '--totals of a list' "$TARX" -t --totals -f "$WORK/t.tar"
like '--totals of a list tells what was read' "$err" 'Total bytes read: * (*, *B/s)'

# ---- where tarx means to differ

exits 0 '--exclude behind the operand counts too' "$TARX" -cf "$WORK/t.tar" d --exclude=sub
not 'and leaves out what it names' grep -q sub <("$TARX" -tf "$WORK/t.tar")
exits 0 'a path on the command line keeps its backslash' "$TARX" -cf "$WORK/t.tar" 'a\nb'
is 'and so does the member' "$(tar --no-unquote -tf "$WORK/t.tar")" 'a\\nb'
exits 2 'a date that is none' "$TARX" -cf "$WORK/none.tar" --mtime=nonsense foo
like 'is named' "$err" '*nonsense*no date*'
exits 2 'another format' "$TARX" -cf "$WORK/none.tar" --format=gnu foo
like 'is refused with the reason' "$err" '*only pax*'
list bad '-v\nd\n'
exits 2 'an option that a list may not have' "$TARX" -cf "$WORK/none.tar" -T "$lists/bad"
like 'is refused, with the list and the line' "$err" '*bad:1:*-v*'
list nul 'd\nfo\0o\n'
exits 2 'a NUL in a list of lines' "$TARX" -cf "$WORK/none.tar" -T "$lists/nul"
like 'is refused, with the line' "$err" '*nul:2:*'
list self "-T $lists/self\n"
exits 2 'a list that names itself' "$TARX" -cf "$WORK/none.tar" -T "$lists/self"
not 'none of them leaves an archive' test -e "$WORK/none.tar"
mkdir -p "$FS/top/round"
ln -s .. "$FS/top/round/up"
echo in >"$FS/top/round/file"
echo in >"$FS/top/other"
exits 1 '-h: a link that leads round' "$TARX" -cf "$WORK/t.tar" -h -C "$FS/top" round
like 'is named' "$err" '*round/up/round: a directory that it lies in*'
is 'and the rest is stored' "$("$TARX" -tf "$WORK/t.tar" | xargs)" 'round/ round/file round/up/ round/up/other'
exits 0 '--transform that finds nothing, again and again' \
	timeout 10 "$TARX" -cf "$WORK/t.tar" --transform='s,x*,-,g' foo/in
is 'ends, as sed has it' "$("$TARX" -tf "$WORK/t.tar")" '-f-o-o-/-i-n-'
exits 0 '--transform of the second match' "$TARX" -cf "$WORK/t.tar" --transform='s,o,0,2' foo/in
is 'repeats nothing' "$("$TARX" -tf "$WORK/t.tar")" 'fo0/in'
exits 1 '--transform that leaves no name' "$TARX" -cf "$WORK/t.tar" --transform='s,.*,,' foo/in d/empty
like 'is named' "$err" '*foo/in: --transform leaves nothing*'
is 'and a directory becomes the target' "$("$TARX" -tf "$WORK/t.tar")" './'
setfacl -m u:nobody:rwx fooo
exits 0 '--mode with an ACL' "$TARX" -cf "$WORK/t.tar" --mode=go= fooo
not 'does not store what would give the old mode back' grep -aq SCHILY.acl.access "$WORK/t.tar"
setfacl -b fooo
"$PYTHON" -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
exits 1 'a socket' "$TARX" -cf "$WORK/t.tar" socket foo
exits 0 'a socket with --warning=no-file-ignored' "$TARX" -cf "$WORK/t.tar" --warning=no-file-ignored socket foo
is 'is not even said' "$err" ''
rm socket
exits 0 'failed reads are silenced' \
	"$TARX" -cf "$WORK/t.tar" --ignore-failed-read --warning=no-failed-read nosuch foo
is 'as was asked for' "$err" ''
exits 2 '-h with --overlay=diff' "$TARX" -cf "$WORK/t.tar" -h --overlay=diff foo
exits 2 'a list and an archive from standard input' "$TARX" -x -T -
like 'cannot both be' "$err" '*standard input*'

# ---- by inode

mkdir "$FS/inodes"
(cd "$FS/inodes" && touch c a b)
exits 0 '--sort=inode' "$TARX" -cf "$WORK/t.tar" --sort=inode -C "$FS" inodes
is 'is the order of inodes' "$("$TARX" -tf "$WORK/t.tar" | tail -n 3 | xargs -n 1 basename | xargs)" 'c a b'

# ---- members that -T and --exclude name when an archive is read

must "$TARX" -cf "$WORK/t.tar" d foo
exits 0 '-t -T' "$TARX" -tf "$WORK/t.tar" -T <(printf 'foo\nd/sub\n')
is 'lists what the list names' "$(xargs <<<"$out")" 'd/sub/ d/sub/FooBar d/sub/hard foo/ foo/in'
exits 0 '-t -T of an empty list' "$TARX" -tf "$WORK/t.tar" -T /dev/null
is 'lists all' "$out" "$(tar -tf "$WORK/t.tar" -T /dev/null)"
exits 1 '-t -T of a name that is not there' "$TARX" -tf "$WORK/t.tar" -T <(printf 'foo\nnosuch\n')
like 'names it' "$err" '*nosuch*'
for words in --exclude=sub '--exclude=*.txt' '--exclude=d/*' '--anchored --exclude=sub' '--exclude=foo foo'; do
	# shellcheck disable=SC2086
	exits 0 "-t $words" "$TARX" -tf "$WORK/t.tar" $words
	# shellcheck disable=SC2086
	is "-t $words: as GNU tar" "$out" "$(tar -tf "$WORK/t.tar" $words)"
done
mkdir "$FS/x" "$FS/gx"
exits 0 '-x --exclude' "$TARX" -xf "$WORK/t.tar" -C "$FS/x" --exclude=sub
tar -xf "$WORK/t.tar" -C "$FS/gx" --exclude=sub
ok 'restores what GNU tar restores' compare --no-dir-mtime "$FS/gx" "$FS/x"

# ---- the same bytes wherever and whenever

first=$FS
types "$FS/same" basic hard xattrs names bytes sparse
rm -f "$FS/same/basic/largest-device" # which XFS cannot have
fs_make xfs 400M
mkdir "$FS/other"
# In another order, so that nothing of the tree's history is the same.
(cd "$first/same" && find . -mindepth 1 -maxdepth 1 -print0 | sort -zr) |
	(cd "$first/same" && xargs -0 cp -a --parents -t "$FS/other")
same=(-c --sort=name --align=4K --mtime=@0 --owner=0 --group=0 --numeric-owner)

exits 0 'a tree on btrfs' "$TARX" "${same[@]}" -f "$WORK/b.tar" -C "$first/same" .
fs_sync "$FS"
exits 0 'its copy on XFS' "$TARX" "${same[@]}" -f "$WORK/x.tar" -C "$FS/other" .
ok 'both archives are the same, byte for byte' cmp "$WORK/b.tar" "$WORK/x.tar"
# shellcheck disable=SC2016
exits 0 'and into a pipe' sh -c '"$@" | cat >"$0"' "$WORK/p.tar" "$TARX" "${same[@]}" -C "$FS/other" .
ok 'they are the same too' cmp "$WORK/b.tar" "$WORK/p.tar"

export SOURCE_DATE_EPOCH=1000000000
exits 0 'SOURCE_DATE_EPOCH' "$TARX" -cf "$WORK/t.tar" -C "$tree" .
tar --format=posix --sort=name --mtime=@1000000000 --clamp-mtime -cf "$WORK/g.tar" -C "$tree" .
is 'is --mtime and --clamp-mtime' "$(archive members "$WORK/t.tar")" "$(archive members "$WORK/g.tar")"
exits 0 'SOURCE_DATE_EPOCH with --mtime' "$TARX" -cf "$WORK/t.tar" --mtime=@5 -C "$tree" foo
is 'does not count' "$(archive members "$WORK/t.tar" | grep -c ' 5 ')" 2
SOURCE_DATE_EPOCH=soon exits 2 'SOURCE_DATE_EPOCH that is no number' "$TARX" -cf "$WORK/t.tar" -C "$tree" foo
unset SOURCE_DATE_EPOCH

finish
