#include "align/span.h"

#include "align/attrs.h"
#include "align/block.h"
#include "align/extent.h"
#include "align/io.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_ROOM        (256u << 10)
#define KERNEL_COPY_AT   (64u << 10) /* shorter copies are not worth a try in the kernel */
#define KERNEL_COPY_MAX  (128u << 20)
#define KERNEL_COPY_TOLD (16u << 20) /* where somebody waits for news */

/* ------------------------------------------------------------------ cloning */

static bool lies_on_blocks(const struct align_mover *mover, const struct align_span *span, off_t at)
{
	return mover->reflink != ALIGN_REFLINK_NEVER && mover->block &&
	       align_gap((uint64_t)span->off, mover->block) == 0 &&
	       align_gap((uint64_t)at, mover->block) == 0;
}

static bool source_reaches(int fd, off_t end)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size >= end;
}

/* How many bytes one clone may take: whole blocks, or with round_tail the last block too, where the
 * source has all of it. */
static off_t clone_length(const struct align_mover *mover, const struct align_span *span)
{
	off_t whole = (off_t)align_down((uint64_t)span->len, mover->block);
	off_t rounded = (off_t)align_up((uint64_t)span->len, mover->block);

	if (!mover->round_tail || whole == span->len)
		return whole;
	if (span->end ? span->off + rounded <= span->end
		      : source_reaches(span->fd, span->off + rounded))
		return rounded;
	return whole;
}

static void count_refusal(struct align_tally *tally, int errnum)
{
	switch (errnum) {
	case EXDEV:
		tally->exdev++;
		break;
	case EOPNOTSUPP:
	case ENOTTY:
	case ENOSYS:
		tally->notsup++;
		break;
	case EINVAL:
		tally->inval++;
		break;
	default:
		tally->other++;
	}
}

static int refuse(const struct align_span *span, int dst, int errnum, struct tx_err *err)
{
	const char *hint = NULL;

	if (errnum == EINVAL && align_attrs_no_cow(span->fd) != align_attrs_no_cow(dst))
		hint = "one side is without copy-on-write (chattr +C), the other is not";
	else if (errnum == EXDEV)
		hint = "not on the same file system, or seen through another mount";
	else if (errnum == EOPNOTSUPP || errnum == ENOTTY)
		hint = "the file system has no reflinks";
	if (!hint)
		return tx_fail(err, errnum, "cannot share extents");
	tx_fail(err, errnum, "cannot share extents (%s)", hint);
	return -errnum;
}

static bool target_is_lost(int errnum)
{
	return errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG || errnum == EROFS;
}

static void count_clone(struct align_mover *mover, const struct align_span *span, off_t n)
{
	off_t holes = span->holes ? align_extent_holes(span->fd, span->off, span->off + n) : 0;

	if (holes < 0)
		holes = 0;
	mover->tally->hole += (uint64_t)holes;
	mover->tally->cloned += (uint64_t)(n - holes);
}

/* Clones what can be cloned from the start of SPAN and says in moved->bytes how far it came; a
 * refusal that may be answered by copying is no error. */
static int clone_blocks(struct align_mover *mover, const struct align_span *span, int dst, off_t at,
			struct align_moved *moved, struct tx_err *err)
{
	off_t n = lies_on_blocks(mover, span, at) ? clone_length(mover, span) : 0;
	struct file_clone_range range = {
		.src_fd = span->fd,
		.src_offset = (__u64)span->off,
		.src_length = (__u64)n,
		.dest_offset = (__u64)at,
	};
	int refusal;

	if (n == 0)
		return 0;
	if (ioctl(dst, FICLONERANGE, &range) < 0) {
		refusal = errno;
		if (target_is_lost(refusal))
			return tx_fail(err, refusal, "share %jd bytes", (intmax_t)n);
		if (refusal == EINVAL && !source_reaches(span->fd, span->off + n))
			return 0;
		count_refusal(mover->tally, refusal);
		moved->refused = true;
		if (mover->reflink == ALIGN_REFLINK_ALWAYS)
			return refuse(span, dst, refusal, err);
		return 0;
	}
	if (n > span->len && ftruncate(dst, at + span->len) < 0)
		return tx_fail(err, errno, "cut to %jd bytes", (intmax_t)(at + span->len));
	moved->bytes = n > span->len ? span->len : n;
	count_clone(mover, span, moved->bytes);
	return 0;
}

/* ------------------------------------------------------------------ copying */

/* copy_file_range(2) from FROM to TO, both positions; stops where it does not know on, which a
 * plain copy then finds out more about. Returns the bytes done or -errno for a lost target. */
static off_t copy_in_kernel(struct align_mover *mover, int src, off_t from, int dst, off_t to,
			    off_t len)
{
	off_t most = mover->moved ? KERNEL_COPY_TOLD : KERNEL_COPY_MAX, done = 0;

	while (done < len) {
		loff_t in = from + done, out = to + done;
		size_t n = (size_t)(len - done < most ? len - done : most);
		ssize_t r = copy_file_range(src, &in, dst, &out, n, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && target_is_lost(errno))
			return -errno;
		if (r <= 0)
			break;
		done += r;
		align_mover_tell(mover, r);
	}
	return done;
}

