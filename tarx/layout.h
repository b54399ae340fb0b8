/* How an archive is laid out: headers, padding and payloads, and where they lie. */
#ifndef TARX_LAYOUT_H
#define TARX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TARX_LAYOUT_SHIFTS 12 /* alignments from 512 to 1M */

struct tarx_layout {
	bool plain; /* a file and not compressed: all of the following is known */
	const char *compression; /* borrowed; its name, or NULL: none */
	bool pax, gnu, ustar, v7; /* headers of these formats were seen */
	uint64_t payload; /* bytes of content as it is stored */
	uint64_t holes; /* bytes of content that is not stored */
	uint64_t headers; /* bytes, with the padding and maps of holes */
	uint64_t padding; /* bytes of comment records */
	uint64_t padding_most; /* in one member */
	uint64_t end; /* bytes behind the last member */
	uint64_t occupied; /* bytes that the file takes on its file system */
	uint32_t block; /* of that file system, bytes */
	uint64_t on_block; /* bytes of payloads that begin on a block */
	bool extents; /* the file system tells what is shared */
	uint64_t shared; /* bytes of payload in extents that are shared */
	/* of each alignment: how many payloads are as long or longer, and do not lie on it */
	uint64_t large[TARX_LAYOUT_SHIFTS], astray[TARX_LAYOUT_SHIFTS];
};

/* What LEN BYTES of headers, all of one member, are: the format is noted in LAYOUT. Returns how many of
 * them are comment records. Pure; BYTES may be anything. */
uint64_t tarx_layout_headers(struct tarx_layout *layout, const char *bytes, size_t len);

/* A payload of SIZE bytes begins at byte AT of the archive. */
void tarx_layout_payload(struct tarx_layout *layout, uint64_t at, uint64_t size);

/* The largest alignment of all payloads that are at least as long; 512: there is none. */
uint32_t tarx_layout_align(const struct tarx_layout *layout);

/* As an object of JSON. */
void tarx_layout_json(FILE *out, const struct tarx_layout *layout);

#endif
