/* What chattr(1) sets on an inode: flags, and the project of its quota. See ioctl_iflags(2) and
 * <linux/fs.h>, struct fsxattr. */
#ifndef ALIGN_ATTRS_H
#define ALIGN_ATTRS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct align_attrs {
	uint32_t flags; /* FS_IMMUTABLE_FL and the like of <linux/fs.h> */
	uint32_t project; /* 0: none */
};

/* Which calls tell anything on the file system that was asked last. Zeroed at first. */
struct align_attrs_asker {
	dev_t dev;
	unsigned int calls;
};

/* Reads ATTRS of the file or directory FD, open for reading, whose st_dev is DEV: one system call on
 * btrfs and XFS, none where a call before was told that this file system has no such things. Returns
 * 0 or -errno. */
int align_attrs_read(struct align_attrs_asker *asker, int fd, dev_t dev, struct align_attrs *attrs);

/* Gives the inode FLAGS beside those that it has: all of them or none. An inode's attribute
 * btrfs.compression is reset by all but append, immutable, noatime, nodump and sync. Returns 0 or
 * -errno (EOPNOTSUPP: the file system has not all of them). */
int align_attrs_add(int fd, uint32_t flags);

/* Puts the inode into PROJECT. Returns 0 or -errno. */
int align_attrs_set_project(int fd, uint32_t project);

/* Whether the file FD is without copy-on-write (chattr +C); what cannot be asked is not. */
bool align_attrs_no_cow(int fd);

/* The flags of the inode FD, or of NAME in the directory FD, that forbid to change it: of
 * FS_IMMUTABLE_FL and FS_APPEND_FL. It need not be readable; what cannot be asked has none. */
uint32_t align_attrs_forbidding(int fd, const char *name);

#endif
