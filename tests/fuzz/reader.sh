#!/bin/bash
# Whatever is damaged in an archive of whatever kind: the reader comes to an end, and a file and a stream give the
# same. SEED=N in the environment damages in another way, COUNT=N more often.

# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir}
. "$top_srcdir/tests/lib/tap.sh"
export LC_ALL=C
umask 022

PYTHON=${PYTHON:-python3}
lib=$(cd "$top_srcdir/tests/lib" && pwd)
mutate=$(cd "$top_builddir/tests/fuzz" && pwd)/mutate
seeds=$(cd "$top_srcdir/tests/fuzz" && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/tarx-fuzz.XXXXXX") || bail "no temporary folder"
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || bail "no $WORK"

mkdir tree
printf 'some bytes\n' >tree/file
head -c 5000 /dev/zero | tr '\0' x >tree/larger
ln -s file tree/link
ln tree/file tree/hard
touch -d @-5.5 tree/old
truncate -s 300000 tree/sparse
printf data | dd of=tree/sparse bs=1 seek=100000 conv=notrunc status=none
printf end | dd of=tree/sparse bs=1 seek=250000 conv=notrunc status=none
touch "tree/$(printf 'n%.0s' $(seq 120))"

for format in v7 oldgnu gnu ustar posix; do
	tar -c --format=$format -f $format.tar -C tree . 2>/dev/null
done
for version in 0.0 0.1 1.0; do
	must tar -c -S --format=posix --sparse-version=$version -f sparse-$version.tar -C tree sparse file
done
must tar -c -S --format=gnu -f sparse-old.tar -C tree sparse file
must bsdtar -c --format=pax -f bsd.tar -C tree .
for kind in star sun; do
	must "$PYTHON" -B "$lib/foreign.py" $kind $kind.tar tree/sparse
done
must "$PYTHON" -B "$lib/odd.py" odd.tar <"$seeds/odd.txt"
mkdir within
for name in posix sparse-1.0 sparse-old; do
	must cp $name.tar within
done
gzip -c posix.tar >within/packed.tar || bail "no packed.tar"
must truncate -s 200000 within/posix.tar
for format in gnu posix; do
	must tar -c -S --format=$format -f within-$format.tar -C within packed.tar sparse-1.0.tar posix.tar sparse-old.tar
done
for tool in gzip bzip2 xz zstd lz4; do
	$tool -c <odd.tar >odd.tar.$tool 2>/dev/null
done
must bsdtar -c -Z -f odd.tar.Z @posix.tar

for archive in *.tar *.tar.*; do
	count=${COUNT:-250}
	[ "${archive%.tar}" = "$archive" ] && count=$((count / 3 + 1))
	ok "$archive, damaged $count times: nothing breaks" timeout 300 "$mutate" "$count" "${SEED:-1}" "$archive"
	[ ! -e broken.tar ] || { cp broken.tar "${BROKEN_IN:-/tmp}/broken-$archive" && rm broken.tar; }
done

finish
