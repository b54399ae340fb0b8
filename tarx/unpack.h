/* Decompression, of gzip by zlib and of whatever else libarchive recognizes: bytes in, bytes out. */
#ifndef TARX_UNPACK_H
#define TARX_UNPACK_H

#include "tarx/gunzip.h"

#include <stdbool.h>
#include <sys/types.h>

struct archive;

struct tarx_unpack {
	struct tarx_gunzip *gunzip; /* owned; where it is gzip */
	struct archive *archive; /* owned; where it is something else */
	tarx_unpack_source *source;
	void *data; /* borrowed, for source */
	bool begun;
};

/* Begins to read from SOURCE, of which FIRST (LEN bytes) is what it will give first. Returns 1, 0: what comes
 * is not compressed (and the bytes that SOURCE gave are lost), or -errno. */
int tarx_unpack_open(struct tarx_unpack *unpack, tarx_unpack_source *source, void *data,
		     const char *first, size_t len);

static inline bool tarx_unpack_is_open(const struct tarx_unpack *unpack)
{
	return unpack->gunzip || unpack->archive;
}

/* The next decompressed bytes: LEN of them at BYTES, valid until the next call. Returns 1, 0 at the
 * end, or -errno (EBADMSG: damaged; tarx_unpack_why() says how). */
int tarx_unpack_next(struct tarx_unpack *unpack, const void **bytes, size_t *len);
const char *tarx_unpack_why(const struct tarx_unpack *unpack);

/* "gzip", or libarchive's name of what it is. */
const char *tarx_unpack_name(const struct tarx_unpack *unpack);

/* How many compressed bytes were made use of. */
off_t tarx_unpack_used(const struct tarx_unpack *unpack);

void tarx_unpack_release(struct tarx_unpack *unpack);

#endif
