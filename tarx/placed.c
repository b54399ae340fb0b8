#include "tarx/placed.h"

#include "align/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A path, and a path as a directory on the way to others, are two things to remember. */
enum kind { ITSELF = 1, ABOVE };

static uint64_t *slot(const struct tarx_placed *placed, uint64_t h)
{
	size_t at = h & (placed->size - 1);

	while (placed->slots[at] && placed->slots[at] != h)
		at = (at + 1) & (placed->size - 1);
	return &placed->slots[at];
}

static int make_room(struct tarx_placed *placed)
{
	struct tarx_placed larger = { .size = placed->size ? placed->size * 2 : 1024 };

	if (placed->count * 2 < placed->size)
		return 0;
	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < placed->size; i++)
		if (placed->slots[i])
			*slot(&larger, placed->slots[i]) = placed->slots[i];
	larger.count = placed->count;
	free(placed->slots);
	*placed = larger;
	return 0;
}

/* 1: it is new, 0: it was there, or -ENOMEM. */
static int put(struct tarx_placed *placed, uint64_t h)
{
	uint64_t *at;

	if (make_room(placed) < 0)
		return -ENOMEM;
	at = slot(placed, h);
	if (*at)
		return 0;
	*at = h;
	placed->count++;
	return 1;
}

static bool has(const struct tarx_placed *placed, uint64_t h)
{
	return placed->size && *slot(placed, h);
}

int tarx_placed_add(struct tarx_placed *placed, const char *path)
{
	size_t len = strlen(path);
	int r = put(placed, align_hash(ITSELF, path, len));

	/* Where a directory is known to lead somewhere, those above it are too. */
	while (r >= 0 && len > 0) {
		while (len > 0 && path[len - 1] != '/')
			len--;
		len -= len > 0;
		r = put(placed, align_hash(ABOVE, path, len));
		if (r == 0)
			break;
	}
	return r < 0 ? r : 0;
}

void tarx_placed_remove(struct tarx_placed *placed, const char *path)
{
	uint64_t h = align_hash(ITSELF, path, strlen(path));
	size_t at;

	if (!has(placed, h))
		return;
	at = (size_t)(slot(placed, h) - placed->slots);
	placed->count--;
	placed->slots[at] = 0;
	/* What lies behind may have been put there because this one was taken. */
	for (;;) {
		uint64_t next;

		at = (at + 1) & (placed->size - 1);
		next = placed->slots[at];
		if (!next)
			return;
		placed->slots[at] = 0;
		*slot(placed, next) = next;
	}
}

bool tarx_placed_has(const struct tarx_placed *placed, const char *path)
{
	return has(placed, align_hash(ITSELF, path, strlen(path)));
}

bool tarx_placed_leads(const struct tarx_placed *placed, const char *path)
{
	return tarx_placed_has(placed, path) || has(placed, align_hash(ABOVE, path, strlen(path)));
}

void tarx_placed_release(struct tarx_placed *placed)
{
	free(placed->slots);
	*placed = (struct tarx_placed){ 0 };
}
