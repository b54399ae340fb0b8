/* The layers of a fuse-overlayfs mount: mountinfo tells nothing, the command line of the process
 * that serves it does. */
#ifndef OVERLAY_FUSE_H
#define OVERLAY_FUSE_H

#include "overlay/mountinfo.h"
#include "overlay/mounts.h"

/* Reads what a process called fuse-overlayfs was told of the mount point of MOUNT. 0, ENOENT (no
 * such process in sight) or -errno; release after either. Nothing here is proved. */
int overlay_fuse_options(struct overlay_options *o, const struct overlay_mount *mount);

#endif
