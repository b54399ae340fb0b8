#include "align/block.h"
#include "align/cleanup.h"
#include "align/span.h"
#include "tests/align/disks.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MIB ((off_t)1 << 20)

/* One move, and how it ended. */
struct trial {
	int src, dst;
	off_t off, len, at;
	enum align_reflink reflink;
	uint32_t block;
	bool round_tail, holes;

	int r;
	struct align_moved moved;
	struct align_tally tally;
	struct tx_err err;
};

static void move(struct trial *t)
{
	struct align_mover mover = {
		.reflink = t->reflink,
		.block = t->block,
		.round_tail = t->round_tail,
		.tally = &t->tally,
	};
	struct align_span span = { .fd = t->src, .off = t->off, .len = t->len, .holes = t->holes };

	t->tally = (struct align_tally){ 0 };
	t->err = (struct tx_err){ 0 };
	t->r = align_span_move(&mover, &span, t->dst, t->at, &t->moved, &t->err);
	align_mover_release(&mover);
}

static uint64_t sum(const struct align_tally *t)
{
	return t->cloned + t->copied + t->hole;
}

static uint64_t refusals(const struct align_tally *t)
{
	return t->exdev + t->notsup + t->inval + t->other;
}

static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static void show(const struct trial *t, const char *why)
{
	printf("# %s: %jd bytes from %jd to %jd: returned %d (%s), moved %jd, cloned %" PRIu64
	       ", copied %" PRIu64 ", hole %" PRIu64 "\n",
	       why, (intmax_t)t->len, (intmax_t)t->off, (intmax_t)t->at, t->r, t->err.text,
	       (intmax_t)t->moved.bytes, t->tally.cloned, t->tally.copied, t->tally.hole);
}

/* ------------------------------------------------------------------ all sizes and offsets */

static const off_t sizes[] = { 0,    1,     511,   512,   4095,   4096,
			       4097, 65535, 65536, 65537, 131072, 3 * MIB + 12345 };

/* What must be shared: all whole blocks, where both sides lie on blocks. */
static off_t sharable(const struct disk *disk, const struct trial *t)
{
	uint32_t b = disk->block;

	if (!disk->clones || t->reflink == ALIGN_REFLINK_NEVER || t->off % b || t->at % b)
		return 0;
	return (off_t)align_down((uint64_t)t->len, b);
}

static const char *fault(const struct disk *disk, const struct trial *t)
{
	off_t shared = sharable(disk, t);
	off_t on_blocks = t->reflink != ALIGN_REFLINK_NEVER && t->off % disk->block == 0 &&
			  t->at % disk->block == 0 && t->len >= (off_t)disk->block;

	if (t->r != 0)
		return "fails";
	if (t->moved.bytes != t->len)
		return "not all moved";
	if (sum(&t->tally) != (uint64_t)t->len)
		return "the tally is not the length";
	if (t->tally.cloned != (uint64_t)shared)
		return "not all that can be shared was";
	if (refusals(&t->tally) != (on_blocks && !disk->clones ? 1u : 0u))
		return "refusals are wrong";
	if (t->len && size_of(t->dst) != t->at + t->len)
		return "the target's size is wrong";
	if (!disk_holds(t->dst, t->at, t->len, t->off, 1))
		return "other bytes";
	if (t->len && t->at && !disk_is_zero(t->dst, 0, t->at < 4096 ? t->at : 4096))
		return "bytes before the target";
	if (shared && disk_shared(t->dst, t->at, shared) != shared)
		return "the kernel knows of nothing shared";
	return NULL;
}

static void test_table(const struct disk *disk, enum align_reflink reflink, const char *promise)
{
	off_t offs[] = { 0, 512, disk->block, disk->block + 1, 3 * (off_t)disk->block };
	TX_FD src = disk_file(disk->name, "src");
	int tried = 0, wrong = 0;

	disk_fill(src, 0, 4 * MIB, 1);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		for (size_t i = 0; i < 25; i++) {
			struct trial t = { .src = src,
					   .dst = disk_file(disk->name, "dst"),
					   .off = offs[i / 5],
					   .at = offs[i % 5],
					   .len = sizes[s],
					   .reflink = reflink,
					   .block = disk->block };
			const char *why;

			move(&t);
			why = fault(disk, &t);
			if (why)
				show(&t, why);
			wrong += why != NULL;
			tried++;
			close(t.dst);
		}
	}
	tap_ok(wrong == 0, "%s: %s, in %d moves", disk->name, promise, tried);
}

