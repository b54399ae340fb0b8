/* The data of a file with holes, as segments; and the text of their map, which stands before the data
 * in GNU tar's sparse format 1.0. */
#ifndef TARX_SEGMENTS_H
#define TARX_SEGMENTS_H

#include "align/err.h"
#include "tarx/item.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tarx_segments {
	size_t most; /* kept in memory; of a file that has more the shortest holes are stored as data */
	struct tarx_segment *list; /* owned; in order, a hole between any two */
	size_t count, room;
	off_t least; /* bytes; shorter holes are taken for data */
};

/* Finds the data among the first SIZE bytes of FD and rounds it out to multiples of GRAIN bytes (a power
 * of two); only the end of the file may lie within one. READ: blocks of zeros are holes too, and the
 * whole file is read for them. Returns 1, 0: there are no holes, or -errno. */
int tarx_segments_find(struct tarx_segments *segments, int fd, off_t size, uint32_t grain,
		       bool read, struct tx_err *err);

/* The segments of ITEM, which has some, rounded out to multiples of GRAIN bytes in the same way; where their
 * bytes lie is not told. 0 or -ENOMEM. */
int tarx_segments_round(struct tarx_segments *segments, const struct tarx_item *item,
			uint32_t grain);
void tarx_segments_release(struct tarx_segments *segments);

/* Bytes of data in all segments of ITEM. Pure, as what follows. */
uint64_t tarx_segments_data(const struct tarx_item *item);

/* Bytes of the map without the zeros behind it. */
uint64_t tarx_segments_map_size(const struct tarx_item *item);

/* Lines of the map: its count (where AT is 0), then those of the segments from AT on, as many as fit
 * into ROOM bytes, which is at least TARX_SEGMENTS_LINE. *AT becomes the next one's number. Returns how many bytes
 * TO got: 0 at the end. */
#define TARX_SEGMENTS_LINE 64u
size_t tarx_segments_map(const struct tarx_item *item, size_t *at, char *to, size_t room);

#endif
