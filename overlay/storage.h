/* A layer of container storage (podman's, buildah's, CRI-O's, docker's overlay2) on the disk:
 * GRAPHROOT/overlay/ID with "diff", the layer's files; "link", a short name that ../l/NAME leads
 * from to diff; "lower", the layers below as "l/NAME:l/NAME", none for the lowest; "work". */
#ifndef OVERLAY_STORAGE_H
#define OVERLAY_STORAGE_H

#include "align/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct overlay_storage {
	int home; /* owned; O_PATH, the folder of all layers */
	int diff; /* owned; O_PATH */
	bool fuse; /* layers are mounted by another program than the kernel: fuse-overlayfs */
	uid_t owner; /* of the layer's directory: who runs the containers */
	char *text; /* owned */
	char **lowers; /* owned, top to bottom; each is borrowed from the text, a path from home */
	size_t count;
};

/* Looks whether the directory DIR is a layer's: its short name must lead to its diff. 1, 0 (it is
 * not) or -errno (it is, and its files do not make sense: EINVAL). Release after each. */
int overlay_storage_open(struct overlay_storage *storage, int dir, struct tx_err *err);

/* Opens a lower layer. O_PATH descriptor, the caller's, or -errno. */
int overlay_storage_lower(const struct overlay_storage *storage, size_t at);

void overlay_storage_release(struct overlay_storage *storage);

#endif
