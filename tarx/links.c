#include "tarx/links.h"

#include "align/cleanup.h"
#include "align/hash.h"
#include "tarx/path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tarx_link {
	struct tarx_link *next_inode; /* owned */
	struct tarx_link *next_path; /* borrowed */
	dev_t dev;
	ino_t ino;
	char *restored; /* owned; the path as a reader will understand it */
	nlink_t missing; /* names that were not stored */
	char target[];
};

static struct tarx_link **inode_slot(const struct tarx_links *links, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino * 0x9E3779B97F4A7C15u) ^ ((uint64_t)dev << 7);

	return &links->by_inode[(h ^ (h >> 32)) & (links->size - 1)];
}

static struct tarx_link **path_slot(const struct tarx_links *links, const char *path)
{
	return &links->by_path[align_hash(0, path, strlen(path)) & (links->size - 1)];
}

static void put(struct tarx_links *links, struct tarx_link *link)
{
	struct tarx_link **inode = inode_slot(links, link->dev, link->ino);
	struct tarx_link **path = path_slot(links, link->restored);

	link->next_inode = *inode;
	*inode = link;
	link->next_path = *path;
	*path = link;
	links->count++;
}

static int make_room(struct tarx_links *links)
{
	struct tarx_links larger = { .size = links->size ? links->size * 2 : 256 };

	if (links->count < links->size)
		return 0;
	larger.by_inode = calloc(larger.size, sizeof(*larger.by_inode));
	larger.by_path = calloc(larger.size, sizeof(*larger.by_path));
	if (!larger.by_inode || !larger.by_path) {
		free(larger.by_inode);
		free(larger.by_path);
		return -1;
	}
	for (size_t i = 0; i < links->size; i++) {
		while (links->by_inode[i]) {
			struct tarx_link *link = links->by_inode[i];

			links->by_inode[i] = link->next_inode;
			put(&larger, link);
		}
	}
	free(links->by_inode);
	free(links->by_path);
	*links = larger;
	return 0;
}

static struct tarx_link *find(const struct tarx_links *links, const struct stat *st)
{
	struct tarx_link *link;

	if (!links->size)
		return NULL;
	for (link = *inode_slot(links, st->st_dev, st->st_ino); link; link = link->next_inode)
		if (link->ino == st->st_ino && link->dev == st->st_dev)
			return link;
	return NULL;
}

const char *tarx_links_find(const struct tarx_links *links, const struct stat *st)
{
	const struct tarx_link *link = find(links, st);

	return link ? link->target : NULL;
}

void tarx_links_count(struct tarx_links *links, const struct stat *st)
{
	struct tarx_link *link = find(links, st);

	if (link && link->missing > 0)
		link->missing--;
}

void tarx_links_missing(const struct tarx_links *links, void (*tell)(void *data, const char *path),
			void *data)
{
	for (size_t i = 0; i < links->size; i++)
		for (const struct tarx_link *link = links->by_inode[i]; link;
		     link = link->next_inode)
			if (link->missing > 0)
				tell(data, link->target);
}

void tarx_links_remember(struct tarx_links *links, const struct stat *st, const char *path,
			 const char *target)
{
	size_t len = strlen(target) + 1;
	struct tarx_link *link;

	if (make_room(links) < 0)
		return;
	link = malloc(sizeof(*link) + len);
	if (!link)
		return;
	*link = (struct tarx_link){ .dev = st->st_dev,
				    .ino = st->st_ino,
				    .missing = st->st_nlink > 0 ? st->st_nlink - 1 : 0,
				    .restored = tarx_path_restored(path) };
	if (!link->restored) {
		free(link);
		return;
	}
	memcpy(link->target, target, len);
	put(links, link);
}

static void drop(struct tarx_links *links, struct tarx_link *link)
{
	struct tarx_link **at = inode_slot(links, link->dev, link->ino);

	while (*at != link)
		at = &(*at)->next_inode;
	*at = link->next_inode;
	links->count--;
	free(link->restored);
	free(link);
}

void tarx_links_forget(struct tarx_links *links, const char *path)
{
	TX_FREE char *restored = links->count > 0 ? tarx_path_restored(path) : NULL;
	struct tarx_link **at;

	if (!restored)
		return;
	at = path_slot(links, restored);
	while (*at) {
		struct tarx_link *link = *at;

		if (strcmp(link->restored, restored)) {
			at = &link->next_path;
			continue;
		}
		*at = link->next_path;
		drop(links, link);
	}
}

void tarx_links_release(struct tarx_links *links)
{
	for (size_t i = 0; i < links->size; i++) {
		while (links->by_inode[i]) {
			struct tarx_link *next = links->by_inode[i]->next_inode;

			free(links->by_inode[i]->restored);
			free(links->by_inode[i]);
			links->by_inode[i] = next;
		}
	}
	free(links->by_inode);
	free(links->by_path);
	*links = (struct tarx_links){ 0 };
}
