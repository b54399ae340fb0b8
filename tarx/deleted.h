/* Podman's deleted.files: a JSON array of the absolute paths that are removed once a diff is unpacked.
 * Pure; the home of libjansson. */
#ifndef TARX_DELETED_H
#define TARX_DELETED_H

#include <stddef.h>

/* The member's name, at the top of the archive. */
#define TARX_DELETED_NAME "deleted.files"

/* The text as it grows. */
struct tarx_deleted {
	char *text; /* owned */
	size_t len, room;
	size_t count; /* of the paths in it */
};

/* Adds PATH, relative and as of tarx_path_restored(). 0, -ENOMEM, or -EILSEQ: it is no UTF-8, which is
 * all that JSON can say. */
int tarx_deleted_add(struct tarx_deleted *deleted, const char *path);

/* Ends the text. 0 or -ENOMEM. */
int tarx_deleted_end(struct tarx_deleted *deleted);
void tarx_deleted_release(struct tarx_deleted *deleted);

/* Reads the LEN bytes at TEXT. *PATHS becomes an array (owned by the caller, and what it points to) of
 * *COUNT paths, as they stand. 0, -ENOMEM, or -EINVAL: it is no JSON array of strings without NUL, all of
 * it UTF-8; then there is nothing to free. */
int tarx_deleted_read(const char *text, size_t len, char ***paths, size_t *count);
void tarx_deleted_free(char **paths, size_t count);

#endif
