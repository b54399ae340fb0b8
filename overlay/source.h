/* Which layer's file holds the bytes that are seen at a merged path. */
#ifndef OVERLAY_SOURCE_H
#define OVERLAY_SOURCE_H

#include "overlay/stack.h"

#include <sys/stat.h>

/* Opens (O_RDONLY, never blocking) the file of a layer whose data the overlay shows at REL, a path
 * from the overlay's root as overlay_stack_relative() gives it. MERGED is the stat of that file
 * through the mount, taken before. Returns the descriptor, or -ENOENT where no file can be proved
 * to be the one, for whatever reason: the caller then reads the merged file. Not looked for as
 * yet: the bytes behind metadata-only files, and the lower files of renamed directories.
 *
 * One openat2 for each layer down to the file's own, one fstat, one fgetxattr; and two
 * name_to_handle_at for a lower layer's file unless all layers lie on one XFS. Before Linux 6.6
 * such a file is not found. */
int overlay_source_open(const struct overlay_stack *s, const char *rel, const struct stat *merged);

#endif
