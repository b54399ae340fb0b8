#include "tarx/links.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tarx_link {
	struct tarx_link *next; /* owned */
	dev_t dev;
	ino_t ino;
	char path[];
};

static size_t slot(const struct tarx_links *links, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino * 0x9E3779B97F4A7C15u) ^ ((uint64_t)dev << 7);

	return (size_t)((h ^ (h >> 32)) & (links->size - 1));
}

static int make_room(struct tarx_links *links)
{
	struct tarx_links larger = { .count = links->count,
				     .size = links->size ? links->size * 2 : 256 };

	if (links->size && links->count < links->size)
		return 0;
	larger.table = calloc(larger.size, sizeof(struct tarx_link *));
	if (!larger.table)
		return -1;
	for (size_t i = 0; i < links->size; i++) {
		while (links->table[i]) {
			struct tarx_link *link = links->table[i];
			size_t at = slot(&larger, link->dev, link->ino);

			links->table[i] = link->next;
			link->next = larger.table[at];
			larger.table[at] = link;
		}
	}
	free(links->table);
	*links = larger;
	return 0;
}

static struct tarx_link **find(struct tarx_links *links, const struct stat *st)
{
	struct tarx_link **at;

	if (!links->size)
		return NULL;
	for (at = &links->table[slot(links, st->st_dev, st->st_ino)]; *at; at = &(*at)->next)
		if ((*at)->ino == st->st_ino && (*at)->dev == st->st_dev)
			return at;
	return NULL;
}

static void remember(struct tarx_links *links, const struct stat *st, const char *path)
{
	size_t len = strlen(path) + 1, at;
	struct tarx_link *link;

	if (make_room(links) < 0)
		return;
	link = malloc(sizeof(*link) + len);
	if (!link)
		return;
	*link = (struct tarx_link){ .dev = st->st_dev, .ino = st->st_ino };
	memcpy(link->path, path, len);
	at = slot(links, st->st_dev, st->st_ino);
	link->next = links->table[at];
	links->table[at] = link;
	links->count++;
}

const char *tarx_links_first(struct tarx_links *links, const struct stat *st, const char *path)
{
	struct tarx_link **at = find(links, st);

	if (at)
		return (*at)->path;
	remember(links, st, path);
	return NULL;
}

void tarx_links_release(struct tarx_links *links)
{
	for (size_t i = 0; i < links->size; i++) {
		while (links->table[i]) {
			struct tarx_link *next = links->table[i]->next;

			free(links->table[i]);
			links->table[i] = next;
		}
	}
	free(links->table);
	*links = (struct tarx_links){ 0 };
}
