/* Moving bytes between two files: clone the whole blocks, copy the rest, count both.
 * See ioctl_ficlonerange(2), copy_file_range(2). */
#ifndef ALIGN_SPAN_H
#define ALIGN_SPAN_H

#include "align/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that lie somewhere. */
struct align_span {
	int fd; /* borrowed */
	off_t off; /* bytes */
	off_t len; /* bytes */
	off_t end; /* of the file, where its size is known already; else 0 */
	bool holes; /* there may be holes within: worth asking for */
	const char *known; /* borrowed: these bytes were read already; or NULL */
	off_t known_at, known_len; /* where in the file they are, bytes */
};

enum align_reflink { ALIGN_REFLINK_AUTO, ALIGN_REFLINK_ALWAYS, ALIGN_REFLINK_NEVER };

/* What became of the bytes, and which clones the kernel refused (calls, not bytes). */
struct align_tally {
	uint64_t cloned, copied, hole;
	uint64_t exdev, notsup, inval, other;
};

/* ONE is added to ALL. */
void align_tally_add(struct align_tally *all, const struct align_tally *one);

struct align_mover {
	enum align_reflink reflink;
	uint32_t block; /* bytes, of the file system the target is on; 0: never clone */
	bool round_tail; /* the target ends where the span ends: see volume.h */
	struct align_tally *tally; /* borrowed */
	void (*moved)(void *data, off_t n); /* is told of copies while they go on; or NULL */
	void *moved_data; /* borrowed */
	char *buf; /* owned; made when first needed */
};

/* How a move ended. */
struct align_moved {
	off_t bytes; /* from the start of the span, moved without a gap */
	bool source_failed; /* where an error is returned: it is the source's */
	bool refused; /* a clone was refused: under ALIGN_REFLINK_ALWAYS the error */
	bool ends_in_hole; /* the last bytes were a hole: the target may be shorter than it should */
};

/* Moves SPAN to byte AT of the file DST, whose range there must be empty (never written). What can
 * be shared is shared as mover->reflink has it; of the rest holes stay holes.
 *
 * Returns 0, and moved->bytes is less than span->len when the source ended early; or -errno.
 * Under ALIGN_REFLINK_ALWAYS a refused clone is an error; what does not lie on blocks on both sides
 * is copied all the same. */
int align_span_move(struct align_mover *mover, const struct align_span *span, int dst, off_t at,
		    struct align_moved *moved, struct tx_err *err);

/* N bytes more were copied by somebody else, for mover->moved. */
static inline void align_mover_tell(const struct align_mover *mover, off_t n)
{
	if (mover->moved)
		mover->moved(mover->moved_data, n);
}

void align_mover_release(struct align_mover *mover);

#endif