/* ------------------------------------------------------------------ never, always */

static void test_never(const struct disk *disk)
{
	struct trial t = { .src = disk_file(disk->name, "src"),
			   .dst = disk_file(disk->name, "dst"),
			   .len = 2 * MIB,
			   .reflink = ALIGN_REFLINK_NEVER,
			   .block = disk->block,
			   .round_tail = true };

	disk_fill(t.src, 0, 2 * MIB, 1);
	move(&t);
	tap_ok(t.r == 0 && t.tally.copied == 2 * (uint64_t)MIB && !t.moved.refused &&
		       refusals(&t.tally) == 0,
	       "%s: never: all bytes are copied, and nothing was refused", disk->name);
	tap_number(disk_shared(t.src, 0, 0), 0, "%s: never: nothing is shared behind our back",
		   disk->name);
	close(t.src);
	close(t.dst);
}

static void test_always(const struct disk *disk)
{
	struct trial t = { .src = disk_file(disk->name, "src"),
			   .dst = disk_file(disk->name, "dst"),
			   .len = MIB + 100,
			   .reflink = ALIGN_REFLINK_ALWAYS,
			   .block = disk->block };

	disk_fill(t.src, 0, MIB + 100, 1);
	move(&t);
	if (disk->clones) {
		tap_ok(t.r == 0 && t.tally.cloned == (uint64_t)MIB && t.tally.copied == 100,
		       "%s: always: what lies on blocks is shared, the rest copied", disk->name);
	} else {
		tap_number(t.r, -EOPNOTSUPP, "%s: always: is an error", disk->name);
		tap_ok(t.moved.refused && t.tally.notsup == 1 && !t.moved.source_failed,
		       "%s: always: which is a refusal, and counted", disk->name);
		tap_ok(strstr(t.err.text, "no reflinks") != NULL,
		       "%s: always: whose message says why: %s", disk->name, t.err.text);
	}
	close(t.src);
	close(t.dst);
}

static void test_always_off_blocks(const struct disk *disk)
{
	struct trial t = { .src = disk_file(disk->name, "src"),
			   .dst = disk_file(disk->name, "dst"),
			   .len = MIB,
			   .off = 512,
			   .reflink = ALIGN_REFLINK_ALWAYS,
			   .block = disk->block };

	disk_fill(t.src, 0, 2 * MIB, 1);
	move(&t);
	tap_ok(t.r == 0 && t.tally.copied == (uint64_t)MIB && !t.moved.refused,
	       "%s: always: what lies on no block is copied all the same", disk->name);
	close(t.src);
	close(t.dst);
}

/* ------------------------------------------------------------------ refusals */

/* A clone that is refused: under auto the bytes are copied and COUNT of the tally says 1, under always
 * it is ERRNUM, with WORD in its message. */
struct refusal {
	const char *promise;
	size_t count; /* the place in the tally */
	int errnum;
	const char *word;
};

static uint64_t counted(const struct trial *t, size_t place)
{
	uint64_t n;

	memcpy(&n, (const char *)&t->tally + place, sizeof(n));
	return n;
}

static void test_refusal(const struct refusal *refusal, int src, int dst, uint32_t block)
{
	struct trial t = { .src = src, .dst = dst, .off = block, .len = 2 * block, .block = block };

	disk_fill(src, 0, MIB, 1);
	move(&t);
	if (!tap_ok(t.r == 0 && t.tally.copied == (uint64_t)t.len &&
			    disk_holds(dst, 0, t.len, t.off, 1),
		    "%s: the bytes are copied instead", refusal->promise))
		show(&t, "auto");
	tap_ok(t.moved.refused && counted(&t, refusal->count) == 1 && refusals(&t.tally) == 1,
	       "%s: it is counted under its name", refusal->promise);
	must(ftruncate(dst, 0) == 0, "truncate");
	t.reflink = ALIGN_REFLINK_ALWAYS;
	move(&t);
	tap_number(t.r, -refusal->errnum, "%s: under always it is an error", refusal->promise);
	if (!tap_ok(strstr(t.err.text, refusal->word) && t.err.code == refusal->errnum,
		    "%s: whose message says why", refusal->promise))
		show(&t, "always");
	close(src);
	close(dst);
}

