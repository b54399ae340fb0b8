/* The archive being written: its descriptor and how far it came. Knows bytes, no members. */
#ifndef TARX_WRITER_H
#define TARX_WRITER_H

#include "align/err.h"
#include "align/newfile.h"
#include "align/span.h"
#include "tarx/press.h"

#include <stdbool.h>
#include <stdint.h>

struct tarx_writer {
	struct tx_newfile
		file; /* owned; fd -1 where the archive has no new file: is standard output
				  * or grows in place */
	int fd; /* borrowed: where the bytes go */
	bool stream; /* no holes, no clones, no second thoughts: a pipe */
	off_t base; /* where the archive starts in the file, bytes */
	uint64_t at; /* bytes of the archive so far, with those in the buffer */
	char *buf; /* owned: the last bytes, not written yet */
	size_t used;
	struct tarx_presser *presser; /* owned: the bytes go through it; or NULL */
	uint64_t record; /* the length is a multiple of that many bytes; 0: of tar's usual record */
	uint64_t padding; /* zeros, for the statistics */
	struct tarx_growth *growth; /* owned: it grows in place; or NULL */
};

/* Opens PATH, "-" being standard output. Returns 0 or -errno. */
int tarx_writer_open(struct tarx_writer *writer, const char *path, struct tx_err *err);

/* The archive goes into the file FD, which is empty and stays the caller's. 0 or -errno. */
int tarx_writer_into(struct tarx_writer *writer, int fd, struct tx_err *err);

/* The archive in the file FD, which is the writer's from now on, grows behind byte END, where its
 * members end. What lies behind its end mark, two blocks of zeros, is cut off; all that follows is
 * written behind them, and over them at the very end: until then the archive is what it was, whatever
 * happens. Returns 0 or -errno. */
int tarx_writer_continue(struct tarx_writer *writer, int fd, off_t end, struct tx_err *err);

/* An archive that grew and was not finished is again what it was. 0 or -errno. */
int tarx_writer_restore(struct tarx_writer *writer, struct tx_err *err);

/* All that follows is compressed; to be called first. 0 or -errno. */
int tarx_writer_press(struct tarx_writer *writer, enum tarx_press press, const char *command,
		      struct tx_err *err);

/* N bytes follow. */
int tarx_writer_bytes(struct tarx_writer *writer, const void *bytes, size_t n, struct tx_err *err);

/* N zeros follow. */
int tarx_writer_zeros(struct tarx_writer *writer, uint64_t n, struct tx_err *err);

/* The bytes of SPAN follow, as far as there are some: MOVED tells. Whole blocks are moved by MOVER. A source's
 * failure is not returned but left in SOURCE_ERR. Returns 0 or -errno of the archive. */
int tarx_writer_span(struct tarx_writer *writer, struct align_mover *mover,
		     const struct align_span *span, struct align_moved *moved,
		     struct tx_err *source_err, struct tx_err *err);

/* A payload follows, then zeros up to a multiple of 512. Whole blocks are moved by MOVER. Where the
 * source ends early or fails, zeros stand for the missing bytes, so that the archive stays whole:
 * MOVED tells, and a source's failure is not returned but left in SOURCE_ERR.
 * Returns 0 or -errno of the archive. */
int tarx_writer_payload(struct tarx_writer *writer, struct align_mover *mover,
			const struct align_span *span, struct align_moved *moved,
			struct tx_err *source_err, struct tx_err *err);

/* N bytes that were written at byte AT of the archive become others. Not in a stream. 0 or -errno. */
int tarx_writer_patch(struct tarx_writer *writer, uint64_t at, const void *bytes, size_t n,
		      struct tx_err *err);

/* The end of a tar that began at byte START: the end mark, and zeros until its length is a multiple of ALIGN and of
 * RECORD; without that (0) of ALIGN (10240 where ALIGN is only 512), but at least 10240. 0 or -errno. */
int tarx_writer_end(struct tarx_writer *writer, uint64_t start, uint32_t align, uint64_t record,
		    struct tx_err *err);

/* The archive's end, of the writer's record; then the archive gets its name. SYNC: and is on disk first. 0 or
 * -errno. */
int tarx_writer_finish(struct tarx_writer *writer, uint32_t align, bool sync, struct tx_err *err);

/* Closes; an archive that was not finished never existed. */
void tarx_writer_release(struct tarx_writer *writer);

#endif
