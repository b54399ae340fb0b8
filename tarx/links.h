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

/* What links to this inode name, or NULL: it was not stored. Valid until the next call. */
const char *tarx_links_find(const struct tarx_links *links, const struct stat *st);

/* This inode was stored under PATH, and links to it name TARGET. Without memory to remember it its next name is stored in full,
 * which is right, only larger. */
void tarx_links_remember(struct tarx_links *links, const struct stat *st, const char *path,
			 const char *target);

/* A link to this inode was stored. */
void tarx_links_count(struct tarx_links *links, const struct stat *st);

/* Calls TELL for each inode that has more names than were stored. */
void tarx_links_missing(const struct tarx_links *links, void (*tell)(void *data, const char *path),
			void *data);

/* A member called PATH follows. What was stored under that path before, however spelled, is not what
 * a reader will find there, so that nothing may be linked to it any more. */
void tarx_links_forget(struct tarx_links *links, const char *path);

void tarx_links_release(struct tarx_links *links);

#endif
