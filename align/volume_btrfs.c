/* The only file that knows libbtrfsutil. */
#include "align/volume_fs.h"

#include <btrfsutil.h>
#include <errno.h>

int align_btrfs_is_subvolume(int fd, struct tx_err *err)
{
	enum btrfs_util_error r = btrfs_util_is_subvolume_fd(fd);

	if (r == BTRFS_UTIL_OK)
		return 1;
	if (r == BTRFS_UTIL_ERROR_NOT_BTRFS || r == BTRFS_UTIL_ERROR_NOT_SUBVOLUME)
		return 0;
	return tx_fail(err, errno, "%s", btrfs_util_strerror(r));
}

int align_btrfs_make(int dir, const char *name, struct tx_err *err)
{
	enum btrfs_util_error r = btrfs_util_create_subvolume_fd(dir, name, 0, NULL, NULL);

	if (r == BTRFS_UTIL_OK)
		return 0;
	return tx_fail(err, errno ? errno : EINVAL, "%s", btrfs_util_strerror(r));
}

int align_btrfs_snapshot(int root, const char *name, struct tx_err *err)
{
	enum btrfs_util_error r = btrfs_util_create_snapshot_fd2(
		root, root, name, BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY, NULL, NULL);

	if (r == BTRFS_UTIL_OK)
		return 0;
	return tx_fail(err, errno ? errno : EINVAL, "%s", btrfs_util_strerror(r));
}

/* Without flags libbtrfsutil makes one system call of it. */
int align_btrfs_remove(int dir, const char *name)
{
	if (btrfs_util_delete_subvolume_fd(dir, name, 0) == BTRFS_UTIL_OK)
		return 0;
	return errno ? -errno : -EINVAL;
}

int align_btrfs_is_read_only(int fd, struct tx_err *err)
{
	bool read_only;
	enum btrfs_util_error r = btrfs_util_get_subvolume_read_only_fd(fd, &read_only);

	if (r == BTRFS_UTIL_OK)
		return read_only;
	return tx_fail(err, errno ? errno : EINVAL, "%s", btrfs_util_strerror(r));
}

int align_btrfs_protect(int fd, struct tx_err *err)
{
	enum btrfs_util_error r = btrfs_util_set_subvolume_read_only_fd(fd, true);

	if (r == BTRFS_UTIL_OK)
		return 0;
	return tx_fail(err, errno ? errno : EINVAL, "%s", btrfs_util_strerror(r));
}
