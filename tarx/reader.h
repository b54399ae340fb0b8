/* An archive as a stream of items, decoded by libarchive: any tar format, any compression. */
#ifndef TARX_READER_H
#define TARX_READER_H

#include "align/arena.h"
#include "align/err.h"
#include "tarx/facts.h"
#include "tarx/item.h"
#include "tarx/sparse.h"
#include "tarx/tap.h"
#include "tarx/unpack.h"

#include <stdbool.h>
#include <stdint.h>

struct archive;
struct archive_entry;

struct tarx_reader {
	bool ignore_zeros; /* to be set after opening: archives behind end marks are read too */
	struct archive *archive; /* owned; NULL: nothing was read yet */
	struct archive_entry *entry; /* borrowed from the archive */
	struct tx_arena arena; /* owned; the item's strings */
	int fd; /* owned, unless it is standard input */
	bool seekable, is_pipe;
	bool holes; /* the archive's file has some */
	off_t base; /* where the archive starts in the file, bytes */
	off_t at; /* how far it was read, from there */
	off_t size; /* of the file from there, where seekable; of a nested archive its own */
	off_t end; /* of the whole file, where seekable */
	bool window; /* nothing before base or behind size belongs to the archive */
	struct tarx_reader *outer; /* borrowed: its last member's payload is read; or NULL */
	struct tx_err outer_err; /* why that failed */
	const char *given; /* borrowed from there: bytes that were not taken yet, */
	size_t given_len;
	off_t given_at; /* which belong at this byte of the payload */
	size_t want; /* bytes for the next read */
	struct tarx_unpack unpack; /* where the archive is compressed */
	char *packed; /* owned; compressed bytes */
	struct tarx_tap tap; /* bytes of the tar */
	bool peeked; /* the first bytes are in the tap, and libarchive had them not yet */
	size_t peeked_len; /* of those that are compressed, and nobody had yet */
	bool in_header; /* what is read belongs to the headers that begin at headers_at of the tar */
	off_t headers_at;
	bool in_data; /* the last member's payload was not passed over yet */
	struct tarx_globals globals;
	struct tarx_payload payload; /* of the last member */
	size_t segment; /* of it, the one that comes next out of the stream */
	off_t segment_done; /* bytes of that one, or of a payload in one piece */
	const char *piece; /* borrowed from the archive: bytes of the stream not given out yet */
	size_t piece_len;
	int error; /* errno of a failed read */
	bool too_long; /* headers over TARX_TAP_MOST */
	bool unpack_failed;
	bool damaged; /* a header was passed over: the archive is not whole */
	bool label; /* there was a volume's name, which no member has */
	bool more; /* at the end of a stream: something else than zeros lies behind the archive's */
	const char *doubt; /* at the end: about the archive as a whole, or NULL */
};

/* Opens PATH, "-" being standard input; nothing is read yet. Returns 0 or -errno. */
int tarx_reader_open(struct tarx_reader *reader, const char *path, struct tx_err *err);

/* The archive in the payload of ITEM, which OUTER gave last, and which is a regular file. Where that lies in
 * the archive's file as one piece, members can be shared out of it, and OUTER may go on meanwhile; else it is read by
 * way of OUTER's tarx_reader_block(), once. Nothing outside of the payload is read. 0 or -errno. */
int tarx_reader_open_nested(struct tarx_reader *reader, struct tarx_reader *outer,
			    const struct tarx_item *item, struct tx_err *err);

/* 1: ITEM is filled, valid until the next call; its payload is item->data where it lies as one
 * piece in the archive's file, else it comes from tarx_reader_block(). 0: the end. Negative: the
 * archive is broken beyond here. */
int tarx_reader_next(struct tarx_reader *reader, struct tarx_item *item, struct tx_err *err);

/* The next piece of the payload: LEN bytes at BYTES, which belong at OFF of the file; what no piece
 * covers is a hole. 1, 0 at the end, or negative. */
int tarx_reader_block(struct tarx_reader *reader, const void **bytes, size_t *len, off_t *off,
		      struct tx_err *err);

/* Whether payloads can be shared out of the archive: a file, and not compressed. To be asked after
 * the first tarx_reader_next(). */
bool tarx_reader_is_plain(const struct tarx_reader *reader);

/* Whether the archive keeps fractions of seconds, as far as it was read: it is a pax archive. */
bool tarx_reader_keeps_fractions(const struct tarx_reader *reader);

/* Where the headers of the last member begin, or at the end what follows the last one: bytes from the
 * archive's start. */
off_t tarx_reader_header(const struct tarx_reader *reader);

/* How much of the tar was read, not compressed, in whole records of 10240 bytes, as GNU tar counts it. */
uint64_t tarx_reader_length(const struct tarx_reader *reader);

/* The name of the compression; NULL: there is none. Asked like tarx_reader_is_plain(). */
const char *tarx_reader_compression(const struct tarx_reader *reader);

void tarx_reader_release(struct tarx_reader *reader);

#endif
