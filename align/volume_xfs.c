/* The only file that knows XFS' ioctls and libhandle. See ioctl_xfs_fsgeometry(2), handle(3). */
#include "align/volume_fs.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <xfs/xfs.h>

#include <xfs/handle.h>

#include <xfs/xfs_fs.h>

/* libhandle opens handles of a file system only after it has seen a directory on it by its path; of
 * a path that ends in a symbolic link, as in /proc, it would take the directory above. */
static int introduce(int dir)
{
	char self[TX_PROC_ROOM], path[TX_PROC_ROOM + 2];
	void *fs_handle;
	size_t len;

	tx_proc_path(self, dir);
	snprintf(path, sizeof(path), "%s/.", self);
	if (path_to_fshandle(path, &fs_handle, &len) < 0)
		return -errno;
	free_handle(fs_handle, len);
	return 0;
}

int align_xfs_probe(struct align_volume *volume, int fd, struct tx_err *err)
{
	struct xfs_fsop_geom geometry = { 0 };

	if (ioctl(fd, XFS_IOC_FSGEOMETRY, &geometry) < 0)
		return tx_fail(err, errno, "ask for the geometry of XFS");
	volume->block = geometry.blocksize;
	volume->clones = geometry.flags & XFS_FSOP_GEOM_FLAGS_REFLINK;
	volume->handles = introduce(fd) == 0;
	return 0;
}

int align_xfs_handle_take(struct align_handle *handle, int fd)
{
	void *bytes;
	size_t len;

	if (fd_to_handle(fd, &bytes, &len) < 0)
		return -errno;
	handle->bytes = malloc(len);
	handle->len = len;
	if (handle->bytes)
		memcpy(handle->bytes, bytes, len);
	free_handle(bytes, len);
	return handle->bytes ? 0 : -ENOMEM;
}

int align_xfs_handle_open(const struct align_handle *handle, int flags)
{
	int fd = open_by_handle(handle->bytes, handle->len, flags);

	if (fd < 0)
		return -errno;
	/* The ioctl below passes over O_CLOEXEC. */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}
