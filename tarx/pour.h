/* The content of members as a stream. */
#ifndef TARX_POUR_H
#define TARX_POUR_H

#include "align/err.h"
#include "tarx/item.h"
#include "tarx/reader.h"

/* Writes the payload of ITEM, a regular file, to FD where it stands; holes become zeros. COPIED grows by
 * what was written. 0 or -errno; *BROKEN is set where it is the archive's fault and others may follow. */
int tarx_pour(const struct tarx_item *item, struct tarx_reader *reader, int fd, uint64_t *copied,
	      bool *broken, struct tx_err *err);

#endif
