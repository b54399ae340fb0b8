#include "align/attrs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

enum { CALL_FLAGS = 1, CALL_FSX = 2 };

/* The flags that both calls know. */
static const struct {
	uint32_t flag, xflag;
} common[] = {
	{ FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE },
	{ FS_APPEND_FL, FS_XFLAG_APPEND },
	{ FS_SYNC_FL, FS_XFLAG_SYNC },
	{ FS_NOATIME_FL, FS_XFLAG_NOATIME },
	{ FS_NODUMP_FL, FS_XFLAG_NODUMP },
	{ FS_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT },
	{ FS_DAX_FL, FS_XFLAG_DAX },
};

#define COMMON (sizeof(common) / sizeof(*common))

static uint32_t flags_of(uint32_t xflags)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < COMMON; i++)
		if (xflags & common[i].xflag)
			flags |= common[i].flag;
	return flags;
}

/* Those of FLAGS that FS_IOC_FSSETXATTR takes go to *XFLAGS; returns the others. */
static uint32_t part_flags(uint32_t flags, uint32_t *xflags)
{
	*xflags = 0;
	for (size_t i = 0; i < COMMON; i++) {
		if (!(flags & common[i].flag))
			continue;
		*xflags |= common[i].xflag;
		flags &= ~common[i].flag;
	}
	return flags;
}

/* ------------------------------------------------------------------ reading */

/* XFS tells all by one call and btrfs knows no projects. */
static void learn(struct align_attrs_asker *asker, int fd, dev_t dev)
{
	struct statfs fs;

	asker->dev = dev;
	asker->calls = CALL_FLAGS | CALL_FSX;
	if (fstatfs(fd, &fs) < 0)
		return;
	if (fs.f_type == XFS_SUPER_MAGIC)
		asker->calls = CALL_FSX;
	else if (fs.f_type == BTRFS_SUPER_MAGIC)
		asker->calls = CALL_FLAGS;
}

static bool is_unknown(int errnum)
{
	return errnum == ENOTTY || errnum == EOPNOTSUPP || errnum == ENOSYS || errnum == EINVAL;
}

int align_attrs_read(struct align_attrs_asker *asker, int fd, dev_t dev, struct align_attrs *attrs)
{
	struct fsxattr fsx = { 0 };
	int flags = 0; /* the kernel writes an int, whatever the request's number says */

	*attrs = (struct align_attrs){ 0 };
	if (asker->dev != dev)
		learn(asker, fd, dev);
	if (asker->calls & CALL_FLAGS) {
		if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
			attrs->flags = (uint32_t)flags;
		else if (is_unknown(errno))
			asker->calls &= ~(unsigned int)CALL_FLAGS;
		else
			return -errno;
	}
	if (asker->calls & CALL_FSX) {
		if (ioctl(fd, FS_IOC_FSGETXATTR, &fsx) == 0) {
			attrs->flags |= flags_of(fsx.fsx_xflags);
			attrs->project = fsx.fsx_projid;
		} else if (is_unknown(errno)) {
			asker->calls &= ~(unsigned int)CALL_FSX;
		} else {
			return -errno;
		}
	}
	return 0;
}

bool align_attrs_no_cow(int fd)
{
	int flags = 0;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL);
}

uint32_t align_attrs_forbidding(int fd, const char *name)
{
	struct statx stx;
	uint32_t flags = 0;

	if (statx(fd, name ? name : "", name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH, STATX_TYPE,
		  &stx) < 0)
		return 0;
	if (stx.stx_attributes & STATX_ATTR_IMMUTABLE)
		flags |= FS_IMMUTABLE_FL;
	if (stx.stx_attributes & STATX_ATTR_APPEND)
		flags |= FS_APPEND_FL;
	return flags;
}

/* ------------------------------------------------------------------ setting */

static int add_by_flags(int fd, uint32_t more)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return -errno;
	flags |= (int)more;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0 ? -errno : 0;
}

static int add_by_fsx(int fd, uint32_t more)
{
	struct fsxattr fsx;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &fsx) < 0)
		return -errno;
	fsx.fsx_xflags |= more;
	return ioctl(fd, FS_IOC_FSSETXATTR, &fsx) < 0 ? -errno : 0;
}

static int as_unsupported(int r)
{
	return r < 0 && is_unknown(-r) ? -EOPNOTSUPP : r;
}

int align_attrs_add(int fd, uint32_t flags)
{
	uint32_t xflags, others = part_flags(flags, &xflags);
	int r;

	/* What only FS_IOC_SETFLAGS knows goes with the rest; what both know goes by the call that
	 * leaves btrfs.compression alone. tmpfs knows the first call only. */
	if (others)
		return as_unsupported(add_by_flags(fd, flags));
	r = xflags ? add_by_fsx(fd, xflags) : 0;
	if (r < 0 && is_unknown(-r))
		r = add_by_flags(fd, flags);
	return as_unsupported(r);
}

int align_attrs_set_project(int fd, uint32_t project)
{
	struct fsxattr fsx;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &fsx) < 0)
		return as_unsupported(-errno);
	if (fsx.fsx_projid == project)
		return 0;
	fsx.fsx_projid = project;
	return as_unsupported(ioctl(fd, FS_IOC_FSSETXATTR, &fsx) < 0 ? -errno : 0);
}