static void set_nocow(int fd)
{
	int flags = FS_NOCOW_FL;

	must(ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0, "chattr +C");
}

static int append_only(const char *disk)
{
	int fd = disk_file(disk, "dst");

	must(fcntl(fd, F_SETFL, O_APPEND) == 0, "O_APPEND");
	return fd;
}

#define PLACE(counter) offsetof(struct align_tally, counter)

static void test_refusals(void)
{
	static const struct refusal across = { "between two file systems", PLACE(exdev), EXDEV,
					       "not on the same file system" };
	static const struct refusal nocow = { "btrfs: one side is +C", PLACE(inval), EINVAL,
					      "chattr +C" };
	static const struct refusal append = { "a target that only appends", PLACE(other), EBADF,
					       "cannot share" };
	static const struct refusal unfit = { "blocks smaller than the file system's", PLACE(inval),
					      EINVAL, "cannot share" };
	int fd;

	test_refusal(&across, disk_file("btrfs", "src"), disk_file("xfs", "dst"), 4096);
	fd = disk_file("btrfs", "dst");
	set_nocow(fd);
	test_refusal(&nocow, disk_file("btrfs", "src"), fd, 4096);
	test_refusal(&append, disk_file("xfs", "src"), append_only("xfs"), 4096);
	if (disks[2].there)
		test_refusal(&unfit, disk_file("xfs64k", "src"), disk_file("xfs64k", "dst"), 4096);
}

static void test_both_nocow(void)
{
	struct trial t = { .src = disk_file("btrfs", "src"),
			   .dst = disk_file("btrfs", "dst"),
			   .len = MIB,
			   .block = 4096 };

	set_nocow(t.src);
	set_nocow(t.dst);
	disk_fill(t.src, 0, MIB, 1);
	move(&t);
	tap_number((long long)t.tally.cloned, MIB, "btrfs: two files with +C share");
	close(t.src);
	close(t.dst);
}

static void test_no_block(void)
{
	struct trial t = { .src = disk_file("xfs", "src"),
			   .dst = disk_file("xfs", "dst"),
			   .len = 50000 };

	disk_fill(t.src, 0, t.len, 1);
	move(&t);
	tap_ok(t.r == 0 && t.tally.copied == 50000 && refusals(&t.tally) == 0,
	       "without a block size no clone is tried");
	close(t.src);
	close(t.dst);
}

/* ------------------------------------------------------------------ sources that end early */

static void test_short(const struct disk *disk, enum align_reflink reflink, off_t size, bool holes,
		       const char *promise)
{
	struct trial t = { .src = disk_file(disk->name, "src"),
			   .dst = disk_file(disk->name, "dst"),
			   .len = size + 3 * (off_t)disk->block + 17,
			   .reflink = reflink,
			   .holes = holes,
			   .round_tail = true,
			   .block = disk->block };

	disk_fill(t.src, 0, size, 1);
	move(&t);
	if (!tap_ok(t.r == 0 && t.moved.bytes == size && sum(&t.tally) == (uint64_t)size &&
			    refusals(&t.tally) == 0 && disk_holds(t.dst, 0, size, 0, 1),
		    "%s: a source of %jd bytes ends %s early, and no error", disk->name,
		    (intmax_t)size, promise))
		show(&t, "short");
	close(t.src);
	close(t.dst);
}

static void test_all_short(const struct disk *disk)
{
	off_t two = 2 * (off_t)disk->block;

	for (int holes = 0; holes < 2; holes++) {
		const char *how = holes ? "with a look for holes" : "without a look for holes";

		if (!disk->clones) {
			test_short(disk, ALIGN_REFLINK_NEVER, two + 50, holes, how);
			continue;
		}
		test_short(disk, ALIGN_REFLINK_AUTO, 0, holes, how);
		test_short(disk, ALIGN_REFLINK_AUTO, two, holes, how);
		test_short(disk, ALIGN_REFLINK_AUTO, two + 50, holes, how);
		test_short(disk, ALIGN_REFLINK_AUTO, 2 * MIB + 50, holes, how);
		test_short(disk, ALIGN_REFLINK_NEVER, 2 * MIB + 50, holes, how);
	}
}

