#include "align/cleanup.h"
#include "align/extent.h"
#include "tests/align/disks.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define K ((off_t)1024)

/* Data [128K, 256K) and [512K, 640K) of 1M. */
static int make_sparse(const char *disk)
{
	int fd = disk_file(disk, "sparse");

	disk_fill(fd, 128 * K, 128 * K, 1);
	disk_fill(fd, 512 * K, 128 * K, 1);
	must(ftruncate(fd, 1024 * K) == 0 && fsync(fd) == 0, "make");
	return fd;
}

static const struct {
	const char *promise;
	off_t at, end;
	int r;
	off_t data_start, data_end;
} lookups[] = {
	{ "data behind a hole is found", 0, 1024 * K, 1, 128 * K, 256 * K },
	{ "data where the search begins is found", 128 * K, 1024 * K, 1, 128 * K, 256 * K },
	{ "a search within data begins there", 200 * K + 1, 1024 * K, 1, 200 * K + 1, 256 * K },
	{ "data ends where the search does", 0, 130 * K + 7, 1, 128 * K, 130 * K + 7 },
	{ "behind a piece the next one is found", 256 * K, 1024 * K, 1, 512 * K, 640 * K },
	{ "a range within a hole has none", 300 * K, 400 * K, 0, 0, 0 },
	{ "a range that ends where data begins has none", 0, 128 * K, 0, 0, 0 },
	{ "the hole at the end has none", 640 * K, 1024 * K, 0, 0, 0 },
	{ "behind the end there is none", 1024 * K, 2048 * K, 0, 0, 0 },
	{ "far behind the end there is none", 4096 * K, 8192 * K, 0, 0, 0 },
};

static const struct {
	const char *promise;
	off_t at, end, holes;
} counts[] = {
	{ "all holes", 0, 1024 * K, 768 * K },
	{ "holes before data", 0, 128 * K, 128 * K },
	{ "no hole in data", 128 * K, 256 * K, 0 },
	{ "holes from within data to within data", 200 * K, 600 * K, 256 * K },
	{ "the hole at the end", 640 * K, 1024 * K, 384 * K },
	{ "an empty range", 300 * K, 300 * K, 0 },
	{ "what lies behind the end is a hole", 1024 * K, 1034 * K, 10 * K },
};

