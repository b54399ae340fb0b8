#include "tarx/writer.h"

#include "align/block.h"
#include "align/io.h"
#include "tarx/pax.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUF_ROOM     (256u << 10)
#define END_MARK     (2 * TARX_BLOCK)
#define TAR_RECORD   10240u
#define SMALL_ENOUGH (64u << 10) /* payloads that go through the buffer with their headers */

/* An archive that grows in place. */
struct tarx_growth {
	uint64_t end; /* bytes: where the members were that it had */
	off_t size; /* of the file before; -1: there is nothing to undo */
	bool touched; /* the end mark may be no longer whole */
	int fd; /* borrowed: the archive */
	struct tx_undo undo; /* a signal that ends us finds it as it was before */
	char held[END_MARK]; /* what takes the place of the end mark there, at the very end */
};

/* A file that the shell opened for us takes clones and holes, unless it would put every write at
 * its end or has bytes behind where we begin. */
static bool is_plain_file(int fd, off_t *base)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || flags < 0 || (flags & O_APPEND))
		return false;
	*base = lseek(fd, 0, SEEK_CUR);
	return *base >= st.st_size;
}

int tarx_writer_open(struct tarx_writer *writer, const char *path, struct tx_err *err)
{
	int r;

	*writer = (struct tarx_writer){ .fd = STDOUT_FILENO, .file = { .fd = -1, .dir = -1 } };
	writer->buf = malloc(BUF_ROOM);
	if (!writer->buf)
		return tx_fail(err, ENOMEM, "open the archive");
	if (strcmp(path, "-")) {
		r = tx_newfile_open(&writer->file, path, err);
		if (r < 0)
			return r;
		writer->fd = writer->file.fd;
	}
	if (isatty(writer->fd))
		return tx_reject(err, EINVAL,
				 "an archive is not written to a terminal; name one with -f");
	writer->stream = !is_plain_file(writer->fd, &writer->base);
	if (writer->stream)
		writer->base = 0;
	return 0;
}

int tarx_writer_into(struct tarx_writer *writer, int fd, struct tx_err *err)
{
	*writer = (struct tarx_writer){ .fd = fd,
					.file = { .fd = -1, .dir = -1 },
					.buf = malloc(BUF_ROOM) };
	return writer->buf ? 0 : tx_fail(err, ENOMEM, "open the archive");
}

/* It is what it was. 0 or -errno. Called by a signal handler too. */
static int cut_back(struct tarx_growth *growth)
{
	static const char zeros[END_MARK];
	off_t size = growth->size, mark = size - (off_t)growth->end;

	if (size < 0)
		return 0;
	if (mark > END_MARK)
		mark = END_MARK;
	/* Cut first: on a full disk nothing else can be written. */
	if (ftruncate(growth->fd, (off_t)growth->end + mark) < 0)
		return -errno;
	if (growth->touched && tx_write_at(growth->fd, zeros, (size_t)mark, (off_t)growth->end) < 0)
		return -EIO;
	return ftruncate(growth->fd, size) < 0 ? -errno : 0;
}

static void cut_back_at_end(void *data)
{
	cut_back(data);
}

int tarx_writer_continue(struct tarx_writer *writer, int fd, off_t end, struct tx_err *err)
{
	struct stat st;

	*writer = (struct tarx_writer){ .fd = fd,
					.file = { .fd = -1, .dir = -1 },
					.at = (uint64_t)end,
					.buf = malloc(BUF_ROOM),
					.growth = calloc(1, sizeof(*writer->growth)) };
	if (!writer->buf || !writer->growth) {
		close(fd);
		return tx_fail(err, ENOMEM, "open the archive");
	}
	writer->growth->size = -1;
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the archive");
	*writer->growth =
		(struct tarx_growth){ .end = (uint64_t)end, .size = st.st_size, .fd = fd };
	writer->growth->undo = (struct tx_undo){ .run = cut_back_at_end, .data = writer->growth };
	tx_undo_add(&writer->growth->undo);
	if (st.st_size > end + END_MARK && ftruncate(fd, end + END_MARK) < 0) {
		writer->growth->size = -1;
		return tx_fail(err, errno, "cut off what follows the end mark");
	}
	return 0;
}