static void test_short_in_hole(void)
{
	struct trial t = { .src = disk_file("xfs", "src"),
			   .dst = disk_file("xfs", "dst"),
			   .len = 3 * MIB,
			   .reflink = ALIGN_REFLINK_NEVER,
			   .holes = true,
			   .block = 4096 };

	disk_fill(t.src, 0, MIB, 1);
	must(ftruncate(t.src, 2 * MIB) == 0, "truncate");
	move(&t);
	if (!tap_ok(t.r == 0 && t.moved.bytes == 2 * MIB && t.tally.hole == (uint64_t)MIB,
		    "a source that ends early in a hole ends where the hole does"))
		show(&t, "hole");
	tap_ok(t.moved.ends_in_hole || size_of(t.dst) == 2 * MIB,
	       "and that its end is a hole is told");
	close(t.src);
	close(t.dst);
}

/* ------------------------------------------------------------------ holes */

static long long used(int fd)
{
	struct stat st;

	must(fsync(fd) == 0 && fstat(fd, &st) == 0, "stat");
	return (long long)st.st_blocks * 512;
}

/* Data [0, 128K) and [1M, 1M + 128K), the rest up to 2M a hole. */
static int make_sparse(const struct disk *disk)
{
	int fd = disk_file(disk->name, "src");

	disk_fill(fd, 0, 131072, 1);
	disk_fill(fd, MIB, 131072, 1);
	must(ftruncate(fd, 2 * MIB) == 0 && fsync(fd) == 0, "truncate");
	return fd;
}

static bool sparse_is_right(int fd)
{
	return disk_holds(fd, 0, 131072, 0, 1) && disk_is_zero(fd, 131072, 100) &&
	       disk_is_zero(fd, MIB - 100, 100) && disk_holds(fd, MIB, 131072, MIB, 1) &&
	       disk_is_zero(fd, 2 * MIB - 100, 100);
}

static void test_holes(const struct disk *disk, enum align_reflink reflink, const char *how)
{
	bool clones = disk->clones && reflink == ALIGN_REFLINK_AUTO;
	struct trial t = { .src = make_sparse(disk),
			   .dst = disk_file(disk->name, "dst"),
			   .len = 2 * MIB,
			   .reflink = reflink,
			   .holes = true,
			   .block = disk->block };

	move(&t);
	tap_number((long long)t.tally.hole, 2 * MIB - 262144, "%s, %s: holes are counted",
		   disk->name, how);
	tap_number((long long)(clones ? t.tally.cloned : t.tally.copied), 262144,
		   "%s, %s: and so is the data", disk->name, how);
	tap_ok(t.r == 0 && t.moved.bytes == 2 * MIB, "%s, %s: all is moved", disk->name, how);
	tap_ok(t.moved.ends_in_hole || size_of(t.dst) == 2 * MIB,
	       "%s, %s: that the end is a hole is told", disk->name, how);
	must(ftruncate(t.dst, 2 * MIB) == 0, "truncate");
	tap_ok(sparse_is_right(t.dst), "%s, %s: the bytes are the same", disk->name, how);
	tap_ok(used(t.dst) < 700000, "%s, %s: holes stay holes: %lld bytes used", disk->name, how,
	       used(t.dst));
	close(t.dst);
	t.dst = disk_file(disk->name, "dst");
	t.len = MIB + 131072;
	move(&t);
	tap_ok(t.r == 0 && !t.moved.ends_in_hole && size_of(t.dst) == t.len,
	       "%s, %s: an end in data is told as well", disk->name, how);
	close(t.dst);
	close(t.src);
}

static void test_holes_off_blocks(void)
{
	struct trial t = { .src = make_sparse(&disks[1]),
			   .dst = disk_file("xfs", "dst"),
			   .off = 100,
			   .len = 2 * MIB - 200,
			   .at = 512,
			   .holes = true,
			   .block = 4096 };

	move(&t);
	tap_ok(t.r == 0 && sum(&t.tally) == (uint64_t)t.len && t.tally.copied == 262144 - 100 &&
		       disk_holds(t.dst, 512, 131072 - 100, 100, 1) &&
		       disk_holds(t.dst, 512 + MIB - 100, 131072, MIB, 1),
	       "holes stay holes where nothing lies on a block");
	close(t.src);
	close(t.dst);
}

