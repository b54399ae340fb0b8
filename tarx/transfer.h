/* A member's payload out of one archive into another. */
#ifndef TARX_TRANSFER_H
#define TARX_TRANSFER_H

#include "tarx/adder.h"
#include "tarx/reader.h"

struct tarx_transfer {
	struct tarx_adder *adder; /* borrowed */
	struct tarx_reader *reader; /* borrowed: where streams come from */
	struct tarx_segments segments; /* owned; of the member in hand */
};

/* Adds ITEM. Its payload is item->data, in the pieces that its segments say, or where that has no descriptor
 * what tarx_reader_block() gives. Segments are rounded out, so that each of them lies on a block.
 * Returns 1, 0 when it was not stored (reported), or -errno: nothing can be added any more. */
int tarx_transfer_add(struct tarx_transfer *transfer, const struct tarx_item *item,
		      struct tx_err *err);

#endif
