#include "tarx/segments.h"

#include "align/block.h"
#include "align/cleanup.h"
#include "align/extent.h"
#include "align/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_ROOM  (256u << 10)
#define READ_LEAST 4096u /* shorter runs of zeros are not worth a hole */

/* ------------------------------------------------------------------ the list */

static off_t end_of(const struct tarx_segment *segment)
{
	return segment->off + segment->len;
}

/* Fills the shortest holes until half of the list is free. */
static void thin(struct tarx_segments *segments)
{
	while (segments->count > segments->most / 2) {
		struct tarx_segment *list = segments->list;
		size_t kept = 0;

		segments->least *= 2;
		for (size_t i = 1; i < segments->count; i++) {
			if (list[i].off - end_of(&list[kept]) < segments->least)
				list[kept].len = end_of(&list[i]) - list[kept].off;
			else
				list[++kept] = list[i];
		}
		segments->count = kept + 1;
	}
}

static int make_room(struct tarx_segments *segments)
{
	size_t room = segments->room ? segments->room * 2 : 64;
	struct tarx_segment *list;

	if (segments->count < segments->room)
		return 0;
	list = realloc(segments->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	segments->list = list;
	segments->room = room;
	return 0;
}

/* There is data from START to END, which lies behind all there was so far. */
static int add(struct tarx_segments *segments, off_t start, off_t end)
{
	struct tarx_segment *last;
	int r;

	if (segments->count == segments->most)
		thin(segments);
	last = segments->count > 0 ? &segments->list[segments->count - 1] : NULL;
	if (last && start - end_of(last) < segments->least) {
		last->len = end - last->off;
		return 0;
	}
	r = make_room(segments);
	if (r == 0)
		segments->list[segments->count++] =
			(struct tarx_segment){ .off = start, .len = end - start, .at = start };
	return r;
}

static int add_rounded(struct tarx_segments *segments, const struct align_range *data, off_t size,
		       uint32_t grain)
{
	off_t start = (off_t)align_down((uint64_t)data->start, grain);
	off_t end = (off_t)align_up((uint64_t)data->end, grain);

	return add(segments, start, end < size ? end : size);
}

/* ------------------------------------------------------------------ finding data */

static int ask_for_data(struct tarx_segments *segments, int fd, off_t size, uint32_t grain,
			struct tx_err *err)
{
	struct align_range data;
	off_t at = 0;
	int r;

	while (at < size && (r = align_extent_data(fd, at, size, &data)) != 0) {
		if (r < 0)
			return tx_fail(err, -r, "look for data at %jd", (intmax_t)at);
		if (add_rounded(segments, &data, size, grain) < 0)
			return tx_fail(err, ENOMEM, "look for data");
		at = data.end;
	}
	return 0;
}

static bool is_zero(const char *bytes, size_t n)
{
	return bytes[0] == 0 && !memcmp(bytes, bytes + 1, n - 1);
}

static int add_nonzero(struct tarx_segments *segments, const char *bytes, size_t n, off_t off,
		       off_t size, uint32_t grain)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += grain) {
		struct align_range data = { off + (off_t)at, off + (off_t)at + 1 };
		size_t len = n - at < grain ? n - at : grain;

		if (!is_zero(bytes + at, len))
			r = add_rounded(segments, &data, size, grain);
	}
	return r;
}

static int read_for_data(struct tarx_segments *segments, int fd, off_t size, uint32_t grain,
			 struct tx_err *err)
{
	TX_FREE char *buf = malloc(READ_ROOM);
	struct align_range data;
	off_t at = 0;
	int r;

	if (!buf)
		return tx_fail(err, ENOMEM, "look for zeros");
	/* What is a hole already need not be read. */
	while (at < size && (r = align_extent_data(fd, at, size, &data)) != 0) {
		off_t want;
		ssize_t got;

		if (r < 0)
			return tx_fail(err, -r, "look for data at %jd", (intmax_t)at);
		at = (off_t)align_down((uint64_t)data.start, grain);
		want = size - at < READ_ROOM ? size - at : READ_ROOM;
		got = tx_read_at(fd, buf, (size_t)want, at);
		if (got < 0)
			return tx_fail(err, (int)-got, "read at %jd", (intmax_t)at);
		if (got == 0)
			return 0;
		if (add_nonzero(segments, buf, (size_t)got, at, size, grain) < 0)
			return tx_fail(err, ENOMEM, "look for zeros");
		at += got;
	}
	return 0;
}

int tarx_segments_find(struct tarx_segments *segments, int fd, off_t size, uint32_t grain,
		       bool read, struct tx_err *err)
{
	int r;

	if (read && grain < READ_LEAST)
		grain = READ_LEAST;
	segments->count = 0;
	segments->least = 1;
	r = read ? read_for_data(segments, fd, size, grain, err)
		 : ask_for_data(segments, fd, size, grain, err);
	if (r < 0)
		return r;
	if (!segments->list && make_room(segments) < 0)
		return tx_fail(err, ENOMEM, "look for data");
	return segments->count != 1 || segments->list[0].len < size;
}

int tarx_segments_round(struct tarx_segments *segments, const struct tarx_item *item,
			uint32_t grain)
{
	int r = 0;

	segments->count = 0;
	segments->least = 1;
	for (size_t i = 0; r == 0 && i < item->segment_count; i++) {
		struct align_range data = { item->segments[i].off, end_of(&item->segments[i]) };

		r = add_rounded(segments, &data, item->size, grain);
	}
	return r == 0 && !segments->list ? make_room(segments) : r;
}

void tarx_segments_release(struct tarx_segments *segments)
{
	free(segments->list);
	segments->list = NULL;
	segments->count = segments->room = 0;
}

/* ------------------------------------------------------------------ the map */

uint64_t tarx_segments_data(const struct tarx_item *item)
{
	uint64_t data = 0;

	for (size_t i = 0; i < item->segment_count; i++)
		data += (uint64_t)item->segments[i].len;
	return data;
}

/* The pairs of numbers in the map. A hole at the end of the file is followed by an empty segment, which
 * gives GNU tar the length of the file. */
static size_t count_lines(const struct tarx_item *item)
{
	size_t n = item->segment_count;

	return n + (n == 0 || end_of(&item->segments[n - 1]) < item->size);
}

static struct tarx_segment line(const struct tarx_item *item, size_t i)
{
	if (i < item->segment_count)
		return item->segments[i];
	return (struct tarx_segment){ .off = item->size };
}

static size_t digits(uint64_t n)
{
	size_t count = 1;

	for (; n > 9; n /= 10)
		count++;
	return count;
}

uint64_t tarx_segments_map_size(const struct tarx_item *item)
{
	size_t lines = count_lines(item);
	uint64_t size = digits(lines) + 1;

	for (size_t i = 0; i < lines; i++) {
		struct tarx_segment segment = line(item, i);

		size += digits((uint64_t)segment.off) + digits((uint64_t)segment.len) + 2;
	}
	return size;
}

size_t tarx_segments_map(const struct tarx_item *item, size_t *at, char *to, size_t room)
{
	size_t lines = count_lines(item), n = 0;

	if (*at == 0)
		n = (size_t)snprintf(to, room, "%zu\n", lines);
	for (; *at < lines && room - n >= TARX_SEGMENTS_LINE; ++*at) {
		struct tarx_segment segment = line(item, *at);

		n += (size_t)snprintf(to + n, room - n, "%jd\n%jd\n", (intmax_t)segment.off,
				      (intmax_t)segment.len);
	}
	return n;
}
