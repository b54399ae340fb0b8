/* What volume.c asks of the files that know one file system. */
#ifndef ALIGN_VOLUME_FS_H
#define ALIGN_VOLUME_FS_H

#include "align/err.h"
#include "align/volume.h"

/* XFS_IOC_FSGEOMETRY: block size, and whether files can share blocks. 0 or -errno. */
int align_xfs_probe(struct align_volume *volume, int fd, struct tx_err *err);
int align_xfs_handle_take(struct align_handle *handle, int fd);
int align_xfs_handle_open(const struct align_handle *handle, int flags);

/* Whether the directory FD is the root of a subvolume. 1, 0 or -errno. */
int align_btrfs_is_subvolume(int fd, struct tx_err *err);

/* As align_subvolume_make() and the others have it. */
int align_btrfs_make(int dir, const char *name, struct tx_err *err);
int align_btrfs_snapshot(int root, const char *name, struct tx_err *err);
int align_btrfs_remove(int dir, const char *name);
int align_btrfs_is_read_only(int fd, struct tx_err *err);
int align_btrfs_protect(int fd, struct tx_err *err);

#endif