static void test_holes_not_asked(void)
{
	struct trial t = { .src = make_sparse(&disks[1]),
			   .dst = disk_file("xfs", "dst"),
			   .len = 2 * MIB,
			   .reflink = ALIGN_REFLINK_NEVER };

	move(&t);
	tap_ok(t.r == 0 && t.tally.copied == 2 * (uint64_t)MIB && sparse_is_right(t.dst),
	       "where nobody asks for holes all is data");
	close(t.src);
	close(t.dst);
}

/* ------------------------------------------------------------------ the tail */

/* A member in the middle of an archive: foreign bytes behind it, up to the block and further. */
static void test_tail(const struct disk *disk, off_t len, off_t at)
{
	struct trial t = { .src = disk_file(disk->name, "src"),
			   .dst = disk_file(disk->name, "dst"),
			   .off = disk->block,
			   .len = len,
			   .at = at,
			   .round_tail = true,
			   .block = disk->block };
	off_t end = at + len, grown = end + 2 * (off_t)disk->block;

	disk_fill(t.src, 0, len + 3 * (off_t)disk->block, 1);
	must(fsync(t.src) == 0, "fsync");
	move(&t);
	tap_ok(t.r == 0 && t.tally.cloned == (uint64_t)len && t.moved.bytes == len,
	       "%s: a tail of %jd bytes is cloned too", disk->name, (intmax_t)(len % disk->block));
	tap_number(size_of(t.dst), end, "%s: the size is exact", disk->name);
	must(fsync(t.dst) == 0 && ftruncate(t.dst, grown) == 0, "grow");
	posix_fadvise(t.dst, 0, 0, POSIX_FADV_DONTNEED);
	tap_ok(disk_holds(t.dst, at, len, t.off, 1) && disk_is_zero(t.dst, end, grown - end),
	       "%s: no foreign byte is behind the end, even when the file grows", disk->name);
	tap_ok(disk_holds(t.src, 0, len + 3 * (off_t)disk->block, 0, 1),
	       "%s: and the source is as it was", disk->name);
	close(t.src);
	close(t.dst);
}

static void test_tail_at_end(const struct disk *disk)
{
	off_t len = 2 * (off_t)disk->block + 100;
	struct trial t = { .src = disk_file(disk->name, "src"),
			   .dst = disk_file(disk->name, "dst"),
			   .len = len,
			   .round_tail = true,
			   .block = disk->block };

	disk_fill(t.src, 0, len + 10, 1);
	move(&t);
	tap_ok(t.r == 0 && t.tally.cloned == 2 * (uint64_t)disk->block && t.tally.copied == 100 &&
		       size_of(t.dst) == len && refusals(&t.tally) == 0,
	       "%s: a tail whose block the source has only in part is copied", disk->name);
	close(t.src);
	close(t.dst);
}

/* Where the caller knows the file's size it is believed. */
static void test_tail_of_known_end(void)
{
	struct align_tally tally = { 0 };
	struct align_mover mover = { .block = 4096, .round_tail = true, .tally = &tally };
	TX_FD src = disk_file("btrfs", "src"), dst = disk_file("btrfs", "dst");
	struct align_span span = { .fd = src, .len = 5000, .end = 8192 };
	struct align_moved moved;
	struct tx_err err;

	disk_fill(src, 0, 8192, 1);
	tap_ok(align_span_move(&mover, &span, dst, 0, &moved, &err) == 0 && tally.cloned == 5000 &&
		       size_of(dst) == 5000,
	       "a tail is cloned where the file is known to have its block");
	tally = (struct align_tally){ 0 };
	span.end = 8191;
	tap_ok(align_span_move(&mover, &span, dst, 8192, &moved, &err) == 0 &&
		       tally.cloned == 4096 && tally.copied == 904,
	       "and copied where it is known not to");
	align_mover_release(&mover);
}

/* ------------------------------------------------------------------ failures */

