#include "align/twin.h"

#include "align/cleanup.h"
#include "align/extent.h"
#include "align/io.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE (256u << 10)

/* ------------------------------------------------------------------ reading */

/* LEN bytes of both, no more than PIECE; BUF has room for two. */
static int compare_piece(int a, off_t a_off, int b, off_t b_off, size_t len, char *buf, bool *same,
			 struct tx_err *err)
{
	ssize_t got = tx_read_at(a, buf, len, a_off);

	if (got < 0)
		return tx_fail(err, (int)-got, "read %zu bytes at %jd", len, (intmax_t)a_off);
	*same = (size_t)got == len;
	got = tx_read_at(b, buf + PIECE, len, b_off);
	if (got < 0)
		return tx_fail(err, (int)-got, "read %zu bytes at %jd", len, (intmax_t)b_off);
	*same &= (size_t)got == len && !memcmp(buf, buf + PIECE, len);
	return 0;
}

static int compare_read(const struct align_span *span, int fd, off_t at, char **buf,
			struct align_tally *tally, bool *same, struct tx_err *err)
{
	int r = 0;

	if (!*buf)
		*buf = malloc(2 * PIECE);
	if (!*buf)
		return tx_fail(err, ENOMEM, "compare");
	for (off_t done = 0; r == 0 && *same && done < span->len;) {
		off_t left = span->len - done;
		size_t n = left < PIECE ? (size_t)left : PIECE;

		r = compare_piece(span->fd, span->off + done, fd, at + done, n, *buf, same, err);
		tally->copied += n;
		done += (off_t)n;
	}
	return r;
}

/* ------------------------------------------------------------------ both in files */

static bool reaches(int fd, off_t end)
{
	struct stat st;

	return fstat(fd, &st) == 0 && end <= st.st_size;
}

int align_twin_compare(const struct align_span *span, int fd, off_t at, struct align_tally *tally,
		       bool *same, struct tx_err *err)
{
	struct align_extents a, b;
	TX_FREE char *buf = NULL;
	bool provable;
	int r = 0;

	*same = reaches(span->fd, span->off + span->len) && reaches(fd, at + span->len);
	align_extents_init(&a, span->fd, span->off + span->len);
	align_extents_init(&b, fd, at + span->len);
	provable = align_extents_comparable(&a, &b);
	for (off_t done = 0; r == 0 && *same && done < span->len;) {
		struct align_span rest = { .fd = span->fd,
					   .off = span->off + done,
					   .len = span->len - done };
		enum align_alike alike = ALIGN_UNKNOWN;

		if (provable)
			alike = align_extents_alike(&a, rest.off, &b, at + done, &rest.len);
		if (alike == ALIGN_SAME_EXTENT)
			tally->cloned += (uint64_t)rest.len;
		else if (alike == ALIGN_BOTH_HOLES)
			tally->hole += (uint64_t)rest.len;
		else
			r = compare_read(&rest, fd, at + done, &buf, tally, same, err);
		done += rest.len;
	}
	align_extents_release(&a);
	align_extents_release(&b);
	return r;
}

/* ------------------------------------------------------------------ one in a file */

int align_twin_compare_bytes(const void *bytes, size_t len, int fd, off_t at,
			     struct align_tally *tally, bool *same, struct tx_err *err)
{
	TX_FREE char *buf = malloc(PIECE);

	*same = true;
	if (!buf)
		return tx_fail(err, ENOMEM, "compare");
	for (size_t done = 0; *same && done < len;) {
		size_t n = len - done < PIECE ? len - done : PIECE;
		ssize_t got = tx_read_at(fd, buf, n, at + (off_t)done);

		if (got < 0)
			return tx_fail(err, (int)-got, "read %zu bytes at %jd", n,
				       (intmax_t)at + (intmax_t)done);
		*same = (size_t)got == n && !memcmp(buf, (const char *)bytes + done, n);
		tally->copied += n;
		done += n;
	}
	return 0;
}

int align_twin_compare_hole(int fd, off_t at, off_t end, struct align_tally *tally, bool *same,
			    struct tx_err *err)
{
	static const char zeros[4096];
	struct align_range data;
	int r;

	*same = true;
	while (*same && at < end && (r = align_extent_data(fd, at, end, &data)) != 0) {
		if (r < 0)
			return tx_fail(err, -r, "look for holes at %jd", (intmax_t)at);
		tally->hole += (uint64_t)(data.start - at);
		for (at = data.start; *same && at < data.end;) {
			off_t left = data.end - at;
			size_t n = left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros);

			r = align_twin_compare_bytes(zeros, n, fd, at, tally, same, err);
			if (r < 0)
				return r;
			at += (off_t)n;
		}
	}
	if (*same)
		tally->hole += (uint64_t)(end - at);
	return 0;
}