/* Keeps back what would fall on the old end mark. Returns how many bytes of the buffer that are. */
static size_t hold(struct tarx_writer *writer)
{
	struct tarx_growth *growth = writer->growth;
	uint64_t at = writer->at - writer->used;
	size_t n;

	if (!growth || at >= growth->end + END_MARK)
		return 0;
	n = (size_t)(growth->end + END_MARK - at);
	if (n > writer->used)
		n = writer->used;
	memcpy(growth->held + (at - growth->end), writer->buf, n);
	return n;
}

int tarx_writer_press(struct tarx_writer *writer, enum tarx_press press, const char *command,
		      struct tx_err *err)
{
	writer->presser = tarx_presser_open(press, command, writer->fd, err);
	writer->stream = true;
	writer->base = 0;
	return writer->presser ? 0 : -err->code;
}

static int flush(struct tarx_writer *writer, struct tx_err *err)
{
	size_t held = hold(writer), n = writer->used - held;
	off_t at = writer->base + (off_t)(writer->at - n);
	int r;

	if (writer->used == 0)
		return 0;
	if (writer->presser) {
		r = tarx_presser_write(writer->presser, writer->buf, writer->used, err);
		writer->used = 0;
		return r;
	}
	r = writer->stream ? tx_write_stream(writer->fd, writer->buf, n)
			   : tx_write_at(writer->fd, writer->buf + held, n, at);
	if (r < 0)
		return tx_fail(err, -r, "write %zu bytes at %jd", n, (intmax_t)at);
	writer->used = 0;
	return 0;
}

