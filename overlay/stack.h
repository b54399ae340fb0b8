/* The layers of an overlay, opened once. */
#ifndef OVERLAY_STACK_H
#define OVERLAY_STACK_H

#include "align/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct overlay_layer {
	int fd; /* owned; O_PATH | O_DIRECTORY; -1 where the layer cannot be reached */
	char *path; /* owned; as the mount was told, or container storage tells */
	bool data_only; /* no names of it are seen, only bytes by way of metacopy files */
};

struct overlay_stack {
	struct overlay_layer *layers; /* owned; the upper if there is one, lowers top to bottom */
	size_t count;
	bool has_upper;
	bool lowers_known; /* false only for an upper that no mount and no storage tells about */
	bool userxattr; /* marks are user.overlay.*, not trusted.overlay.* */
	bool fuse; /* of fuse-overlayfs: marks are also user.fuseoverlayfs.* and .wh. names */
	bool marks_hidden; /* this process is not allowed to see trusted.overlay.* */
	bool indexed; /* a file of several names may have been copied up under another name */
	int root; /* owned; O_PATH, root of the mount, which is PREFIX in the overlay; -1: what the
		   * layers show together cannot be seen */
	bool view; /* the mount is one of our own, which cannot be written to */
	char *prefix; /* owned; "" unless the mount is a bind mount of a directory within */
	char *point; /* owned; where the mount is; where it is a view of our own, "/" */
	uint64_t mount_id;
	dev_t dev; /* the overlay's own, as its directories have it */
	bool one_device; /* all layers have one st_dev: one file system, or subvolume of btrfs */
	bool one_xfs; /* and it is an XFS, where (st_dev, st_ino) is one file for certain */
	dev_t layer_dev; /* that st_dev */
};

/* Finds and opens the layers of the overlay that FD, any file or directory, lies on, be it mounted in
 * this mount namespace or another one. Returns 1, or 0 where FD is not on an overlay, or -errno:
 * the mount is in no mountinfo that this process may read (ENOENT), its root or its upper layer
 * cannot be opened (EINVAL: its path is relative, and to what was not found out), or what lies at
 * the upper's path now cannot be proved to be the upper (ESTALE: renamed, or covered by another
 * mount). The upper is proved by its file handle, which the merged root carries, or on older
 * kernels by the attributes that the merged root takes from it.
 *
 * A relative path is one from the folder where whoever mounted stood: those above the mount point
 * (as container storage has it) are tried, the proof decides.
 *
 * A lower layer that cannot be opened gets the descriptor -1 and is not an error; nothing
 * proves that a lower layer is the mount's own, save the topmost of a mount without an upper. */
int overlay_stack_open(struct overlay_stack *s, int fd, struct tx_err *err);

/* The same where the directory FD is no merged one, but lies in an upper layer (or is it), or is a
 * layer's directory of container storage and stands for the diff folder in it. *REL becomes FD's
 * path from the layer's root, the caller's to free. Told by, in this order: an overlay that is
 * mounted with that upper; container storage's own files; overlayfs' marks on the layer's root,
 * which tell nothing of lowers. layers[0] is the upper. Where no mount shows the layers, the kernel
 * is asked to for a read-only view of them (root); without one root is -1. */
int overlay_stack_open_layer(struct overlay_stack *s, int fd, char **rel, struct tx_err *err);

/* *REL becomes the path of the directory FD relative to the overlay's root, "" for the root itself;
 * the caller frees it. FD must be on the very mount that S was opened with (EXDEV); ENOENT when the
 * directory was removed. */
int overlay_stack_relative(const struct overlay_stack *s, int fd, char **rel, struct tx_err *err);

/* The same for a file of any kind, open on that mount, and without a proof: the path was right once.
 * 0 or -errno. */
int overlay_stack_path(const struct overlay_stack *s, int fd, char **rel);

void overlay_stack_release(struct overlay_stack *s);

#endif