/* Returns the bytes copied, fewer than LEN only at the source's end, or -errno. */
static off_t copy_by_hand(struct align_mover *mover, int src, off_t from, int dst, off_t to,
			  off_t len, struct align_moved *moved, struct tx_err *err)
{
	off_t done = 0;

	if (!mover->buf)
		mover->buf = malloc(COPY_ROOM);
	if (!mover->buf)
		return tx_fail(err, ENOMEM, "copy");
	while (done < len) {
		size_t want = (size_t)(len - done < COPY_ROOM ? len - done : COPY_ROOM);
		ssize_t got = tx_read_at(src, mover->buf, want, from + done);
		int r;

		if (got < 0) {
			moved->source_failed = true;
			return tx_fail(err, (int)-got, "read %zu bytes at %jd", want,
				       (intmax_t)(from + done));
		}
		r = tx_write_at(dst, mover->buf, (size_t)got, to + done);
		if (r < 0)
			return tx_fail(err, -r, "write %zd bytes at %jd", got,
				       (intmax_t)(to + done));
		done += got;
		align_mover_tell(mover, got);
		if ((size_t)got < want)
			break;
	}
	return done;
}

static off_t copy_data(struct align_mover *mover, int src, off_t from, int dst, off_t to, off_t len,
		       struct align_moved *moved, struct tx_err *err)
{
	off_t done = 0, more = 0;

	/* copy_file_range() may share extents by itself, which "never" rules out. */
	if (mover->reflink != ALIGN_REFLINK_NEVER && len >= KERNEL_COPY_AT)
		done = copy_in_kernel(mover, src, from, dst, to, len);
	if (done < 0)
		return tx_fail(err, (int)-done, "write %jd bytes at %jd", (intmax_t)len,
			       (intmax_t)to);
	if (done < len)
		more = copy_by_hand(mover, src, from + done, dst, to + done, len - done, moved,
				    err);
	if (more < 0) {
		moved->bytes += done;
		mover->tally->copied += (uint64_t)done;
		return more;
	}
	moved->bytes += done + more;
	mover->tally->copied += (uint64_t)(done + more);
	return done + more;
}

/* The next piece of data at or after byte AT of the source; a hole before it is only counted. */
static int pass_hole(struct align_mover *mover, const struct align_span *span, off_t from,
		     struct align_range *data, struct align_moved *moved, struct tx_err *err)
{
	off_t end = span->off + span->len;
	int r;

	*data = (struct align_range){ .start = from, .end = end };
	if (!span->holes)
		return 0;
	r = align_extent_data(span->fd, from, end, data);
	if (r < 0) {
		moved->source_failed = true;
		return tx_fail(err, -r, "look for data at %jd", (intmax_t)from);
	}
	if (r == 0) {
		struct stat st;

		/* "Only a hole is left" is also said behind the end of a file that shrank. */
		if (fstat(span->fd, &st) == 0 && st.st_size < end)
			end = st.st_size > from ? st.st_size : from;
		*data = (struct align_range){ .start = end, .end = end };
	}
	if (data->start > from)
		moved->ends_in_hole = true;
	moved->bytes += data->start - from;
	mover->tally->hole += (uint64_t)(data->start - from);
	return 0;
}

static int copy_rest(struct align_mover *mover, const struct align_span *span, int dst, off_t at,
		     struct align_moved *moved, struct tx_err *err)
{
	while (moved->bytes < span->len) {
		off_t before = moved->bytes, done;
		struct align_range data;
		int r = pass_hole(mover, span, span->off + moved->bytes, &data, moved, err);

		if (r < 0)
			return r;
		if (data.end > data.start) {
			moved->ends_in_hole = false;
			done = copy_data(mover, span->fd, data.start, dst, at + moved->bytes,
					 data.end - data.start, moved, err);
			if (done < 0)
				return (int)done;
			if (done < data.end - data.start)
				return 0;
		}
		if (moved->bytes == before)
			return 0;
	}
	return 0;
}

int align_span_move(struct align_mover *mover, const struct align_span *span, int dst, off_t at,
		    struct align_moved *moved, struct tx_err *err)
{
	int r;

	*moved = (struct align_moved){ 0 };
	r = clone_blocks(mover, span, dst, at, moved, err);
	return r < 0 ? r : copy_rest(mover, span, dst, at, moved, err);
}

void align_tally_add(struct align_tally *all, const struct align_tally *one)
{
	all->cloned += one->cloned;
	all->copied += one->copied;
	all->hole += one->hole;
	all->exdev += one->exdev;
	all->notsup += one->notsup;
	all->inval += one->inval;
	all->other += one->other;
}

void align_mover_release(struct align_mover *mover)
{
	free(mover->buf);
	mover->buf = NULL;
}
