/* Overlays on the way of a walk: which layer's file to take the bytes from, so that they can be
 * shared. */
#ifndef TARX_LAYERS_H
#define TARX_LAYERS_H

#include "align/walk.h"
#include "overlay/stack.h"
#include "tarx/report.h"

struct tarx_scope;

/* The mounts that the walk is in, the innermost last. */
struct tarx_layers {
	struct tarx_report *report; /* borrowed */
	enum tarx_overlay overlay; /* as it counts for this walk */
	const struct overlay_stack
		*stack; /* borrowed; the root of the walk lies on this overlay, at
					    * REL; NULL: that is looked for */
	const char *rel; /* borrowed */
	struct tarx_scope **scopes; /* owned */
	size_t count, room;
};

/* Where a path lies in an overlay. */
struct tarx_located {
	bool found; /* it lies on one */
	bool in_layer; /* it is of one of its layers, not of what the mount shows */
	struct overlay_stack stack; /* owned */
	char *rel; /* owned; its path from the overlay's root, "" for that itself */
};

/* Looks whether PATH, in the directory BASE, lies on an overlay. Returns 0 or -errno (the layers
 * cannot be found). */
int tarx_locate(struct tarx_located *located, int base, const char *path, struct tx_err *err);

/* The same, and an upper directory, a directory of container storage's that holds one, and what is
 * in an upper directory stand for what they are in the overlay (see overlay_stack_open_layer()).
 * Not found: neither. */
int tarx_locate_layer(struct tarx_located *located, int base, const char *path, struct tx_err *err);
void tarx_located_release(struct tarx_located *located);

/* Opens the file that is seen at REL through the mount. The descriptor or -errno (ENODEV: nothing shows
 * the layers together, see root in struct overlay_stack). */
int tarx_located_open(const struct tarx_located *located, const char *rel, int flags);

/* To be called for every node before its bytes are asked for. Under --overlay=merged layers that
 * cannot be reached are an error; under auto the mount is read, which is said once. Returns 0 or
 * -errno. */
int tarx_layers_enter(struct tarx_layers *layers, int base, const char *root,
		      const struct align_node *node, struct tx_err *err);

/* A descriptor (the caller's) of the layer's file with the bytes of NODE, or -1: read the node's. */
int tarx_layers_source(const struct tarx_layers *layers, const struct align_node *node);

void tarx_layers_release(struct tarx_layers *layers);

#endif
