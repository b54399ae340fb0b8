/* Which layer's file holds the bytes that are seen at a merged path. */
#ifndef OVERLAY_SOURCE_H
#define OVERLAY_SOURCE_H

#include "overlay/stack.h"

#include <sys/stat.h>

struct overlay_level;
struct overlay_below;

/* Remembers where it looked last, so that a walk through the merged tree costs one lookup a name and
 * layer that has its directory, however deep it is. */
struct overlay_finder {
	const struct overlay_stack *stack; /* borrowed */
	struct overlay_level *levels; /* owned; from the overlay's root to where it looked last */
	size_t count, room;
	size_t open, open_max; /* descriptors that the levels hold, and may hold */
	struct overlay_below *below; /* owned; one a layer: the overlay that the layer lies on */
};

/* Finds files in the layers of STACK, which must stay where it is. */
void overlay_finder_init(struct overlay_finder *finder, const struct overlay_stack *stack);
void overlay_finder_release(struct overlay_finder *finder);

/* Opens the file of a layer whose data the overlay shows at REL, a path from the overlay's root as
 * overlay_stack_relative() gives it: for reading, never blocking. MERGED is that file as seen
 * through the mount, open for reading, ST its stat. Where the layer lies on another overlay it is
 * the file of a layer of that one, and so on down. Returns the descriptor, or -ENOENT where no file
 * can be proved to be the one, for whatever reason: the caller then reads the merged file.
 *
 * Files are found as the kernel looks them up, through redirects and metadata-only files. An upper
 * layer's file has to have the attributes that are seen; a lower layer's (but for its owner) too, and is the one that the
 * kernel says it is (its handle, from Linux 6.6 on, or its number where all layers lie on one XFS), or
 * lies in the very blocks that are seen (FIEMAP). What a metadata-only file led to always has to do
 * that. */
int overlay_source_open(struct overlay_finder *finder, const char *rel, int merged,
			const struct stat *st);

/* *ST becomes that of REL in the topmost layer that has it. 0, or -errno (ENOENT; ESTALE: not all that its
 * directory is made of is known). */
int overlay_finder_stat(struct overlay_finder *finder, const char *rel, struct stat *st);

#endif
