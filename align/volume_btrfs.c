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
