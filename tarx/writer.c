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
	off_t at = writer->base + (off_t)(writer->at - writer->used);
	int r;

	if (writer->used == 0)
		return 0;
	if (writer->presser) {
		r = tarx_presser_write(writer->presser, writer->buf, writer->used, err);
		writer->used = 0;
		return r;
	}
	r = writer->stream ? tx_write_stream(writer->fd, writer->buf, writer->used)
			   : tx_write_at(writer->fd, writer->buf, writer->used, at);
	if (r < 0)
		return tx_fail(err, -r, "write %zu bytes at %jd", writer->used, (intmax_t)at);
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
static int zeros(struct tarx_writer *writer, uint64_t n, struct tx_err *err)
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

/* Reads what is left of the span into the buffer, behind what is there. */
static int buffered_rest(struct tarx_writer *writer, struct align_mover *mover,
			 const struct align_span *span, struct align_moved *moved,
			 struct tx_err *source_err, struct tx_err *err)
{
	while (moved->bytes < span->len) {
		size_t room = BUF_ROOM - writer->used;
		off_t left = span->len - moved->bytes, from = span->off + moved->bytes;
		size_t want = left < (off_t)room ? (size_t)left : room;
		ssize_t got = tx_read_at(span->fd, writer->buf + writer->used, want, from);
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

/* What of the payload is worth moving by itself: whole blocks that can be cloned, or much. */
static off_t large_part(const struct tarx_writer *writer, const struct align_mover *mover,
			off_t len)
{
	off_t at = writer->base + (off_t)writer->at, whole;

	if (writer->stream)
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
	struct tx_err move_err;
	int r = flush(writer, err);

	if (r < 0)
		return r;
	large.len = len;
	r = align_span_move(mover, &large, writer->fd, writer->base + (off_t)writer->at, moved,
			    &move_err);
	writer->at += (uint64_t)moved->bytes;
	if (r < 0 && moved->source_failed)
		*source_err = move_err;
	else if (r < 0)
		*err = move_err;
	return moved->source_failed ? 0 : r;
}

int tarx_writer_payload(struct tarx_writer *writer, struct align_mover *mover,
			const struct align_span *span, struct align_moved *moved,
			struct tx_err *source_err, struct tx_err *err)
{
	off_t large = large_part(writer, mover, span->len), missing;
	int r = 0;

	*moved = (struct align_moved){ 0 };
	if (large > 0)
		r = move_large(writer, mover, span, large, moved, source_err, err);
	if (r == 0 && moved->bytes == large)
		r = buffered_rest(writer, mover, span, moved, source_err, err);
	missing = span->len - moved->bytes;
	mover->tally->hole += (uint64_t)missing;
	if (r == 0)
		r = zeros(writer, (uint64_t)missing, err);
	writer->padding += align_gap(writer->at, TARX_BLOCK);
	return r < 0 ? r : zeros(writer, align_gap(writer->at, TARX_BLOCK), err);
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

int tarx_writer_finish(struct tarx_writer *writer, uint32_t align, bool sync, struct tx_err *err)
{
	static const char last[TARX_BLOCK];
	uint64_t end = whole_end(writer->at + END_MARK, align, writer->record),
		 missing = end - writer->at;
	int r;

	writer->padding += missing;
	/* The last block is written, and so sets the length: on XFS ftruncate(2) would first wait for
	 * all that was written to be on the disk. */
	r = zeros(writer, missing - TARX_BLOCK, err);
	if (r == 0)
		r = tarx_writer_bytes(writer, last, TARX_BLOCK, err);
	if (r == 0)
		r = flush(writer, err);
	if (r < 0)
		return r;
	if (writer->presser && tarx_presser_finish(writer->presser, err) < 0)
		return -err->code;
	if (writer->fd == STDOUT_FILENO && !writer->stream &&
	    lseek(writer->fd, writer->base + (off_t)end, SEEK_SET) < 0)
		return tx_fail(err, errno, "go to the archive's end");
	if (sync && fsync(writer->fd) < 0 && errno != EINVAL)
		return tx_fail(err, errno, "sync the archive");
	return writer->file.fd >= 0 ? tx_newfile_commit(&writer->file, sync, err) : 0;
}

void tarx_writer_release(struct tarx_writer *writer)
{
	tarx_presser_free(writer->presser);
	writer->presser = NULL;
	tx_newfile_release(&writer->file);
	free(writer->buf);
	writer->buf = NULL;
}
