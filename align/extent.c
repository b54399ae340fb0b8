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