int tarx_writer_bytes(struct tarx_writer *writer, const void *bytes, size_t n, struct tx_err *err)
{
	while (n > 0) {
		size_t room = BUF_ROOM - writer->used, part = n < room ? n : room;
		int r;

		memcpy(writer->buf + writer->used, bytes, part);
		writer->used += part;
		writer->at += part;
		bytes = (const char *)bytes + part;
		n -= part;
		r = writer->used == BUF_ROOM ? flush(writer, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* In a file zeros that follow nothing in the buffer need not be written: nothing was there. */
int tarx_writer_zeros(struct tarx_writer *writer, uint64_t n, struct tx_err *err)
{
	while (n > 0) {
		size_t room = BUF_ROOM - writer->used, part = n < room ? (size_t)n : room;
		int r;

		if (!writer->stream && (writer->used == 0 || n > BUF_ROOM)) {
			r = flush(writer, err);
			writer->at += n;
			return r;
		}
		memset(writer->buf + writer->used, 0, part);
		writer->used += part;
		writer->at += part;
		n -= part;
		r = writer->used == BUF_ROOM ? flush(writer, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int fail_source(struct align_moved *moved, struct tx_err *source_err, ssize_t r, off_t at)
{
	moved->source_failed = true;
	return tx_fail(source_err, (int)-r, "read at %jd", (intmax_t)at);
}

/* Bytes FROM of the span's file on that are known: how many, at most WANT. */
static size_t known_part(const struct align_span *span, off_t from, size_t want)
{
	off_t left = span->known_at + span->known_len - from;

	if (!span->known || from < span->known_at || left <= 0)
		return 0;
	return left < (off_t)want ? (size_t)left : want;
}

static ssize_t fetch(const struct align_span *span, char *to, size_t *want, off_t from)
{
	size_t known = known_part(span, from, *want);

	if (known == 0)
		return tx_read_at(span->fd, to, *want, from);
	memcpy(to, span->known + (from - span->known_at), known);
	*want = known;
	return (ssize_t)known;
}

/* Reads what is left of the span, up to its byte END, into the buffer, behind what is there. */
static int buffered_rest(struct tarx_writer *writer, struct align_mover *mover,
			 const struct align_span *span, off_t end, struct align_moved *moved,
			 struct tx_err *source_err, struct tx_err *err)
{
	while (moved->bytes < end) {
		size_t room = BUF_ROOM - writer->used;
		off_t left = end - moved->bytes, from = span->off + moved->bytes;
		size_t want = left < (off_t)room ? (size_t)left : room;
		ssize_t got = fetch(span, writer->buf + writer->used, &want, from);
		int r;

		if (got < 0) {
			fail_source(moved, source_err, got, from);
			return 0;
		}
		writer->used += (size_t)got;
		writer->at += (uint64_t)got;
		moved->bytes += got;
		mover->tally->copied += (uint64_t)got;
		align_mover_tell(mover, got);
		r = writer->used == BUF_ROOM ? flush(writer, err) : 0;
		if (r < 0)
			return r;
		if ((size_t)got < want)
			return 0;
	}
	return 0;
}

/* What must go through the buffer, as it falls on the old end mark: whole blocks, so that those behind
 * lie on blocks where it does. */
static off_t held_part(const struct tarx_writer *writer, const struct align_mover *mover, off_t len)
{
	off_t part = mover->block > END_MARK ? (off_t)mover->block : END_MARK;

	if (!writer->growth || writer->at >= writer->growth->end + END_MARK)
		return 0;
	return len < part ? len : part;
}

static bool is_known(const struct align_span *span)
{
	return span->known && span->known_at <= span->off &&
	       span->known_at + span->known_len >= span->off + span->len;
}

/* What of the payload is worth moving by itself: whole blocks that can be cloned, or much. */
static off_t large_part(const struct tarx_writer *writer, const struct align_mover *mover,
			const struct align_span *span, off_t len)
{
	off_t at = writer->base + (off_t)writer->at, whole;

	if (writer->stream || is_known(span))
		return 0;
	if (mover->block && mover->reflink != ALIGN_REFLINK_NEVER &&
	    align_gap((uint64_t)at, mover->block) == 0) {
		whole = (off_t)align_down((uint64_t)len, mover->block);
		if (whole > 0)
			return whole;
	}
	return len > SMALL_ENOUGH ? len : 0;
}

static int move_large(struct tarx_writer *writer, struct align_mover *mover,
		      const struct align_span *span, off_t len, struct align_moved *moved,
		      struct tx_err *source_err, struct tx_err *err)
{
	struct align_span large = *span;
	off_t before = moved->bytes;
	struct tx_err move_err;
	int r = flush(writer, err);

	if (r < 0)
		return r;
	large.off += before;
	large.len = len;
	r = align_span_move(mover, &large, writer->fd, writer->base + (off_t)writer->at, moved,
			    &move_err);
	writer->at += (uint64_t)moved->bytes;
	moved->bytes += before;
	if (r < 0 && moved->source_failed)
		*source_err = move_err;
	else if (r < 0)
		*err = move_err;
	return moved->source_failed ? 0 : r;
}

int tarx_writer_span(struct tarx_writer *writer, struct align_mover *mover,
		     const struct align_span *span, struct align_moved *moved,
		     struct tx_err *source_err, struct tx_err *err)
{
	off_t lead = held_part(writer, mover, span->len), large;
	int r = 0;

	*moved = (struct align_moved){ 0 };
	if (lead > 0)
		r = buffered_rest(writer, mover, span, lead, moved, source_err, err);
	large = large_part(writer, mover, span, span->len - lead);
	if (r == 0 && moved->bytes == lead && large > 0)
		r = move_large(writer, mover, span, large, moved, source_err, err);
	if (r == 0 && moved->bytes == lead + large)
		r = buffered_rest(writer, mover, span, span->len, moved, source_err, err);
	return r;
}

int tarx_writer_payload(struct tarx_writer *writer, struct align_mover *mover,
			const struct align_span *span, struct align_moved *moved,
			struct tx_err *source_err, struct tx_err *err)
{
	int r = tarx_writer_span(writer, mover, span, moved, source_err, err);
	off_t missing;

	missing = span->len - moved->bytes;
	mover->tally->hole += (uint64_t)missing;
	if (r == 0)
		r = tarx_writer_zeros(writer, (uint64_t)missing, err);
	writer->padding += align_gap(writer->at, TARX_BLOCK);
	return r < 0 ? r : tarx_writer_zeros(writer, align_gap(writer->at, TARX_BLOCK), err);
}

/* Whole records as tar has always written them; where payloads are aligned whole blocks instead, so
 * that the last payload's last block can be cloned too. */
static uint64_t whole_end(uint64_t end, uint32_t align, uint64_t record)
{
	uint64_t unit = align;

	if (record > 0) {
		while (unit % record)
			unit += align;
		return (end + unit - 1) / unit * unit;
	}
	if (align == TARX_BLOCK)
		return (end + TAR_RECORD - 1) / TAR_RECORD * TAR_RECORD;
	return align_up(end > TAR_RECORD ? end : TAR_RECORD, align);
}

/* Puts what was held back over the old end mark: the last block first, as the first one ends the old
 * archive. Within a page it is one write, which no
 * signal can cut in two. */
static int grow(struct tarx_writer *writer, bool sync, struct tx_err *err)
{
	struct tarx_growth *growth = writer->growth;
	size_t first = growth->end % 4096 > 4096 - END_MARK ? TARX_BLOCK : END_MARK;
	int r = 0;

	if (sync && fsync(writer->fd) < 0)
		return tx_fail(err, errno, "sync the archive");
	growth->touched = true;
	if (first < END_MARK)
		r = tx_write_at(writer->fd, growth->held + first, END_MARK - first,
				(off_t)(growth->end + first));
	if (r == 0 && first < END_MARK && sync && fsync(writer->fd) < 0)
		r = -errno;
	if (r == 0)
		r = tx_write_at(writer->fd, growth->held, first, (off_t)growth->end);
	return r < 0 ? tx_fail(err, -r, "write over the end mark") : 0;
}

int tarx_writer_patch(struct tarx_writer *writer, uint64_t at, const void *bytes, size_t n,
		      struct tx_err *err)
{
	struct tarx_growth *growth = writer->growth;
	int r = flush(writer, err);

	if (r < 0)
		return r;
	if (growth && at < growth->end + END_MARK) {
		size_t from = (size_t)(at - growth->end), held = END_MARK - from;

		held = held < n ? held : n;
		memcpy(growth->held + from, bytes, held);
		bytes = (const char *)bytes + held;
		at += held;
		n -= held;
	}
	r = tx_write_at(writer->fd, bytes, n, writer->base + (off_t)at);
	return r < 0 ? tx_fail(err, -r, "write %zu bytes at %ju", n, (uintmax_t)at) : 0;
}

int tarx_writer_end(struct tarx_writer *writer, uint64_t start, uint32_t align, uint64_t record,
		    struct tx_err *err)
{
	static const char last[TARX_BLOCK];
	uint64_t end = start + whole_end(writer->at - start + END_MARK, align, record),
		 missing = end - writer->at;
	int r = tarx_writer_zeros(writer, missing - TARX_BLOCK, err);

	writer->padding += missing;
	return r < 0 ? r : tarx_writer_bytes(writer, last, TARX_BLOCK, err);
}

int tarx_writer_finish(struct tarx_writer *writer, uint32_t align, bool sync, struct tx_err *err)
{
	/* The last block is written, and so sets the length: on XFS ftruncate(2) would first wait for
	 * all that was written to be on the disk. */
	int r = tarx_writer_end(writer, 0, align, writer->record, err);

	if (r == 0)
		r = flush(writer, err);
	if (r == 0 && writer->growth)
		r = grow(writer, sync, err);
	if (r < 0)
		return r;
	if (writer->presser && tarx_presser_finish(writer->presser, err) < 0)
		return -err->code;
	if (writer->fd == STDOUT_FILENO && !writer->stream &&
	    lseek(writer->fd, writer->base + (off_t)writer->at, SEEK_SET) < 0)
		return tx_fail(err, errno, "go to the archive's end");
	if (sync && fsync(writer->fd) < 0 && errno != EINVAL)
		return tx_fail(err, errno, "sync the archive");
	if (writer->growth)
		writer->growth->size = -1;
	return writer->file.fd >= 0 ? tx_newfile_commit(&writer->file, sync, err) : 0;
}

int tarx_writer_restore(struct tarx_writer *writer, struct tx_err *err)
{
	struct tarx_growth *growth = writer->growth;
	off_t size = growth ? growth->size : -1;
	int r = growth ? cut_back(growth) : 0;

	if (growth)
		growth->size = -1;
	return r < 0 ? tx_fail(err, -r, "cut the archive back to %jd bytes", (intmax_t)size) : 0;
}

void tarx_writer_release(struct tarx_writer *writer)
{
	tarx_presser_free(writer->presser);
	writer->presser = NULL;
	if (writer->growth) {
		tx_undo_drop(&writer->growth->undo);
		close(writer->fd);
	}
	free(writer->growth);
	writer->growth = NULL;
	tx_newfile_release(&writer->file);
	free(writer->buf);
	writer->buf = NULL;
}
