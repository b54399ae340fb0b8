#!/bin/bash
# What HOUSE.md and STYLE.md promise about folders: names, arrows, homes of foreign libraries, no output
# from below, no hidden state. Looks at the libraries as they were built, and at the sources.

# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir}
. "$top_srcdir/tests/lib/tap.sh"
export LC_ALL=C
NM=${NM:-nm}

cd "$top_srcdir" || bail "no $top_srcdir"
command -v "$NM" >/dev/null || skip_all "$NM is not installed"

# ---- symbols: "OBJECT NAME TYPE SECTION", one a line

# Names that begin with "__" belong to the compiler, and all that sanitizers and coverage add has such.
symbols() # LIBRARY
{
	"$NM" -A -f sysv "$top_builddir/$1" |
		awk -F'|' 'NF >= 7 {
			object = $1
			sub(/:[^:]*$/, "", object)
			sub(/.*:/, "", object)
			sub(/^lib[a-z]*_a-/, "", object)
			name = $1
			sub(/.*:/, "", name)
			gsub(/ /, "", name)
			type = $3
			gsub(/ /, "", type)
			section = $NF
			gsub(/ /, "", section)
			if (name !~ /^(__|\.L)/)
				print object, name, type, section
		}'
}

declare -A of
for library in libalign.a liboverlay.a libtarx.a; do
	of[$library]=$(symbols "$library")
	ok "$library is read" test "$(awk '$3 == "T"' <<<"${of[$library]}" | wc -l)" -ge 5
done

exported() # LIBRARY
{
	awk '$3 ~ /^[A-TV-Z]$/ { print $1 ": " $2 }' <<<"${of[$1]}"
}

wanted() # LIBRARY: what it takes from elsewhere
{
	awk '$3 == "U" || $3 == "w" || $3 == "v" { print $1 ": " $2 }' <<<"${of[$1]}" | sort -u
}

# The functions that -D_FORTIFY_SOURCE puts in the place of the real ones have names with "__" too.
wanted_from_libc() # LIBRARY
{
	"$NM" -A -u "$top_builddir/$1" | awk '{ print $1 " " $NF }' |
		sed 's/^[^ ]*\.a:\(lib[a-z]*_a-\)\{0,1\}\([^: ]*\)[^ ]*/\2:/; s/ __\(.*\)_chk$/ \1/; s/ __isoc99_/ /'
}

is "names in libalign.a begin with align_ or tx_" "$(exported libalign.a | grep -vE ': (align|tx)_')" ''
is "names in liboverlay.a begin with overlay_" "$(exported liboverlay.a | grep -v ': overlay_')" ''
is "names in libtarx.a begin with tarx_" "$(exported libtarx.a | grep -v ': tarx_')" ''

# ---- arrows: tarx/ --> overlay/ --> align/

includes() # FOLDER...: "FILE:LINE:HEADER" with its brackets or quotes
{
	find "$@" -name '*.[ch]' -exec grep -nHE '^[[:space:]]*#[[:space:]]*include' {} + |
		sed -E 's/^([^:]*:[0-9]*:)[^"<]*(["<][^">]*[">]).*/\1\2/'
}

ok "the sources are read" test "$(includes align overlay tarx | wc -l)" -ge 100
is "align/ includes nothing of overlay/ and tarx/" \
	"$(includes align | grep -E ':["<](\.\./)*(overlay|tarx)/')" ''
is "overlay/ includes nothing of tarx/" "$(includes overlay | grep -E ':["<](\.\./)*tarx/')" ''
is "headers of ours are included with their folder" \
	"$(includes align overlay tarx | grep ':"' | grep -vE ':"(align|overlay|tarx)/[^/]*"')" ''
is "libalign.a needs nothing of overlay/ and tarx/" \
	"$(wanted libalign.a | grep -E ': (overlay|tarx)_')" ''
is "liboverlay.a needs nothing of tarx/" "$(wanted liboverlay.a | grep -E ': tarx_')" ''

# ---- homes of what is foreign

