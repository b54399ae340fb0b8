#include "align/arena.h"

#include "align/block.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROOM 8192

struct tx_chunk {
	struct tx_chunk *next; /* owned */
	size_t used, room;
	alignas(max_align_t) char bytes[];
};

static struct tx_chunk *add_chunk(struct tx_arena *arena, size_t n)
{
	size_t room = n > CHUNK_ROOM ? n : CHUNK_ROOM;
	struct tx_chunk *chunk = malloc(sizeof(*chunk) + room);

	if (!chunk)
		return NULL;
	chunk->used = 0;
	chunk->room = room;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *tx_arena_take(struct tx_arena *arena, size_t n)
{
	struct tx_chunk *chunk = arena->chunks;
	void *taken;

	n = align_up(n, alignof(max_align_t));
	if (!chunk || chunk->room - chunk->used < n)
		chunk = add_chunk(arena, n);
	if (!chunk)
		return NULL;
	taken = chunk->bytes + chunk->used;
	chunk->used += n;
	return taken;
}

char *tx_arena_copy(struct tx_arena *arena, const void *bytes, size_t n)
{
	char *copy = tx_arena_take(arena, n + 1);

	if (copy) {
		memcpy(copy, bytes, n);
		copy[n] = '\0';
	}
	return copy;
}

static void drop_chunks(struct tx_chunk *chunk)
{
	while (chunk) {
		struct tx_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void tx_arena_reset(struct tx_arena *arena)
{
	struct tx_chunk *keep = arena->chunks;

	if (!keep)
		return;
	drop_chunks(keep->next);
	keep->next = NULL;
	keep->used = 0;
	if (keep->room > CHUNK_ROOM)
		tx_arena_release(arena);
}

void tx_arena_release(struct tx_arena *arena)
{
	drop_chunks(arena->chunks);
	arena->chunks = NULL;
}
