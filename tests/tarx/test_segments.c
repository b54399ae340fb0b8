/* The data of files with holes: found, rounded, kept within bounds, and written as a map. */
#include "tarx/adder.h"
#include "tarx/reader.h"
#include "tarx/segments.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KIB(n) ((off_t)(n) << 10)

/* A file in memory of SIZE bytes, in pages of 4 KiB, with data where TEXT has an "x" (a page each). */
static int make_file(const char *text, off_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	bool made = ftruncate(fd, size) == 0;

	for (off_t at = 0; made && *text; text++, at += KIB(4))
		made = *text != 'x' || pwrite(fd, "data", 4, at) == 4;
	if (!made)
		exit(99);
	return fd;
}

/* "0+4 8+12", in KiB. */
static const char *show(const struct tarx_segments *segments, char text[512])
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < segments->count && n < 480; i++)
		n += (size_t)sprintf(text + n, "%s%jd+%jd", i ? " " : "",
				     (intmax_t)segments->list[i].off >> 10,
				     (intmax_t)segments->list[i].len >> 10);
	return text;
}

/* ------------------------------------------------------------------ finding */

static const struct {
	const char *name, *file;
	off_t size;
	uint32_t grain;
	size_t most;
	bool read;
	int found;
	const char *want;
} files[] = {
	{ "data only", "xxxx", KIB(16), 4096, 64, false, 0, "0+16" },
	{ "a hole only", "", KIB(16), 4096, 64, false, 1, "" },
	{ "a hole at the start", "..xx", KIB(16), 4096, 64, false, 1, "8+8" },
	{ "a hole at the end", "xx..", KIB(16), 4096, 64, false, 1, "0+8" },
	{ "holes in between", "x.x..x", KIB(24), 4096, 64, false, 1, "0+4 8+4 20+4" },
	{ "an end within a block", "x..x", KIB(13), 4096, 64, false, 1, "0+4 12+1" },
	{ "rounded out", "..x.......x.", KIB(48), 16384, 64, false, 1, "0+16 32+16" },
	{ "rounded out and joined", "...xx.......", KIB(48), 16384, 64, false, 1, "0+32" },
	{ "rounded out to all there is", "...xx..", KIB(28), 16384, 64, false, 0, "0+28" },
	{ "rounded no farther than the end", ".....x", KIB(23), 65536, 64, false, 0, "0+23" },
	{ "no more than fit", "x.x.x...........x.x.x.", KIB(88), 4096, 5, false, 1, "0+20 64+20" },
	{ "the shortest holes go first", "x.x...x.x...x.x...x", KIB(76), 4096, 6, false, 1,
	  "0+12 24+12 48+12 72+4" },
	{ "blocks of zeros are data", "x0x", KIB(12), 4096, 64, false, 0, "0+12" },
	{ "read: blocks of zeros are holes", "x0x", KIB(12), 4096, 64, true, 1, "0+4 8+4" },
	{ "read: what is a hole is one", "x.x..", KIB(20), 4096, 64, true, 1, "0+4 8+4" },
	{ "read: no shorter holes than a page", "x0x", KIB(12), 512, 64, true, 1, "0+4 8+4" },
	{ "read: an end within a block", "0x", KIB(5), 4096, 64, true, 1, "4+1" },
};

static void zeros_where_asked(int fd, const char *text)
{
	static const char zeros[4096];

	for (off_t at = 0; *text; text++, at += KIB(4))
		if (*text == '0' && pwrite(fd, zeros, sizeof(zeros), at) != sizeof(zeros))
			exit(99);
}

static void test_finding(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct tarx_segments segments = { .most = files[i].most };
		int fd = make_file(files[i].file, files[i].size), r;
		struct tx_err err;
		char text[512];

		zeros_where_asked(fd, files[i].file);
		r = tarx_segments_find(&segments, fd, files[i].size, files[i].grain, files[i].read,
				       &err);
		tap_number(r, files[i].found, "%s: whether there are holes", files[i].name);
		tap_string(show(&segments, text), files[i].want, "%s: the data", files[i].name);
		tarx_segments_release(&segments);
		close(fd);
	}
}

static void test_failing(void)
{
	struct tarx_segments segments = { .most = 64 };
	struct tx_err err;
	int pipes[2];

	if (pipe(pipes) < 0)
		exit(99);
	tap_number(tarx_segments_find(&segments, pipes[0], 4096, 4096, false, &err), -ESPIPE,
		   "what cannot be asked is an error");
	tarx_segments_release(&segments);
	close(pipes[0]);
	close(pipes[1]);
}

/* ------------------------------------------------------------------ the map */