# Extended attributes have two homes: what is kept of a file is tarx/meta.c's, and overlayfs' marks, which
# are only read, are overlay/marks.c's.
homes='
archive.h         tarx/header.c tarx/press.c tarx/reader.c tarx/unpack.c
archive_entry.h   tarx/header.c tarx/press.c tarx/reader.c tarx/unpack.c
sys/acl.h         tarx/meta.c
zlib.h            tarx/gunzip.c
jansson.h         tarx/deleted.c
acl/libacl.h      tarx/meta.c
sys/xattr.h       tarx/meta.c overlay/marks.c
btrfsutil.h       align/volume_btrfs.c
linux/btrfs.h     align/extent.c
xfs/xfs.h         align/volume_xfs.c
xfs/xfs_fs.h      align/volume_xfs.c
xfs/handle.h      align/volume_xfs.c
'
# Whatever else these libraries have, so that a header without a home is seen too.
foreign='archive(_entry)?\.h|zlib\.h|jansson\.h|sys/acl\.h|acl/.*|(sys|attr|linux)/xattr\.h|attr/.*|btrfs.*|linux/btrfs.*|xfs/.*|xfs.*\.h|handle\.h'

astray=$(includes align overlay tarx | grep -E ":[\"<]($foreign)[\">]" | while IFS=: read -r file line header; do
	grep -qE "^${header:1:-1} .*( |^)$file( |\$)" <<<"$homes" || echo "$file:$line: $header"
done)
is "a foreign library's header is included only at its home" "$astray" ''
missing=$(grep . <<<"$homes" | while read -r header files; do
	for file in $files; do
		grep -q ":<$header>" <<<"$(includes "$file")" || echo "$file: no <$header>"
	done
done)
is "its home does include it" "$missing" ''

strangers() # PATTERN HOME...: objects of all libraries that call what begins so, but the homes
{
	local pattern=$1 library
	shift
	for library in libalign.a liboverlay.a libtarx.a; do
		wanted "$library" | grep -E ": ($pattern)" | sed "s/^/$library: /"
	done | grep -vE "^($(IFS='|'; echo "$*")):"
}

is "libarchive is called from its homes only" \
	"$(strangers 'archive_' 'libtarx.a: header\.o' 'libtarx.a: press\.o' 'libtarx.a: reader\.o' 'libtarx.a: unpack\.o')" ''
is "libacl is called from its home only" "$(strangers 'acl_' 'libtarx.a: meta\.o')" ''
is "jansson is called from its home only" "$(strangers 'json_' 'libtarx.a: deleted\.o')" ''
is "libbtrfsutil is called from its home only" \
	"$(strangers 'btrfs_' 'libalign.a: volume_btrfs\.o')" ''
is "libhandle is called from its home only" \
	"$(strangers '.*_(fshandle|handle)$|.*_by_(fs)?handle$|free_handle' 'libalign.a: volume_xfs\.o' |
		grep -vE ': (align_.*|overlay_.*|tarx_.*|(name_to_handle_at|open_by_handle_at))$')" ''
is "extended attributes are touched at their homes only" \
	"$(strangers '[lf]?(get|set|list|remove)xattr$' 'libtarx.a: meta\.o' 'liboverlay.a: marks\.o')" ''
is "overlay/ only reads them" "$(wanted liboverlay.a | grep -E ': [lf]?(set|remove)xattr$')" ''

# ---- below tarx/ nothing is printed

# vprintf and the like write to a stream that somebody named; standard ones have names to look for.
printing='stdout|stderr|stdin|_IO_2_1_.*|v?printf|puts|putchar(_unlocked)?|perror|psignal|v?dprintf|v?syslog|v?warnx?|v?errx?|error|error_at_line'
for library in libalign.a liboverlay.a; do
	is "$library prints nothing" "$(wanted_from_libc "$library" | grep -E ": ($printing)\$")" ''
done
is "align/ and overlay/ write to no standard descriptor" \
	"$(grep -nE '\<(write|writev|pwrite|tx_write[a-z_]*) ?\((1|2|STD[A-Z]+_FILENO),' align/*.[ch] overlay/*.[ch])" ''

# ---- no file-level variables that change

# Constant tables with addresses in them are relocated first, then never written again: .data.rel.ro.
state=$(for library in libalign.a liboverlay.a libtarx.a; do
	awk '$3 ~ /^[bBdDC]$/ && $4 !~ /^\.data\.rel\.ro/ { print $1 ": " $2 }' <<<"${of[$library]}"
done)
is "only align/undo.c has a variable that changes" "$state" 'undo.o: ending'

finish
