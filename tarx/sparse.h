/* Where the data of a file with holes lie in an archive, as each of the formats says it. Pure, but
 * for the memory of the map. */
#ifndef TARX_SPARSE_H
#define TARX_SPARSE_H

#include "align/arena.h"
#include "tarx/headers.h"
#include "tarx/item.h"

struct tarx_payload {
	off_t size; /* of the file, bytes */
	off_t stored; /* bytes in the archive, a map before the data not counted */
	const struct tarx_segment *segments; /* borrowed from the arena; NULL: in one piece */
	size_t count;
	off_t holes; /* bytes of holes that are stored all the same (Solaris) */
	const char *fault; /* why nothing of this can be relied on, or NULL */
};

/* Reads what HEADERS say of a regular file's payload: old GNU, GNU 0.0, 0.1 and 1.0, star, Solaris. The
 * segments' AT counts from the first byte of data. A map that contradicts itself or the sizes is a
 * fault. Returns 0 or -ENOMEM. */
int tarx_sparse_read(struct tarx_payload *payload, const struct tarx_headers *headers,
		     struct tx_arena *arena);

#endif
