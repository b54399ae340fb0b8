#include "align/extent.h"

#include "align/cleanup.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

/* ------------------------------------------------------------------ two files */

#define XFS_MAGIC 0x58465342 /* statfs(2) */

void align_extents_init(struct align_extents *extents, int fd, off_t end)
{
	*extents = (struct align_extents){ .fd = fd, .end = end };
}

void align_extents_release(struct align_extents *extents)
{
	free(extents->map);
	extents->map = NULL;
}

/* Subvolumes have devices of their own. */
static bool is_same_btrfs(int a, int b)
{
	struct btrfs_ioctl_fs_info_args x = { 0 }, y = { 0 };

	return ioctl(a, BTRFS_IOC_FS_INFO, &x) == 0 && ioctl(b, BTRFS_IOC_FS_INFO, &y) == 0 &&
	       !memcmp(x.fsid, y.fsid, sizeof(x.fsid));
}

/* Addresses on the data device and on the realtime device are alike. */
static bool is_same_xfs(int a, int b)
{
	struct fsxattr x, y;
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       ioctl(a, FS_IOC_FSGETXATTR, &x) == 0 && ioctl(b, FS_IOC_FSGETXATTR, &y) == 0 &&
	       !((x.fsx_xflags | y.fsx_xflags) & FS_XFLAG_REALTIME);
}

bool align_extents_comparable(const struct align_extents *a, const struct align_extents *b)
{
	struct statfs x, y;

	if (fstatfs(a->fd, &x) < 0 || fstatfs(b->fd, &y) < 0 || x.f_type != y.f_type)
		return false;
	if (x.f_type == BTRFS_SUPER_MAGIC)
		return is_same_btrfs(a->fd, b->fd);
	return x.f_type == XFS_MAGIC && is_same_xfs(a->fd, b->fd);
}

/* A piece of a file as it lies on the disk. */
struct piece {
	off_t start, end; /* in the file */
	bool hole;
	bool unwritten; /* allocated, and as empty as a hole */
	bool plain; /* its address says where its bytes are */
	bool encoded; /* the address is that of all that was compressed together */
	uint64_t address; /* of the byte that was asked for */
};

static int load(struct align_extents *extents, off_t from)
{
	size_t room = sizeof(struct fiemap) + EXTENTS_AT_ONCE * sizeof(struct fiemap_extent);
	struct fiemap *map = extents->map ? extents->map : malloc(room);
	const struct fiemap_extent *last;

	if (!map)
		return -ENOMEM;
	extents->map = map;
	memset(map, 0, room);
	map->fm_start = (uint64_t)from;
	map->fm_length = (uint64_t)(extents->end - from);
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = EXTENTS_AT_ONCE;
	extents->at = 0;
	extents->from = extents->to = from;
	if (ioctl(extents->fd, FS_IOC_FIEMAP, map) < 0)
		return -errno;
	/* A full map may go on behind its last extent. */
	last = map->fm_mapped_extents == EXTENTS_AT_ONCE ? &map->fm_extents[EXTENTS_AT_ONCE - 1]
							 : NULL;
	extents->to = last ? (off_t)(last->fe_logical + last->fe_length) : extents->end;
	return 0;
}

static int look(struct align_extents *extents, off_t at, struct piece *piece)
{
	const uint32_t harmless = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_MERGED;
	const struct fiemap_extent *fe;
	int r = 0;

	if (!extents->map || at < extents->from || at >= extents->to)
		r = load(extents, at);
	if (r < 0)
		return r;
	if (at < extents->last)
		extents->at = 0;
	extents->last = at;
	fe = &extents->map->fm_extents[extents->at];
	while (extents->at < extents->map->fm_mapped_extents &&
	       fe->fe_logical + fe->fe_length <= (uint64_t)at)
		fe = &extents->map->fm_extents[++extents->at];
	*piece = (struct piece){ .start = at, .end = extents->to, .hole = true };
	if (extents->at == extents->map->fm_mapped_extents)
		return 0;
	if (fe->fe_logical > (uint64_t)at) {
		if (fe->fe_logical < (uint64_t)piece->end)
			piece->end = (off_t)fe->fe_logical;
		return 0;
	}
	*piece = (struct piece){ .start = (off_t)fe->fe_logical,
				 .end = (off_t)(fe->fe_logical + fe->fe_length),
				 .unwritten = fe->fe_flags & FIEMAP_EXTENT_UNWRITTEN,
				 .plain = !(fe->fe_flags & ~harmless),
				 .encoded = !(fe->fe_flags & ~(harmless | FIEMAP_EXTENT_ENCODED)),
				 .address = fe->fe_physical + ((uint64_t)at - fe->fe_logical) };
	return 0;
}

enum align_alike align_extents_alike(struct align_extents *a, off_t a_off, struct align_extents *b,
				     off_t b_off, off_t *len)
{
	struct piece x, y;

	if (look(a, a_off, &x) < 0 || look(b, b_off, &y) < 0)
		return ALIGN_UNKNOWN;
	if (x.end <= a_off || y.end <= b_off)
		return ALIGN_UNKNOWN;
	if (x.end - a_off < *len)
		*len = x.end - a_off;
	if (y.end - b_off < *len)
		*len = y.end - b_off;
	if (x.hole && y.hole)
		return ALIGN_BOTH_HOLES;
	return x.plain && y.plain && x.address == y.address ? ALIGN_SAME_EXTENT : ALIGN_UNKNOWN;
}

static bool is_same_piece(const struct piece *x, const struct piece *y, bool compressed)
{
	if ((x->hole || x->unwritten) && (y->hole || y->unwritten))
		return true;
	if (x->hole || y->hole || x->unwritten || y->unwritten || x->address != y->address)
		return false;
	if (x->plain && y->plain)
		return true;
	return compressed && x->encoded && y->encoded && x->start == y->start && x->end == y->end;
}

int align_extent_same(int a, int b, off_t size, bool compressed)
{
	struct align_extents ea, eb;
	struct piece x, y;
	off_t at = 0;
	int r = 1;

	align_extents_init(&ea, a, size);
	align_extents_init(&eb, b, size);
	while (r == 1 && at < size) {
		r = look(&ea, at, &x);
		if (r == 0)
			r = look(&eb, at, &y);
		if (r == 0)
			r = x.end > at && y.end > at && is_same_piece(&x, &y, compressed);
		at = x.end < y.end ? x.end : y.end;
	}
	align_extents_release(&ea);
	align_extents_release(&eb);
	return r;
}
