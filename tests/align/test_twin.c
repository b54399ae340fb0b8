#include "align/cleanup.h"
#include "align/extent.h"
#include "align/twin.h"
#include "tests/align/disks.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define M ((off_t)1 << 20)

/* What was counted of a comparison, in one number each. */
struct outcome {
	struct align_tally tally;
	bool same;
};

static struct outcome compare(int a, off_t off, off_t len, int b)
{
	const struct align_span span = { .fd = a, .off = off, .len = len };
	struct outcome out = { 0 };
	struct tx_err err;

	if (align_twin_compare(&span, b, 0, &out.tally, &out.same, &err) < 0)
		tap_ok(false, "two files are compared: %s", err.text);
	return out;
}

/* Byte AT of FD becomes another one, which stays in memory. */
static void poke(int fd, off_t at)
{
	char c;

	must(pread(fd, &c, 1, at) == 1, "read");
	c ^= 1;
	must(pwrite(fd, &c, 1, at) == 1, "write");
}

static void copy(int a, int b)
{
	TX_FREE char *bytes = malloc((size_t)(4 * M));

	must(bytes && pread(a, bytes, (size_t)(4 * M), M) == 4 * M &&
		     pwrite(b, bytes, (size_t)(4 * M), 0) == 4 * M,
	     "copy");
}

/* 4M at 1M of A, and B, which is a clone of them where the disk can clone. */
static void make(const struct disk *disk, int *a, int *b)
{
	struct file_clone_range range = { .src_offset = (uint64_t)M, .src_length = 4 * M };

	*a = disk_file(disk->name, "a");
	*b = disk_file(disk->name, "b");
	disk_fill(*a, M, 4 * M, 1);
	must(fsync(*a) == 0, "sync");
	range.src_fd = *a;
	if (!disk->clones || ioctl(*b, FICLONERANGE, &range) < 0)
		copy(*a, *b);
	must(fsync(*b) == 0, "sync");
}

static void test_clones(const struct disk *disk)
{
	TX_FD a = -1;
	TX_FD b = -1;
	struct outcome out;

	make(disk, &a, &b);
	out = compare(a, M, 4 * M, b);
	tap_ok(out.same, "%s: what is the same is the same", disk->name);
	tap_number((long long)out.tally.cloned, disk->clones ? 4 * M : 0,
		   "%s: what is cloned is proved", disk->name);
	tap_number((long long)out.tally.copied, disk->clones ? 0 : 4 * M, "%s: the rest is read",
		   disk->name);
	out = compare(a, M + 4096, 3 * M, b);
	tap_ok(!out.same && out.tally.cloned == 0, "%s: elsewhere in the same extent it is not",
	       disk->name);
	poke(b, 3 * M + 5);
	tap_ok(!compare(a, M, 4 * M, b).same, "%s: nor with another byte in memory", disk->name);
	must(fsync(b) == 0, "sync");
	out = compare(a, M, 4 * M, b);
	tap_ok(!out.same, "%s: nor with another byte on the disk", disk->name);
	poke(b, 3 * M + 5);
	out = compare(a, M, 4 * M, b);
	tap_ok(out.same && out.tally.copied > 0,
	       "%s: the same byte elsewhere is read and is the same", disk->name);
	out = compare(a, M, 4 * M + 1, b);
	tap_ok(!out.same, "%s: a file that ends early is not", disk->name);
}

static void test_holes(const struct disk *disk)
{
	TX_FD a = disk_file(disk->name, "holes-a");
	TX_FD b = disk_file(disk->name, "holes-b");
	struct align_tally tally = { 0 };
	struct outcome out;
	struct tx_err err;
	bool same;

	must(ftruncate(a, 8 * M) == 0 && ftruncate(b, 8 * M) == 0, "make holes");
	out = compare(a, 0, 8 * M, b);
	tap_ok(out.same && out.tally.cloned == 0, "%s: holes are the same", disk->name);
	must(pwrite(b, "", 1, 5 * M) == 1, "write a zero");
	tap_ok(compare(a, 0, 8 * M, b).same, "%s: a zero is the same as a hole", disk->name);
	tap_ok(align_twin_compare_hole(b, 0, 8 * M, &tally, &same, &err) == 0 && same,
	       "%s: all that is zero is a hole", disk->name);
	must(pwrite(b, "x", 1, 5 * M + 1) == 1, "write");
	tap_ok(!compare(a, 0, 8 * M, b).same, "%s: another byte is not", disk->name);
	tap_ok(align_twin_compare_hole(b, 0, 8 * M, &tally, &same, &err) == 0 && !same,
	       "%s: nor is it a hole", disk->name);
	tap_ok(align_twin_compare_bytes("\0x", 2, b, 5 * M, &tally, &same, &err) == 0 && same,
	       "%s: bytes in memory are found", disk->name);
	tap_ok(align_twin_compare_bytes("x", 1, b, 8 * M, &tally, &same, &err) == 0 && !same,
	       "%s: but not behind the end", disk->name);
}

/* Many extents: more than FIEMAP tells at a time. */
static void test_many(const struct disk *disk)
{
	const off_t blocks = 700, step = 2 * (off_t)disk->block;
	struct file_clone_range range = { .src_length = (uint64_t)(blocks * step) };
	TX_FD a = disk_file(disk->name, "many-a");
	TX_FD b = disk_file(disk->name, "many-b");
	struct outcome out;

	/* Its length first, or XFS preallocates in the holes. */
	must(ftruncate(a, blocks * step) == 0, "make");
	for (off_t i = 0; i < blocks; i++)
		disk_fill(a, i * step, disk->block, (unsigned int)i);
	must(fsync(a) == 0, "sync");
	range.src_fd = a;
	must(ioctl(b, FICLONERANGE, &range) == 0, "clone");
	out = compare(a, 0, blocks * step, b);
	tap_ok(out.same, "%s: 700 extents are the same", disk->name);
	tap_number((long long)out.tally.copied, 0, "%s: of 700 extents none is read", disk->name);
	tap_number((long long)out.tally.cloned, (long long)(blocks * disk->block),
		   "%s: each of 700 extents is proved", disk->name);
	poke(b, 650 * step + 1);
	tap_ok(!compare(a, 0, blocks * step, b).same, "%s: another byte in the 650th is found",
	       disk->name);
}

int main(void)
{
	if (!disks_open("two files are compared by their extents"))
		return tap_done();
	for (size_t i = 0; i < DISKS; i++) {
		if (!disks[i].there) {
			tap_skip("two files are compared", disks[i].name);
			continue;
		}
		test_clones(&disks[i]);
		test_holes(&disks[i]);
		if (disks[i].clones && disks[i].block == 4096)
			test_many(&disks[i]);
	}
	disks_close();
	return tap_done();
}
