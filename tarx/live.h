/* A target that lies on a live overlay mount: everything is made through the mount, so that the kernel
 * knows of it, but the bytes of a new file go into the upper layer's own file, which can share. */
#ifndef TARX_LIVE_H
#define TARX_LIVE_H

#include "align/err.h"
#include "align/volume.h"
#include "tarx/layers.h"

#include <stdbool.h>

struct tarx_live {
	bool on; /* the target is on an overlay */
	bool escapes; /* which escapes the attributes of overlays within it: overlayfs itself */
	enum { TARX_MARKS_UNKNOWN, TARX_MARKS_TRUSTED, TARX_MARKS_USER } marks; /* the layer's */
	bool below; /* the target lies within a layer that is known, and is not its root */
	struct tarx_located at; /* owned */
	struct align_volume volume; /* of the upper layer */
	bool within; /* the directory entered last is on the mount: its files can be found there */
};

enum tarx_target {
	TARX_TARGET_LAYER, /* a directory, perhaps of a layer that is not mounted */
	TARX_TARGET_LIVE, /* on a mounted overlay */
	TARX_TARGET_LIVE_COPIED, /* the same, but the upper layer cannot be reached; ERR says why */
	TARX_TARGET_MOUNTED, /* an upper layer; the mount takes its place */
};

/* Looks what the directory *ROOT is. It is exchanged for the directory that is to be filled: that of the
 * mount where it lies in a mounted upper layer, the layer's own where it stands for a layer of container
 * storage. Returns an enum tarx_target or -errno (EROFS: the overlay has no upper layer). */
int tarx_live_open(struct tarx_live *live, int *root, struct tx_err *err);

/* New files are made in the directory FD from here on. */
void tarx_live_enter(struct tarx_live *live, int fd);

/* The upper layer's file of MERGED, which was just made in the directory entered last, and is empty. A
 * descriptor for writing (the caller's), or -1 where none is proved to be the one. */
int tarx_live_open_real(const struct tarx_live *live, int merged);

void tarx_live_release(struct tarx_live *live);

#endif
