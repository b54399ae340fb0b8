/* Items into the archive: where a payload comes to lie, and how its bytes get there. */
#ifndef TARX_ADDER_H
#define TARX_ADDER_H

#include "tarx/header.h"
#include "tarx/report.h"
#include "tarx/segments.h"
#include "tarx/writer.h"

struct tarx_adder {
	struct tarx_report *report; /* borrowed */
	struct tarx_writer writer;
	struct stat own; /* of the archive's file */
	struct tarx_header header;
	struct tarx_segments segments; /* owned; of the member in hand, with --sparse */
	struct align_mover mover;
	uint32_t align; /* bytes; 512: payloads are not aligned */
	off_t align_min; /* bytes; smaller payloads are not aligned */
	bool source_told; /* something was wrong with the last payload, and was reported */
};

/* Opens the archive that the options name and decides on the alignment. Returns 0 or -errno. */
int tarx_adder_open(struct tarx_adder *adder, struct tarx_report *report, struct tx_err *err);

/* Whether the inode of ST is the archive itself, or the one that it will replace. */
bool tarx_adder_is_archive(const struct tarx_adder *adder, const struct stat *st);

/* Whether a payload of SIZE bytes will lie so that its blocks can be shared. */
bool tarx_adder_shares(const struct tarx_adder *adder, off_t size);

/* Adds one member. What is wrong with it or its source is reported here, and the archive stays whole.
 * Returns 1, 0 when it was not stored, or -errno when the archive cannot be written, or under --reflink=always a block could not be shared. */
int tarx_adder_add(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err);

/* The first half of tarx_adder_add(): the headers, and with segments their map. The caller writes the payload
 * of tarx_header_stored() bytes (without the map) to adder->writer, and ends it with tarx_adder_end().
 * Returns as tarx_adder_add(). */
int tarx_adder_begin(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err);
int tarx_adder_end(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err);

/* What segments are rounded to, so that each of them lies on a block; bytes. */
uint32_t tarx_adder_grain(const struct tarx_adder *adder);

/* Adds one member whose payload is the item->size bytes at BYTES; it is not aligned and nothing of it is
 * shared. Otherwise as tarx_adder_add(). */
int tarx_adder_add_bytes(struct tarx_adder *adder, const struct tarx_item *item, const void *bytes,
			 struct tx_err *err);

/* The archive gets its end and its name. Returns 0 or -errno. */
int tarx_adder_finish(struct tarx_adder *adder, struct tx_err *err);
void tarx_adder_release(struct tarx_adder *adder);

#endif
