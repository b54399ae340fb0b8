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

/* Whether the member NAME is WANTED or lies beneath it, both as tarx_path_restored() has them
 * or both as in the archive, without trailing slashes in WANTED. */
bool tarx_path_matches(const char *name, const char *wanted);

#endif
