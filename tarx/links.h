/* Inodes with more than one name: under which path of the archive each was stored first. */
#ifndef TARX_LINKS_H
#define TARX_LINKS_H

#include <stddef.h>
#include <sys/stat.h>

struct tarx_link;

struct tarx_links {
	struct tarx_link **by_inode; /* owned; by hash, chained through next_inode */
	struct tarx_link **by_path; /* owned; the same links, chained through next_path */
	size_t count, size;
};

/* The path that this inode was stored under, or NULL. Valid until the next call. */
const char *tarx_links_find(const struct tarx_links *links, const struct stat *st);

/* This inode was stored under PATH. Without memory to remember it its next name is stored in full,
 * which is right, only larger. */
void tarx_links_remember(struct tarx_links *links, const struct stat *st, const char *path);

/* A member called PATH follows. What was stored under that path before, however spelled, is not what
 * a reader will find there, so that nothing may be linked to it any more. */
void tarx_links_forget(struct tarx_links *links, const char *path);

void tarx_links_release(struct tarx_links *links);

#endif
