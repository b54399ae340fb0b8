/* Memory for many small things that live and end together, such as the strings of one member. */
#ifndef ALIGN_ARENA_H
#define ALIGN_ARENA_H

#include <stddef.h>

struct tx_chunk;

struct tx_arena {
	struct tx_chunk *chunks; /* owned; the newest first */
};

/* N bytes, aligned for any type, valid until tx_arena_reset(). NULL: out of memory. */
void *tx_arena_take(struct tx_arena *arena, size_t n);

/* A copy of N bytes with a NUL behind it. NULL: out of memory. */
char *tx_arena_copy(struct tx_arena *arena, const void *bytes, size_t n);

/* Ends everything taken so far; keeps one chunk for what comes next. */
void tx_arena_reset(struct tx_arena *arena);
void tx_arena_release(struct tx_arena *arena);

#endif
