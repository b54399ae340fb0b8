/* All header blocks of one member as they lie in the archive, taken apart. Pure: nothing is copied, everything
 * points into the bytes. See pax(1) "ustar Interchange Format", tar(5) and GNU tar's "Basic Tar Format". */
#ifndef TARX_HEADERS_H
#define TARX_HEADERS_H

#include "tarx/records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARX_GLOBALS_MOST 32 /* libarchive takes no more headers in a row either */

/* The records of one header. */
struct tarx_body {
	const char *bytes;
	size_t len;
};

struct tarx_headers {
	struct tarx_body globals[TARX_GLOBALS_MOST]; /* g headers, the oldest first */
	size_t global_count;
	struct tarx_body x; /* the member's own records; bytes NULL: none */
	struct tarx_body solaris_acl; /* of an A header */
	bool label; /* there was a V header: the name of a volume */
	bool long_name, long_link; /* there was an L, a K header */
	const char *ustar; /* the header block of the member itself */
	const char *tail; /* what lies between it and the payload: a map of holes */
	size_t tail_len;
};

/* Where in the ustar header things are, in bytes. */
enum {
	TARX_AT_MODE = 100,
	TARX_AT_UID = 108,
	TARX_AT_GID = 116,
	TARX_AT_SIZE = 124,
	TARX_AT_MTIME = 136,
	TARX_AT_CHECKSUM = 148,
	TARX_AT_TYPE = 156,
	TARX_AT_MAGIC = 257,
};

/* Takes LEN BYTES apart, from a member's first header (end marks before it are passed over) to its
 * payload. False: they are not understood. */
bool tarx_headers_cut(struct tarx_headers *headers, const char *bytes, size_t len);

/* The next record of BODY: *AT is 0 at first. False: there are no more, or what follows is none. */
bool tarx_body_next(const struct tarx_body *body, size_t *at, struct tarx_record *record);

/* Leaves out the padding at the end, and what is no record, so that nobody has to go through it again. */
void tarx_body_cut_padding(struct tarx_body *body);

/* The last record of BODY with the keyword KEY, which is the one that counts. */
bool tarx_body_find(const struct tarx_body *body, const char *key, struct tarx_record *record);

/* The number in a field of a ustar header, octal or GNU tar's base-256. False: there is none, or it
 * is negative or over 2^63 - 1. */
bool tarx_field_number(const char *field, size_t len, uint64_t *number);

/* Whether the block is a header with a right checksum (of unsigned or, as some old programs had it,
 * signed bytes), and whether it is all zeros. */
bool tarx_block_is_header(const char *block);
bool tarx_block_is_zero(const char *block);

/* Whether the header is of GNU tar's own format, and not of ustar or pax. */
bool tarx_block_is_gnu(const char *block);

#endif
