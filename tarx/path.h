/* Names of members: which are safe to store and to restore. Pure. */
#ifndef TARX_PATH_H
#define TARX_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* How PATH is stored: without the leading "/" and without all up to the last ".." component, as GNU
 * tar does it; "." where nothing is left. Returns a pointer into PATH; *CUT is the length of what
 * was cut off. */
const char *tarx_path_stored(const char *path, size_t *cut);

/* How the member NAME is restored: relative, without ".", doubled and trailing slashes; "" for the
 * target itself. Returns an owned string; NULL: it has a ".." component (errno EINVAL) or no memory
 * (ENOMEM). */
char *tarx_path_restored(const char *name);

/* The same for a name that counts as it is: ".." and a leading "/" stay. NULL: no memory. */
char *tarx_path_named(const char *name);

#endif
