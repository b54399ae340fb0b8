#!/bin/bash
# Everything that Debian packages and that reads tar reads our archives, and makes the same of one with
# padding as of one without.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 2G
fs=$FS
cd "$fs" || bail "no $fs"
export HOME=$WORK/home GOCACHE=$WORK/home/go GOFLAGS=-mod=mod
must mkdir "$HOME"

# ---- the archives, each also without padding: with what all of these readers take without complaint, with
# everything, with holes left out, with a file that no classic header has a number for

types usual basic hard names past acls
# MirBSD pax reads no record of more than 512 bytes, 7z suspects some links, and Python cannot read a stream
# where a symbolic link is linked.
rm -r usual/basic/long-link usual/basic/roundabout usual/hard/*link usual/hard/sub/link usual/names/*/
types every basic hard names past xattrs acls
types holes sparse
HUGE=1 types numbers sparse
must touch numbers/z-last
fs_sync "$fs"
for tree in usual every holes numbers; do
	dashes=-c
	case $tree in holes | numbers) dashes=-cS ;; esac
	must "$TARX" "$dashes" --align -f "$tree.tar" -C "$tree" .
	must "$TARX" "$dashes" --align=none -f "$tree.unpadded.tar" -C "$tree" .
done
ok "the padding keeps to the rules" archive rules every.tar 4096
ok "the padding of files with holes keeps to them" archive rules holes.tar 4096

# ---- the readers

# What is in Debian 12, and needs no package of its own but these.
readers='tar bsdtar busybox tarfile stream go perl podman umoci bsdcpio pax toybox 7z tar2sqfs'

is_there() # READER
{
	case $1 in
	tarfile | stream) return 0 ;;
	go) [ -n "$go" ] ;;
	perl) perl -MArchive::Tar -e 1 2>/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# Both of Go's compilers will do; gccgo is the smaller one.
build_go()
{
	local source=$fs_lib/reader.go compiler
	for compiler in gccgo gccgo-12 gccgo-13 gccgo-14; do
		command -v "$compiler" >/dev/null || continue
		"$compiler" -o "$WORK/reader-go" "$source" && echo "$WORK/reader-go"
		return
	done
	command -v go >/dev/null && (cd "$fs_lib" && go build -o "$WORK/reader-go" "$source") && echo "$WORK/reader-go"
}
go=$(build_go)

# Those that do not know GNU tar's sparse format put map and data under another name.
knows_holes() # READER
{
	case $1 in busybox | perl | pax | toybox | 7z) return 1 ;; esac
}

can_take() # READER TREE
{
	case $2:$1 in
	every:7z | every:pax | every:stream) return 1 ;;
	holes:*) knows_holes "$1" ;;
	esac
}

# umoci tells of security.selinux, padded or not.
is_silent() # READER TREE
{
	[ "$1:$2" != umoci:every ]
}

listed_by() # READER ARCHIVE
{
	case $1 in
	tar) tar -tf "$2" ;;
	bsdtar) LC_ALL=C.UTF-8 bsdtar -tf "$2" ;;
	busybox) busybox tar -tf "$2" ;;
	tarfile) "$PYTHON" -m tarfile -l "$2" ;;
	stream) "$PYTHON" -B "$fs_lib/stream.py" -t <"$2" ;;
	go) "$go" -t <"$2" ;;
	perl) perl -MArchive::Tar -e 'print "$_\n" for Archive::Tar->new(shift)->list_files' "$2" ;;
	bsdcpio) LC_ALL=C.UTF-8 bsdcpio -it --quiet <"$2" ;;
	pax) pax -f "$2" ;;
	toybox) toybox tar -tf "$2" ;;
	7z) 7z l -ba "$2" | cut -c 54- ;;
	*) return 1 ;;
	esac
}

can_list() # READER
{
	case $1 in podman | umoci | tar2sqfs) return 1 ;; esac
}

extracted_by() # READER ARCHIVE DIR; ARCHIVE "-": from a pipe
{
	case $1 in
	tar) tar --warning=no-timestamp -xpf "$2" -C "$3" --xattrs --xattrs-include='*' --acls ;;
	bsdtar) LC_ALL=C.UTF-8 bsdtar -xpf "$2" -C "$3" --xattrs --acls ;;
	busybox) busybox tar -xpf "$2" -C "$3" ;;
	tarfile) "$PYTHON" -m tarfile -e "$2" "$3" ;;
	stream) "$PYTHON" -B "$fs_lib/stream.py" -x "$3" <"${2/#-//dev/stdin}" ;;
	go) "$go" -x "$3" <"${2/#-//dev/stdin}" ;;
	# Newer ones restore absolute links only where told to.
	perl) perl -MArchive::Tar -e '$Archive::Tar::INSECURE_EXTRACT_MODE = 1;
		my $tar = Archive::Tar->new($ARGV[0] eq "-" ? \*STDIN : $ARGV[0]) or die;
		chdir $ARGV[1] or die; $tar->extract or die' "$2" "$3" ;;
	podman) "$BASH" "$fs_lib/podman.sh" "$2" "$3" ;;
	umoci) unpack_umoci "$2" "$3" ;;
	bsdcpio) (cd "$3" && LC_ALL=C.UTF-8 bsdcpio -idm --quiet) <"${2/#-//dev/stdin}" ;;
	pax) (cd "$3" && pax -r -pe) <"${2/#-//dev/stdin}" ;;
	toybox) toybox tar -xf "$2" -C "$3" ;;
	7z) if [ "$2" = - ]; then
			7z x -si -ttar -snl -snh -y -bso0 -bsp0 "-o$3"
		else
			7z x -snl -snh -y -bso0 -bsp0 "-o$3" "$2"
		fi ;;
	tar2sqfs) tar2sqfs -q -f -c lz4 image.sqfs <"${2/#-//dev/stdin}" &&
		sqfs2tar image.sqfs | tar --warning=no-timestamp -xpf - -C "$3" --xattrs --xattrs-include='*' ;;
	esac
}

