/* Which real file an overlay's file stands for, in the kernel's own words: overlayfs encodes the
 * file handle of the real inode into that of the merged one. */
#ifndef OVERLAY_HANDLE_H
#define OVERLAY_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

enum overlay_handle {
	OVERLAY_HANDLE_UNKNOWN, /* the kernel (before 6.6) or the filesystem below does not say */
	OVERLAY_HANDLE_OTHER,
	OVERLAY_HANDLE_SAME,
};

/* Compares the merged file MERGED, which must lie on the mount MOUNT_ID, with LAYER_FD, a file of the upper layer where UPPER. SAME with UPPER means that
 * the merged file is that one and has no other below it. SAME without UPPER means that it is that
 * lower file or was copied up from it: the handle keeps naming the origin. The root of an overlay
 * that has an upper layer always names the upper. */
enum overlay_handle overlay_handle_compare(int merged, uint64_t mount_id, int layer_fd, bool upper);

#endif
