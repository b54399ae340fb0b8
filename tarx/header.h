/* An item as header bytes in memory, encoded by libarchive. */
#ifndef TARX_HEADER_H
#define TARX_HEADER_H

#include "align/err.h"
#include "tarx/item.h"

#include <stddef.h>
#include <stdint.h>

struct archive_entry;

struct tarx_header {
	char *bytes; /* owned */
	size_t len, room;
	bool complete; /* what libarchive still has to say is not part of it */
	struct archive_entry *entry; /* owned; kept from member to member */
	bool by_libarchive; /* of every member; else of those that tarx/ustar.h does not take. The bytes
			     * are the same, which is what this is there to prove */
};

/* Bytes of ITEM's payload in the archive: of one with segments the map, with the zeros behind it, and
 * the data. Pure. */
uint64_t tarx_header_stored(const struct tarx_item *item);

/* Encodes ITEM as pax headers; one with segments in GNU tar's sparse format 1.0. Returns 0 or -errno. */
int tarx_header_encode(struct tarx_header *header, const struct tarx_item *item,
		       struct tx_err *err);

/* Lets the header grow so that the payload behind it starts on a multiple of ALIGN bytes, the
 * header starting at byte AT of the archive. Returns the bytes added, or -errno (E2BIG: it would
 * be larger than readers take; the header is as it was). */
ssize_t tarx_header_align(struct tarx_header *header, uint64_t at, uint32_t align,
			  struct tx_err *err);

/* Lets the header, as tarx_header_encode() made it, grow to exactly LEN bytes: a multiple of 512, and not
 * the first one above its length where it has no x header. 0 or -errno. */
int tarx_header_extend(struct tarx_header *header, size_t len, struct tx_err *err);

void tarx_header_release(struct tarx_header *header);

#endif
