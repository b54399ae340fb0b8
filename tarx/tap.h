/* The bytes of a tar that are passing by: the last ones read, and before them those that are still
 * wanted, a member's headers, in one piece. */
#ifndef TARX_TAP_H
#define TARX_TAP_H

#include <stddef.h>
#include <sys/types.h>

#define TARX_TAP_MOST (16u << 20) /* bytes that are kept; headers that are longer are refused */

struct tarx_tap {
	char *buf; /* owned */
	size_t room, len; /* bytes */
	off_t start; /* of the tar: the first byte in buf */
};

/* Room for WANT more bytes, to be filled by the caller, who then calls tarx_tap_add(). What lies before
 * byte KEEP of the tar is given up. NULL: out of memory, or more than TARX_TAP_MOST bytes would be kept (errno
 * ENOMEM or E2BIG). */
char *tarx_tap_room(struct tarx_tap *tap, off_t keep, size_t want);
void tarx_tap_add(struct tarx_tap *tap, size_t len);

/* The next bytes are those from AT on; nothing is kept. */
void tarx_tap_jump(struct tarx_tap *tap, off_t at);

/* Byte AT of the tar and LEN - 1 behind it, or NULL: they are not all there. */
const char *tarx_tap_bytes(const struct tarx_tap *tap, off_t at, size_t len);

/* How far the tar was read. */
off_t tarx_tap_end(const struct tarx_tap *tap);

void tarx_tap_release(struct tarx_tap *tap);

#endif
