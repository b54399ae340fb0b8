#include "align/extent.h"

#include "align/cleanup.h"

#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int align_extent_data(int fd, off_t at, off_t end, struct align_range *data)
{
	off_t start = lseek(fd, at, SEEK_DATA), stop;

	if (start < 0 && errno == ENXIO)
		return 0;
	if (start < 0 && errno == EINVAL) {
		*data = (struct align_range){ .start = at, .end = end };
		return 1;
	}
	if (start < 0)
		return -errno;
	if (start >= end)
		return 0;
	stop = lseek(fd, start, SEEK_HOLE);
	if (stop < 0 && errno != ENXIO)
		return -errno;
	*data = (struct align_range){ .start = start, .end = stop < 0 || stop > end ? end : stop };
	return 1;
}

off_t align_extent_holes(int fd, off_t at, off_t end)
{
	struct align_range data;
	off_t holes = 0;
	int r;

	while (at < end && (r = align_extent_data(fd, at, end, &data)) != 0) {
		if (r < 0)
			return r;
		holes += data.start - at;
		at = data.end;
	}
	return holes + (end - at);
}

#define EXTENTS_AT_ONCE 256

/* The part of the extent that lies in [START, END). */
static uint64_t overlap(const struct fiemap_extent *fe, uint64_t start, uint64_t end)
{
	uint64_t from = fe->fe_logical > start ? fe->fe_logical : start;
	uint64_t to = fe->fe_logical + fe->fe_length < end ? fe->fe_logical + fe->fe_length : end;

	return to > from ? to - from : 0;
}

int align_extent_shared(int fd, off_t off, off_t len, uint64_t *shared, uint64_t *mapped,
			struct tx_err *err)
{
	size_t room = sizeof(struct fiemap) + EXTENTS_AT_ONCE * sizeof(struct fiemap_extent);
	TX_FREE struct fiemap *map = malloc(room);
	uint64_t start = (uint64_t)off, at = start, end;
	struct stat st;

	*shared = *mapped = 0;
	if (!map)
		return tx_fail(err, ENOMEM, "ask for extents");
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "ask for extents");
	/* Behind the end there may be blocks too, allocated ahead. */
	end = len ? start + (uint64_t)len : (uint64_t)st.st_size;
	while (at < end) {
		const struct fiemap_extent *fe = NULL;

		memset(map, 0, room);
		map->fm_start = at;
		map->fm_length = end - at;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = EXTENTS_AT_ONCE;
		if (ioctl(fd, FS_IOC_FIEMAP, map) < 0)
			return tx_fail(err, errno, "ask for extents (FIEMAP) at %ju",
				       (uintmax_t)at);
		for (unsigned int i = 0; i < map->fm_mapped_extents; i++) {
			fe = &map->fm_extents[i];
			*mapped += overlap(fe, start, end);
			if (fe->fe_flags & FIEMAP_EXTENT_SHARED)
				*shared += overlap(fe, start, end);
		}
		if (!fe || (fe->fe_flags & FIEMAP_EXTENT_LAST))
			break;
		at = fe->fe_logical + fe->fe_length;
	}
	return 0;
}

/* ------------------------------------------------------------------ the same places */

/* A map, a piece at a time. */
struct pieces {
	int fd;
	struct fiemap *map;
	unsigned int next;
	uint64_t at;
	bool last;
};

static int read_pieces(struct pieces *p, uint64_t end)
{
	memset(p->map, 0, sizeof(*p->map));
	p->map->fm_start = p->at;
	p->map->fm_length = end - p->at;
	p->map->fm_flags = FIEMAP_FLAG_SYNC;
	p->map->fm_extent_count = EXTENTS_AT_ONCE;
	p->next = 0;
	return ioctl(p->fd, FS_IOC_FIEMAP, p->map) < 0 ? -errno : 0;
}

/* The next extent before END, or NULL in *FE. 0 or -errno. */
static int next_piece(struct pieces *p, uint64_t end, const struct fiemap_extent **fe)
{
	int r = 0;

	*fe = NULL;
	if (p->last || p->at >= end)
		return 0;
	if (p->next == p->map->fm_mapped_extents)
		r = read_pieces(p, end);
	if (r < 0 || p->map->fm_mapped_extents == 0)
		return r;
	*fe = &p->map->fm_extents[p->next++];
	p->at = (*fe)->fe_logical + (*fe)->fe_length;
	p->last = (*fe)->fe_flags & FIEMAP_EXTENT_LAST;
	if ((*fe)->fe_logical >= end)
		*fe = NULL;
	return 0;
}

/* The next one with bytes: what is allocated and not written to is zeros, like a hole. */
static int next_written(struct pieces *p, uint64_t end, const struct fiemap_extent **fe)
{
	int r;

	do
		r = next_piece(p, end, fe);
	while (r == 0 && *fe && ((*fe)->fe_flags & FIEMAP_EXTENT_UNWRITTEN));
	return r;
}

static bool is_same_piece(const struct fiemap_extent *a, const struct fiemap_extent *b,
			  bool compressed)
{
	const uint32_t no_place = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
				  FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_NOT_ALIGNED |
				  FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL;

	if ((a->fe_flags | b->fe_flags) & no_place)
		return false;
	if (((a->fe_flags ^ b->fe_flags) & FIEMAP_EXTENT_ENCODED) ||
	    ((a->fe_flags & FIEMAP_EXTENT_ENCODED) && !compressed))
		return false;
	return a->fe_logical == b->fe_logical && a->fe_length == b->fe_length &&
	       a->fe_physical == b->fe_physical;
}

static int compare_pieces(struct pieces *a, struct pieces *b, uint64_t end, bool compressed)
{
	const struct fiemap_extent *x, *y;
	int r;

	do {
		r = next_written(a, end, &x);
		if (r == 0)
			r = next_written(b, end, &y);
		if (r < 0)
			return r;
		if (x && y && !is_same_piece(x, y, compressed))
			return 0;
	} while (x && y);
	return !x && !y;
}

int align_extent_same(int a, int b, off_t size, bool compressed)
{
	size_t room = sizeof(struct fiemap) + EXTENTS_AT_ONCE * sizeof(struct fiemap_extent);
	TX_FREE struct fiemap *map_a = calloc(1, room);
	TX_FREE struct fiemap *map_b = calloc(1, room);
	struct pieces pa = { .fd = a, .map = map_a }, pb = { .fd = b, .map = map_b };

	if (!map_a || !map_b)
		return -ENOMEM;
	return compare_pieces(&pa, &pb, (uint64_t)size, compressed);
}
