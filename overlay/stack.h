/* The layers of a mounted overlay, opened once. */
#ifndef OVERLAY_STACK_H
#define OVERLAY_STACK_H

#include "align/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct overlay_layer {
	int fd; /* owned; O_PATH | O_DIRECTORY; -1 where the layer cannot be reached */
	char *path; /* owned; as the mount was told */
	bool data_only; /* no names of it are seen, only bytes by way of metacopy files */
};

struct overlay_stack {
	struct overlay_layer *layers; /* owned; the upper if there is one, lowers top to bottom */
	size_t count;
	bool has_upper;
	bool userxattr; /* marks are user.overlay.*, not trusted.overlay.* */
	bool marks_hidden; /* this process is not allowed to see trusted.overlay.* */
	bool indexed; /* a file of several names may have been copied up under another name */
	int root; /* owned; O_PATH, root of the mount, which is PREFIX in the overlay */
	char *prefix; /* owned; "" unless the mount is a bind mount of a directory within */
	char *point; /* owned; where the mount is */
	uint64_t mount_id;
	dev_t dev; /* the overlay's own, as its directories have it */
	bool one_xfs; /* all layers lie on one XFS, where (st_dev, st_ino) is one file ... */
	dev_t layer_dev; /* ... namely this one */
};

/* Finds and opens the layers of the overlay that FD, any file or directory, lies on. Returns 1, or
 * 0 where FD is not on an overlay, or -errno: the mount is not in /proc/self/mountinfo, its root
 * or its upper layer cannot be opened (EINVAL: its path is relative), or what lies at the upper's
 * path now cannot be proved to be the upper (ESTALE: renamed, or covered by another mount). The
 * upper is proved by its file handle, which the merged root carries, or on older kernels by the
 * attributes that the merged root takes from it.
 *
 * A lower layer that cannot be opened gets the descriptor -1 and is not an error; nothing
 * proves that a lower layer is the mount's own, save the topmost of a mount without an upper. */
int overlay_stack_open(struct overlay_stack *s, int fd, struct tx_err *err);

/* *REL becomes the path of the directory FD relative to the overlay's root, "" for the root itself;
 * the caller frees it. FD must be on the very mount that S was opened with (EXDEV); ENOENT when the
 * directory was removed. */
int overlay_stack_relative(const struct overlay_stack *s, int fd, char **rel, struct tx_err *err);

void overlay_stack_release(struct overlay_stack *s);

#endif