static void test_map(void)
{
	static const struct tarx_segment list[] = { { 0, 512, 0 }, { 4096, 100, 512 } };
	struct tarx_item item = { .segments = list, .segment_count = 2, .size = 4196 };
	char text[256];
	size_t at = 0, n = tarx_segments_map(&item, &at, text, sizeof(text) - 1);

	text[n] = '\0';
	tap_string(text, "2\n0\n512\n4096\n100\n", "a map");
	tap_number((long long)tarx_segments_map_size(&item), (long long)n, "a map: its length");
	tap_number((long long)tarx_segments_data(&item), 612, "a map: the data");
	tap_number((long long)tarx_segments_map(&item, &at, text, sizeof(text)), 0,
		   "a map: its end");

	item.size = 8192;
	at = 0;
	n = tarx_segments_map(&item, &at, text, sizeof(text) - 1);
	text[n] = '\0';
	tap_string(text, "3\n0\n512\n4096\n100\n8192\n0\n", "a map that ends in a hole");
	tap_number((long long)tarx_segments_map_size(&item), (long long)n,
		   "a map that ends in a hole: its length");
}

static void test_pieces(void)
{
	struct tarx_segment *list = calloc(1000, sizeof(*list));
	struct tarx_item item = { .segments = list, .segment_count = 1000, .size = INT64_MAX };
	size_t at = 0, n, total = 0, most = 0;
	char text[100];

	for (int i = 0; list && i < 1000; i++)
		list[i] = (struct tarx_segment){ INT64_MAX - 4000 + i * 2, 1, 0 };
	while ((n = tarx_segments_map(&item, &at, text, sizeof(text))) > 0) {
		total += n;
		most = n > most ? n : most;
	}
	tap_number((long long)total, (long long)tarx_segments_map_size(&item),
		   "a map in pieces has the length that was said");
	tap_ok(most <= sizeof(text), "no piece is larger than its room");
	free(list);
}

/* ------------------------------------------------------------------ a source that is not as it was */

static int add_member(const char *archive, const struct tarx_item *item, struct tarx_report *report)
{
	struct tarx_opts opts = {
		.mode = TARX_CREATE, .archive = archive, .align = 4096, .align_min = -1
	};
	struct tarx_adder adder;
	struct tx_err err;
	int r;

	tarx_report_open(report, &opts);
	r = tarx_adder_open(&adder, report, &err);
	if (r == 0)
		r = tarx_adder_add(&adder, item, &err);
	if (r >= 0)
		r = tarx_adder_finish(&adder, &err);
	tarx_adder_release(&adder);
	return r;
}

/* Bytes of the member's content that are not zero, -1: it cannot be read. */
static long long read_member(const char *archive, off_t *size)
{
	struct tarx_reader reader;
	struct tarx_item item;
	struct tx_err err;
	const void *bytes;
	long long count = 0;
	size_t len;
	off_t off;
	int r = tarx_reader_open(&reader, archive, &err);

	if (r == 0)
		r = tarx_reader_next(&reader, &item, &err);
	*size = r > 0 ? item.size : -1;
	while (r > 0 && (r = tarx_reader_block(&reader, &bytes, &len, &off, &err)) > 0)
		for (size_t i = 0; i < len; i++)
			count += ((const char *)bytes)[i] != 0;
	if (r == 0 && tarx_reader_next(&reader, &item, &err) != 0)
		r = -1;
	tarx_reader_release(&reader);
	return r < 0 ? -1 : count;
}

static void test_shrunk(void)
{
	static const struct tarx_segment list[] = { { 0, 4096, 0 },
						    { 8192, 8192, 8192 },
						    { 20480, 4096, 20480 } };
	char archive[] = "/tmp/tarx-segments.XXXXXX";
	int fd = make_file("x.xx.x", KIB(12)), named = mkstemp(archive);
	struct tarx_item item = { .path = "shrunk",
				  .mode = S_IFREG | 0644,
				  .size = KIB(24),
				  .segments = list,
				  .segment_count = 3,
				  .data = { .fd = fd, .len = KIB(24) } };
	struct tarx_report report;
	off_t size;

	close(named);
	/* What make_file() wrote behind its end is cut off again. */
	if (ftruncate(fd, KIB(12)) < 0)
		exit(99);
	tap_number(add_member(archive, &item, &report), 0, "a file that shrank is stored");
	tap_number((long long)report.warnings, 1, "a file that shrank is warned of, once");
	tap_number(read_member(archive, &size), 8,
		   "its archive is whole, zeros stand for the rest");
	tap_number(size, KIB(24), "the file has the size that it had");
	unlink(archive);
	close(fd);
}

int main(void)
{
	test_finding();
	test_failing();
	test_map();
	test_pieces();
	test_shrunk();
	return tap_done();
}
