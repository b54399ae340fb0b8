/* Whether two files have the same bytes: what lies in the same extents is not read. */
#ifndef ALIGN_TWIN_H
#define ALIGN_TWIN_H

#include "align/span.h"

/* Whether SPAN and the bytes of the file FD from AT on, as many, are the same; *SAME says it. What is
 * proved by FIEMAP to be the same extents counts as cloned in TALLY, holes on both sides as holes, and
 * what was read and compared as copied; it stops where they differ. Where a file ends early they are
 * not the same. 0 or -errno. */
int align_twin_compare(const struct align_span *span, int fd, off_t at, struct align_tally *tally,
		       bool *same, struct tx_err *err);

/* The same of LEN BYTES in memory, read and counted as copied. */
int align_twin_compare_bytes(const void *bytes, size_t len, int fd, off_t at,
			     struct align_tally *tally, bool *same, struct tx_err *err);

/* The same of a hole from AT to END: holes of the file are not read. */
int align_twin_compare_hole(int fd, off_t at, off_t end, struct align_tally *tally, bool *same,
			    struct tx_err *err);

#endif