static void test_holes(const char *disk)
{
	TX_FD fd = make_sparse(disk);

	for (size_t i = 0; i < sizeof(lookups) / sizeof(*lookups); i++) {
		struct align_range data = { 0 };
		int r = align_extent_data(fd, lookups[i].at, lookups[i].end, &data);

		if (!tap_ok(r == lookups[i].r && data.start == lookups[i].data_start &&
				    data.end == lookups[i].data_end,
			    "%s: %s", disk, lookups[i].promise))
			printf("# got %d, [%jd, %jd)\n", r, (intmax_t)data.start,
			       (intmax_t)data.end);
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		tap_number(align_extent_holes(fd, counts[i].at, counts[i].end), counts[i].holes,
			   "%s: counted: %s", disk, counts[i].promise);
}

static void test_dense(const char *disk)
{
	TX_FD fd = disk_file(disk, "dense");
	struct align_range data;

	disk_fill(fd, 0, 100001, 1);
	tap_ok(align_extent_data(fd, 0, 100001, &data) == 1 && data.start == 0 &&
		       data.end == 100001,
	       "%s: a file without holes is one piece", disk);
	tap_number(align_extent_holes(fd, 0, 100001), 0, "%s: and has none", disk);
}

static void test_no_file(void)
{
	struct align_range data;
	int ends[2];

	must(pipe(ends) == 0, "pipe");
	tap_number(align_extent_data(ends[0], 0, 10, &data), -ESPIPE, "a pipe has no places");
	tap_number(align_extent_holes(-1, 0, 10), -EBADF, "a failure is the negative errno");
	close(ends[0]);
	close(ends[1]);
}

/* ------------------------------------------------------------------ sharing */

static void share(int from, off_t off, off_t len, int to, off_t at)
{
	struct file_clone_range range = { .src_fd = from,
					  .src_offset = (__u64)off,
					  .src_length = (__u64)len,
					  .dest_offset = (__u64)at };

	must(fsync(from) == 0 && ioctl(to, FICLONERANGE, &range) == 0, "clone");
}

static void test_extents(int fd, off_t off, off_t len, long long shared, long long mapped,
			 const char *disk, const char *promise)
{
	uint64_t s = 0, m = 0;
	struct tx_err err = { 0 };

	if (!tap_ok(align_extent_shared(fd, off, len, &s, &m, &err) == 0 &&
			    (long long)s == shared && (long long)m == mapped,
		    "%s: %s", disk, promise))
		printf("# got %ju of %ju, want %lld of %lld %s\n", (uintmax_t)s, (uintmax_t)m,
		       shared, mapped, err.text);
}

static void test_shared(const char *disk)
{
	TX_FD a = disk_file(disk, "a"), b = disk_file(disk, "b"), hole = disk_file(disk, "hole");

	/* Piece by piece, as btrfs calls an extent shared as a whole. */
	for (off_t at = 0; at < 1024 * K; at += 64 * K) {
		disk_fill(a, at, 64 * K, 1);
		must(fsync(a) == 0, "fsync");
	}
	test_extents(a, 0, 1024 * K, 0, 1024 * K, disk, "a file of its own shares nothing");
	test_extents(a, 0, 0, 0, 1024 * K, disk, "no length means to the end of the file");
	share(a, 256 * K, 256 * K, b, 512 * K);
	test_extents(b, 0, 0, 256 * K, 256 * K, disk, "cloned bytes are shared in the target");
	test_extents(b, 512 * K, 256 * K, 256 * K, 256 * K, disk, "where they are");
	test_extents(b, 0, 512 * K, 0, 0, disk, "and not in the hole before them");
	test_extents(a, 0, 1024 * K, 256 * K, 1024 * K, disk, "and in the source");
	test_extents(a, 0, 256 * K, 0, 256 * K, disk, "but not before them");
	test_extents(a, 320 * K, 64 * K, 64 * K, 64 * K, disk, "within them all are");
	test_extents(a, 192 * K, 128 * K, 64 * K, 128 * K, disk,
		     "half of a range that begins before");
	test_extents(a, 448 * K, 128 * K, 64 * K, 128 * K, disk,
		     "half of a range that ends behind");
	must(ftruncate(hole, 1024 * K) == 0, "truncate");
	test_extents(hole, 0, 0, 0, 0, disk, "a hole is mapped nowhere");
}

/* More extents than one call of the kernel's gives. */
static void test_many(const char *disk)
{
	TX_FD a = disk_file(disk, "many"), b = disk_file(disk, "many2");
	const int pieces = 700;

	for (int i = 0; i < pieces; i++)
		disk_fill(a, (off_t)i * 128 * K, 64 * K, 1);
	test_extents(a, 0, pieces * 128 * K, 0, pieces * 64 * K, disk,
		     "hundreds of extents are counted to the last");
	share(a, 600 * 128 * K, 64 * K, b, 0);
	test_extents(a, 0, pieces * 128 * K, 64 * K, pieces * 64 * K, disk,
		     "and one shared among them is seen");
	test_extents(a, 128 * K, 650 * 128 * K, 64 * K, 650 * 64 * K, disk,
		     "also in a range that ends in their midst");
}

/* ------------------------------------------------------------------ the same places */

static void test_same(const char *disk)
{
	TX_FD a = disk_file(disk, "same a"), b = disk_file(disk, "same b");
	TX_FD c = disk_file(disk, "same c");

	disk_fill(a, 128 * K, 128 * K, 1);
	disk_fill(a, 512 * K, 100 * K, 1);
	disk_fill(c, 128 * K, 128 * K, 1);
	disk_fill(c, 512 * K, 100 * K, 1);
	must(ftruncate(a, 700 * K) == 0 && ftruncate(c, 700 * K) == 0, "truncate");
	must(fsync(a) == 0 && ioctl(b, FICLONE, a) == 0, "clone");
	tap_number(align_extent_same(a, a, 700 * K, false), 1, "%s: a file is in its own place",
		   disk);
	tap_number(align_extent_same(a, b, 700 * K, false), 1, "%s: and so is a clone", disk);
	tap_number(align_extent_same(a, c, 700 * K, false), 0,
		   "%s: the same bytes elsewhere are not", disk);
	disk_fill(b, 520 * K, 4 * K, 2);
	tap_number(align_extent_same(a, b, 700 * K, false), 0,
		   "%s: nor a clone of which a block was written, not yet to the disk", disk);
	tap_number(align_extent_same(a, b, 500 * K, false), 1, "%s: up to that it is", disk);
	tap_number(align_extent_same(a, -1, 700 * K, false), -EBADF, "%s: no file is an error",
		   disk);
}

static void test_same_many(const char *disk)
{
	TX_FD a = disk_file(disk, "same many"), b = disk_file(disk, "same many2");
	const int pieces = 700;

	for (int i = 0; i < pieces; i++)
		disk_fill(a, (off_t)i * 64 * K, 32 * K, 1);
	must(fsync(a) == 0 && ioctl(b, FICLONE, a) == 0, "clone");
	tap_number(align_extent_same(a, b, pieces * 64 * K, false), 1,
		   "%s: hundreds of extents are compared", disk);
	disk_fill(b, (off_t)(pieces - 1) * 64 * K, 4 * K, 2);
	tap_number(align_extent_same(a, b, pieces * 64 * K, false), 0, "%s: to the last", disk);
}

/* Of all parts of a compressed extent FIEMAP tells one place. */
static void test_same_compressed(void)
{
	TX_FD a = disk_file("btrfs", "compressed"), b = disk_file("btrfs", "part");
	static char text[128 * 1024];
	int flags = FS_COMPR_FL;

	if (ioctl(a, FS_IOC_SETFLAGS, &flags) < 0 || ioctl(b, FS_IOC_SETFLAGS, &flags) < 0) {
		tap_skip("parts of a compressed extent are told apart", "cannot be compressed");
		return;
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i / 4096);
	must(pwrite(a, text, sizeof(text), 0) == sizeof(text), "write");
	share(a, 64 * K, 4 * K, b, 0);
	must(ftruncate(a, 4 * K) == 0, "truncate");
	tap_number(align_extent_same(a, b, 4 * K, false), 0,
		   "parts of a compressed extent are not the same place");
	tap_number(align_extent_same(a, a, 4 * K, false), 0, "nor the same part for certain");
	tap_number(align_extent_same(a, a, 4 * K, true), 1, "unless that is enough");
}

static void test_refused(void)
{
	TX_FD fd = disk_file("tmpfs", "file");
	uint64_t shared, mapped;
	struct tx_err err;

	tap_number(align_extent_shared(fd, 0, 4096, &shared, &mapped, &err), -EOPNOTSUPP,
		   "a file system that does not tell is an error");
	tap_ok(strstr(err.text, "FIEMAP") != NULL, "that says what was asked: %s", err.text);
}

int main(void)
{
	if (disks_open("data, holes and sharing are seen")) {
		for (int i = 0; i < DISKS; i++) {
			if (!disks[i].there)
				continue;
			test_holes(disks[i].name);
			test_dense(disks[i].name);
			if (disks[i].clones) {
				test_shared(disks[i].name);
				test_many(disks[i].name);
				test_same(disks[i].name);
				test_same_many(disks[i].name);
			}
		}
		test_no_file();
		if (disks[0].there && !strcmp(disks[0].name, "btrfs"))
			test_same_compressed();
		if (disks[5].there)
			test_refused();
		disks_close();
	}
	return tap_done();
}