static void test_source_fails(void)
{
	struct trial t = { .src = -1, .dst = disk_file("xfs", "dst"), .len = MIB, .block = 4096 };
	int both = disk_file("xfs", "src");

	disk_fill(both, 0, MIB, 1);
	close(both);
	t.src = open("xfs/src", O_WRONLY | O_CLOEXEC);
	must(t.src >= 0, "open");
	move(&t);
	tap_ok(t.r == -EBADF && t.moved.source_failed,
	       "a source that cannot be read is told apart");
	tap_ok(strstr(t.err.text, "read ") != NULL, "the message says what was tried: %s",
	       t.err.text);
	close(t.src);
	close(t.dst);
}

static void test_target_fails(void)
{
	struct trial t = { .src = disk_file("xfs", "src"), .dst = -1, .len = MIB, .block = 4096 };

	disk_fill(t.src, 0, MIB, 1);
	close(disk_file("xfs", "dst"));
	t.dst = open("xfs/dst", O_RDONLY | O_CLOEXEC);
	move(&t);
	tap_ok(t.r < 0 && !t.moved.source_failed,
	       "a target that cannot be written is not the source");
	tap_ok(strstr(t.err.text, "write ") != NULL, "the message says so: %s", t.err.text);
	close(t.src);
	close(t.dst);
}

static bool hits_limit(uint32_t block, enum align_reflink reflink)
{
	struct trial t = { .src = disk_file("xfs", "src"),
			   .dst = disk_file("xfs", "dst"),
			   .len = MIB,
			   .reflink = reflink,
			   .block = block };
	struct rlimit before, limit;

	disk_fill(t.src, 0, MIB, 1);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 200000;
	setrlimit(RLIMIT_FSIZE, &limit);
	move(&t);
	setrlimit(RLIMIT_FSIZE, &before);
	close(t.src);
	close(t.dst);
	return t.r == -EFBIG && !t.moved.source_failed;
}

static void test_limit(void)
{
	tap_ok(hits_limit(4096, ALIGN_REFLINK_AUTO),
	       "a target that may not grow is an error: cloning");
	tap_ok(hits_limit(0, ALIGN_REFLINK_AUTO), "the same when the kernel copies");
	tap_ok(hits_limit(0, ALIGN_REFLINK_NEVER), "the same when we copy");
}

static void test_tally_adds_up(void)
{
	struct align_tally tally = { 0 };
	struct align_mover mover = { .block = 4096, .tally = &tally };
	TX_FD src = disk_file("xfs", "src"), dst = disk_file("xfs", "dst");
	struct align_span span = { .fd = src, .len = 10000 };
	struct align_moved moved;
	struct tx_err err;

	disk_fill(src, 0, 10000, 1);
	for (int i = 0; i < 3; i++)
		align_span_move(&mover, &span, dst, i * 16384, &moved, &err);
	tap_ok(tally.cloned == 3 * 8192 && tally.copied == 3 * 1808,
	       "the tally adds up over moves");
	align_mover_release(&mover);
	tap_ok(mover.buf == NULL, "a released mover holds nothing");
}

static void test_disk(const struct disk *disk)
{
	test_table(disk, ALIGN_REFLINK_AUTO, "auto: bytes, tally and sharing are right");
	test_table(disk, ALIGN_REFLINK_NEVER, "never: bytes and tally are right");
	if (disk->clones || !strcmp(disk->name, "ext4"))
		test_never(disk);
	test_always(disk);
	test_always_off_blocks(disk);
	test_all_short(disk);
	test_holes(disk, ALIGN_REFLINK_AUTO, "auto");
	test_holes(disk, ALIGN_REFLINK_NEVER, "never");
	if (!disk->clones)
		return;
	test_tail(disk, 3 * (off_t)disk->block + 1, 0);
	test_tail(disk, 3 * (off_t)disk->block - 1, disk->block);
	test_tail(disk, 100, 0);
	test_tail_at_end(disk);
}

int main(void)
{
	if (disks_open("bytes are moved between files")) {
		for (int i = 0; i < DISKS; i++)
			if (disks[i].there)
				test_disk(&disks[i]);
		test_refusals();
		test_both_nocow();
		test_no_block();
		test_short_in_hole();
		test_holes_off_blocks();
		test_holes_not_asked();
		test_tail_of_known_end();
		test_source_fails();
		test_target_fails();
		test_limit();
		test_tally_adds_up();
		disks_close();
	}
	return tap_done();
}
