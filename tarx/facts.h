/* What the headers of a member say themselves, where libarchive tells it wrongly, not at all, or as text
 * of some character set. */
#ifndef TARX_FACTS_H
#define TARX_FACTS_H

#include "align/arena.h"
#include "align/err.h"
#include "tarx/headers.h"
#include "tarx/item.h"

/* What global headers say for all members behind them: libarchive passes over it. */
struct tarx_globals {
	struct tarx_body *bodies; /* owned, and their bytes; the oldest first */
	size_t count, bytes;
	bool told; /* they have something that is not applied, and somebody was told */
};

/* Adds the global headers that stand before this member. Returns 0 or -errno (EBADMSG: they change
 * sizes, and nothing can be read behind them; E2BIG). */
int tarx_globals_add(struct tarx_globals *globals, const struct tarx_headers *headers,
		     struct tx_err *err);
void tarx_globals_release(struct tarx_globals *globals);

/* Fills in ITEM, which has the kind and all that libarchive says, from HEADERS and GLOBALS; memory comes
 * from ARENA. The payload is not looked at. What is refused is told in item->warning or item->broken.
 * Returns 0 or -ENOMEM. */
int tarx_facts_take(struct tarx_item *item, const struct tarx_headers *headers,
		    struct tarx_globals *globals, struct tx_arena *arena);

#endif
