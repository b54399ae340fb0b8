/* gzip's format, with its checksums, which libarchive passes over. See RFC 1952. */
#ifndef TARX_GUNZIP_H
#define TARX_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Gives the next compressed bytes; DATA is the caller's. They stay valid until the next call. Returns
 * how many, 0 at the end, or -errno. */
typedef ssize_t tarx_unpack_source(void *data, const void **bytes);

struct tarx_gunzip;

/* Reads from SOURCE what is gzip. NULL: out of memory. */
struct tarx_gunzip *tarx_gunzip_new(tarx_unpack_source *source, void *data);

/* The next bytes, those of all members one behind the other: LEN of them at BYTES, valid until the next
 * call. Returns 1, 0 at the end (what follows the last member is not looked at), or -errno (EBADMSG:
 * damaged). */
int tarx_gunzip_next(struct tarx_gunzip *gunzip, const void **bytes, size_t *len);

/* What is wrong, after EBADMSG. */
const char *tarx_gunzip_why(const struct tarx_gunzip *gunzip);

/* How many compressed bytes were made use of. */
off_t tarx_gunzip_used(const struct tarx_gunzip *gunzip);

void tarx_gunzip_free(struct tarx_gunzip *gunzip);

#endif
