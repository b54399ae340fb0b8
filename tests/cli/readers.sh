#!/bin/bash
# Our archives are read by everyone, without a word of complaint, and keep to the rules of padding
# that all readers were seen to accept.

# shellcheck disable=SC2317 # functions are called by name
# shellcheck source-path=SCRIPTDIR source=../lib/fs.sh
. "$(dirname "$0")/../lib/fs.sh"

fs_make btrfs 1G
fs=$FS
cd "$fs" || bail "no $fs"

# What all of these readers can hold: no xattrs, whole seconds.
must sizes src/sizes 4096
types src hard names
types all basic hard xattrs acls names
types bytes bytes
types past past
find src -exec touch -h -d '2023-04-05 06:07:08' {} +
fs_sync "$fs"

listed_by() # READER ARCHIVE
{
	case $1 in
	tar) tar -tf "$2" ;;
	bsdtar) LC_ALL=C.UTF-8 bsdtar -tf "$2" ;;
	busybox) busybox tar -tf "$2" ;;
	tarfile) "$PYTHON" -m tarfile -l "$2" ;;
	esac
}

extracted_by() # READER ARCHIVE DIR
{
	case $1 in
	tar) tar --warning=no-timestamp -xpf "$2" -C "$3" ;;
	bsdtar) LC_ALL=C.UTF-8 bsdtar -xpf "$2" -C "$3" ;;
	busybox) busybox tar -xpf "$2" -C "$3" ;;
	tarfile) "$PYTHON" -m tarfile -e "$2" "$3" ;;
	esac
}

entries=$(find src -printf '.\n' | wc -l)
for size in none 512 4K 32K 64K 1M; do
	exits 0 "--align=$size: archives" "$TARX" -c "--align=$size" -f a.tar -C src .
	for reader in tar bsdtar busybox tarfile; do
		listed_by "$reader" a.tar >list 2>said
		is "--align=$size: $reader lists it: exit 0" "$?" 0
		is "--align=$size: $reader lists it without a word" "$(cat said)" ""
		# A name with a newline makes two lines where it is shown as it is.
		ok "--align=$size: $reader lists all members" test "$(wc -l <list)" -ge "$entries"
		rm -rf x
		mkdir x
		extracted_by "$reader" a.tar x >list 2>said
		is "--align=$size: $reader unpacks it: exit 0" "$?" 0
		is "--align=$size: $reader unpacks it without a word" "$(cat said)" ""
		options=(--no-dir-mtime)
		# These two make a second symbolic link where another would be linked, and give
		# no times to symbolic links.
		case $reader in busybox | tarfile) options+=(--no-links --no-mtime) ;; esac
		ok "--align=$size: nothing differs after $reader" compare "${options[@]}" src x
	done
done

# Names that are no UTF-8, or not composed. libarchive complains about the former and composes the
# latter in every archive that does not forbid it, so it is left out.
exits 0 "names of any bytes: archives" "$TARX" -c --align -f bytes.tar -C bytes .
for reader in tar busybox tarfile; do
	rm -rf x
	mkdir x
	extracted_by "$reader" bytes.tar x >list 2>said
	is "names of any bytes: $reader unpacks them: exit 0" "$?" 0
	is "names of any bytes: $reader unpacks them without a word" "$(cat said)" ""
	ok "names of any bytes: nothing differs after $reader" compare --no-mtime --no-links bytes x
done

# With everything that a tree can have, by the readers that keep it.
exits 0 "all types: archives" "$TARX" -c --align -f all.tar -C all .
rm -rf x
mkdir x
tar --warning=no-timestamp -xpf all.tar -C x --xattrs --xattrs-include='*' --acls --same-owner --numeric-owner 2>said
is "all types: GNU tar unpacks it: exit 0" "$?" 0
is "all types: GNU tar unpacks it without a word" "$(cat said)" ""
ok "all types: nothing differs after GNU tar, xattrs and ACLs aside" compare --no-xattrs all x
ok "all types: GNU tar finds the ACLs" \
	diff <(cd all && find acls | sort | getfacl -n -) <(cd x && find acls | sort | getfacl -n -)
is "all types: GNU tar finds the capabilities" "$(getcap x/xattrs/ping)" \
	"$(getcap all/xattrs/ping | sed 's|^all|x|')"
is "all types: GNU tar finds plain xattrs" \
	"$(getfattr --only-values -n user.plain x/xattrs/file)" value
rm -rf x
mkdir x
LC_ALL=C.UTF-8 bsdtar -xpf all.tar -C x --xattrs --acls --numeric-owner 2>said
is "all types: bsdtar unpacks it: exit 0" "$?" 0
is "all types: bsdtar unpacks it without a word" "$(cat said)" ""
ok "all types: nothing differs after bsdtar, xattrs aside" compare --no-xattrs --no-dir-mtime all x

exits 0 "times before 1970: archives" "$TARX" -c --align -f past.tar -C past .
# libarchive takes the fraction of such a time for a positive one, in every archive.
for reader in tar tarfile; do
	rm -rf x
	mkdir x
	ok "times before 1970: $reader unpacks them" extracted_by "$reader" past.tar x
	options=()
	[ "$reader" = tarfile ] && options=(--seconds) # it counts in binary fractions
	ok "times before 1970: nothing differs after $reader" \
		compare --no-dir-mtime "${options[@]}" past x
done

# The rules, in the bytes themselves.
for size in 512 1K 4K 16K 32K 64K 256K 1M; do
	bytes=$(numfmt --from=iec "$size")
	exits 0 "rules: --align=$size: archives" "$TARX" -c "--align=$size" "--align-min=$size" -f a.tar -C src .
	[ "$size" = 512 ] && continue # every payload lies on 512 without padding
	ok "rules: --align=$size: the padding keeps to them" archive rules a.tar "$bytes"
done

# tar's own tools for archives.
must cp all.tar copy.tar
exits 0 "GNU tar --compare finds no difference" tar -df all.tar -C all
exits 0 "GNU tar --append accepts the archive" tar -rf copy.tar -C src sizes/size-4097
is "GNU tar --append: the appended member is there" "$(tar -tf copy.tar | tail -n 1)" sizes/size-4097
exits 0 "GNU tar --delete accepts the archive" tar --delete -f copy.tar ./basic/large
is "GNU tar --delete: exactly that member is gone" "$(tar -tf copy.tar | wc -l)" "$(tar -tf all.tar | wc -l)"

finish
