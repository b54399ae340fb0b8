/* Inodes with more than one name: which was archived first, and under which path. */
#ifndef TARX_LINKS_H
#define TARX_LINKS_H

#include <stddef.h>
#include <sys/stat.h>

struct tarx_link;

struct tarx_links {
	struct tarx_link **table; /* owned; by hash */
	size_t count, size;
};

/* The path that this inode was first seen under, or NULL and it is remembered as PATH. Without
 * memory to remember it the next name is stored in full, which is right, only larger. */
const char *tarx_links_first(struct tarx_links *links, const struct stat *st, const char *path);

void tarx_links_release(struct tarx_links *links);

#endif
