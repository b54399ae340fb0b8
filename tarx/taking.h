/* --take-from: directories whose files stand in for contents of an archive. */
#ifndef TARX_TAKING_H
#define TARX_TAKING_H

#include "tarx/item.h"
#include "tarx/opts.h"

struct tarx_taking {
	int *dirs; /* owned, and open */
	size_t count;
	int fd; /* owned: the file in hand, or -1 */
};

/* Opens the directories. Returns 0 or -errno. */
int tarx_taking_open(struct tarx_taking *taking, const struct tarx_opts *opts, struct tx_err *err);

/* Where one of them has a file of the item's name and size, the item's payload becomes that; it is open until the
 * next call. Returns whether that is so. */
bool tarx_taking_take(struct tarx_taking *taking, struct tarx_item *item);
void tarx_taking_release(struct tarx_taking *taking);

#endif
