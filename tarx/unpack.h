/* Decompression of whatever libarchive recognizes: bytes in, bytes out. */
#ifndef TARX_UNPACK_H
#define TARX_UNPACK_H

#include <stdbool.h>
#include <sys/types.h>

struct archive;

/* Gives the next compressed bytes; DATA is the caller's. They stay valid until the next call. Returns
 * how many, 0 at the end, or -errno. */
typedef ssize_t tarx_unpack_source(void *data, const void **bytes);

struct tarx_unpack {
	struct archive *archive; /* owned */
	tarx_unpack_source *source;
	void *data; /* borrowed, for source */
	bool begun;
};

/* Begins to read from SOURCE. Returns 1, 0: what comes is not compressed (and the bytes that SOURCE gave
 * are lost), or -errno. */
int tarx_unpack_open(struct tarx_unpack *unpack, tarx_unpack_source *source, void *data);

/* The next decompressed bytes: LEN of them at BYTES, valid until the next call. Returns 1, 0 at the
 * end, or -errno (EBADMSG: damaged; tarx_unpack_why() says how). */
int tarx_unpack_next(struct tarx_unpack *unpack, const void **bytes, size_t *len);
const char *tarx_unpack_why(const struct tarx_unpack *unpack);

/* How many compressed bytes were made use of. */
off_t tarx_unpack_used(const struct tarx_unpack *unpack);

void tarx_unpack_release(struct tarx_unpack *unpack);

#endif