unpack_umoci() # ARCHIVE DIR
{
	rm -rf oci bundle
	umoci init --layout oci && umoci new --image oci:image &&
		umoci raw add-layer --image oci:image "$1" && umoci unpack --image oci:image bundle &&
		cp -a bundle/rootfs/. "$2"
	local code=$?
	rm -rf oci bundle
	return "$code"
}

can_read_a_pipe() # READER: besides files; some are given a stream at all times
{
	case $1 in tarfile | umoci) return 1 ;; esac
}

# What this reader does not restore, of any archive.
leaves_out() # READER
{
	case $1 in
	tar | bsdtar) echo --no-xattrs --no-dir-mtime ;; # keywords with "=" and "%" are their own
	stream) echo --no-xattrs --no-links --no-mtime ;;
	tarfile | busybox | perl | toybox) echo --no-xattrs --no-links --no-mtime ;;
	go | umoci | podman) echo --no-xattrs --no-dir-mtime ;;
	bsdcpio) echo --no-xattrs --no-dir-mtime ;;
	pax | tar2sqfs) echo --no-xattrs --no-mtime ;;
	7z) echo --no-mtime ;;
	esac
}

# Of this tree they restore all but what leaves_out() says. The others lose something more, of any archive.
restores_all() # READER TREE
{
	case $2:$1 in
	holes:* | *:tar | *:tarfile | *:stream | *:go) return 0 ;;
	*) return 1 ;;
	esac
}

# Always beneath the same name, as 7z writes that into links. Leaves what the reader said in $said.
unpack() # READER ARCHIVE TO
{
	rm -rf x "$3"
	mkdir x
	said=$(extracted_by "$1" "$2" x 2>&1; echo "exit $?")
	mv x "$3"
}

keeps_silent() # READER TREE HOW
{
	if is_silent "$1" "$2"; then
		is "$2: $1 unpacks it $3without a word" "$said" "exit 0"
	else
		like "$2: $1 unpacks it $3" "$said" "*exit 0"
	fi
}

# Where all comes back, that says more than a comparison with what the archive without padding gives.
extracts() # READER TREE
{
	local reader=$1 tree=$2 padded options
	read -ra options <<<"$(leaves_out "$reader")"
	unpack "$reader" "$tree.tar" padded
	padded=$said
	keeps_silent "$reader" "$tree" ''
	if restores_all "$reader" "$tree"; then
		ok "$tree: $reader restores the tree" compare "${options[@]}" "$tree" padded
	else
		unpack "$reader" "$tree.unpadded.tar" unpadded
		is "$tree: $reader says what it says without padding" "$padded" "$said"
		ok "$tree: $reader makes the same of it as without padding" \
			compare "${options[@]/--no-xattrs/--no-dir-mtime}" padded unpadded
	fi
	can_read_a_pipe "$reader" || return
	unpack "$reader" - piped < <(cat "$tree.tar")
	keeps_silent "$reader" "$tree" 'from a pipe '
	ok "$tree: $reader makes the same of a pipe" \
		compare "${options[@]/--no-xattrs/--no-dir-mtime}" padded piped
}

lists() # READER TREE
{
	local reader=$1 tree=$2
	listed_by "$reader" "$tree.tar" >list 2>said
	is "$tree: $reader lists it: exit 0" "$?" 0
	is "$tree: $reader lists it without a word" "$(cat said)" ""
	listed_by "$reader" "$tree.unpadded.tar" >list.unpadded 2>&1
	ok "$tree: $reader lists it as it does without padding" diff list list.unpadded
	ok "$tree: $reader lists all members" test "$(wc -l <list)" -ge \
		"$(find "$tree" -mindepth 1 -printf '.\n' | wc -l)"
}

for reader in $readers; do
	if ! is_there "$reader"; then
		skip "$reader reads archives" "it is not installed"
		continue
	fi
	for tree in usual every holes numbers; do
		can_list "$reader" || continue
		[ "$tree" != every ] || can_take "$reader" every || continue
		lists "$reader" "$tree"
	done
	for tree in usual every holes; do
		can_take "$reader" "$tree" && extracts "$reader" "$tree"
	done
done

finish
