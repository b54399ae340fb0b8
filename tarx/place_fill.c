/* The bytes of a regular file that was made. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Bytes out of a stream, which belong at byte OFF. */
struct piece {
	const void *bytes; /* borrowed from the reader */
	size_t len;
	off_t off;
};

static int check_reach(const struct tarx_item *item, off_t end, struct tx_err *err)
{
	if (item->data.off <= end && item->data.len <= end - item->data.off)
		return 0;
	return tx_reject(err, EBADMSG,
			 "the archive is truncated: %jd bytes from %jd on are missing",
			 (intmax_t)(item->data.len - (end - item->data.off)), (intmax_t)end);
}

/* Moves SPAN of the archive to byte AT; *END becomes that of the file. */
static int fill_piece(struct align_mover *mover, const struct align_span *span, int fd, off_t at,
		      off_t *end, bool *refused, struct tx_err *err)
{
	struct align_moved moved;
	int r = align_span_move(mover, span, fd, at, &moved, err);

	/* Else it was copied instead, and that failed. */
	*refused |= r < 0 && moved.refused && mover->reflink == ALIGN_REFLINK_ALWAYS;
	if (r < 0)
		return r;
	if (moved.bytes < span->len)
		return tx_reject(err, EBADMSG, "the archive became shorter while it was read");
	if (!moved.ends_in_hole)
		*end = at + span->len;
	return 0;
}

/* Every segment, or the one piece that there is; holes between them are left out. */
int tarx_fill_from_file(struct align_mover *mover, const struct tarx_item *item, off_t archive_end,
			int fd, bool *refused, struct tx_err *err)
{
	const struct tarx_segment whole = { 0, item->size, item->data.off };
	const struct tarx_segment *segments = item->segments ? item->segments : &whole;
	size_t count = item->segments ? item->segment_count : 1;
	off_t data = 0, end = 0;
	int r = check_reach(item, archive_end, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct align_span span = item->data;

		span.off = segments[i].at;
		span.len = segments[i].len;
		data += span.len;
		r = fill_piece(mover, &span, fd, segments[i].off, &end, refused, err);
	}
	if (r < 0)
		return r;
	mover->tally->hole += (uint64_t)(item->size - data);
	if (end < item->size && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	return 0;
}

/* The next piece out of the stream, and *END where it ends: 1, 0: there is none, or -errno. */
static int next_piece(const struct tarx_item *item, struct tarx_reader *reader, struct piece *piece,
		      off_t *end, struct tx_err *err)
{
	int r = tarx_reader_block(reader, &piece->bytes, &piece->len, &piece->off, err);

	if (r < 0)
		return r;
	if (r == 0 && *end < item->size && !item->segments)
		return tx_reject(err, EBADMSG, "the archive is damaged: bytes are missing");
	if (r == 0)
		return 0;
	if (piece->off < *end || (off_t)piece->len > item->size - piece->off)
		return tx_reject(err, EBADMSG,
				 "the archive is damaged: a piece of the file lies outside it");
	*end = piece->off + (off_t)piece->len;
	return 1;
}

static int fill_from_stream(struct tarx_place *place, const struct tarx_item *item,
			    struct tarx_reader *reader, int fd, struct tx_err *err)
{
	struct piece piece;
	uint64_t copied = 0;
	off_t end = 0;
	int r;

	while ((r = next_piece(item, reader, &piece, &end, err)) > 0) {
		r = tx_write_at(fd, piece.bytes, piece.len, piece.off);
		if (r < 0)
			return tx_fail(err, -r, "write %zu bytes at %jd", piece.len,
				       (intmax_t)piece.off);
		copied += piece.len;
		align_mover_tell(&place->mover, (off_t)piece.len);
	}
	if (r < 0)
		return r;
	if (end < item->size && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	place->mover.tally->copied += copied;
	place->mover.tally->hole += (uint64_t)item->size - copied;
	return 0;
}

int tarx_fill_memory(char *to, const struct tarx_item *item, struct tarx_reader *reader,
		     struct tx_err *err)
{
	struct piece piece;
	off_t end = 0;
	int r;

	while ((r = next_piece(item, reader, &piece, &end, err)) > 0)
		memcpy(to + piece.off, piece.bytes, piece.len);
	return r;
}

bool tarx_fill_shares(const struct align_mover *mover, const struct tarx_item *item)
{
	uint32_t block = mover->reflink == ALIGN_REFLINK_NEVER ? 0 : mover->block;

	return item->data.fd >= 0 && block && item->data.off % block == 0 && item->size >= block;
}

bool tarx_fill_is_direct(const struct align_mover *mover, const struct tarx_item *item)
{
	if (item->data.fd < 0 || item->size == 0)
		return false;
	return item->segments || tarx_fill_shares(mover, item) || item->size > 64 << 10;
}

int tarx_place_fill(struct tarx_place *place, const struct tarx_item *item,
		    struct tarx_reader *reader, int fd, struct tx_err *err)
{
	const struct align_volume *volume = place->live.within ? &place->live.volume
							       : &place->parent.volume;
	TX_FD real = -1; /* what bytes can be shared with, where that is not FD itself */

	if (item->size == 0)
		return 0;
	if (place->mover.reflink == ALIGN_REFLINK_ALWAYS && !volume->clones) {
		place->refused = true;
		return tx_fail(err, EOPNOTSUPP, "cannot share extents (%s has no reflinks)",
			       volume->name);
	}
	real = tarx_live_open_real(&place->live, fd);
	if (real >= 0)
		fd = real;
	/* XFS reserves space behind what grows, which would fill the holes. */
	if (item->segments && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	if (tarx_fill_is_direct(&place->mover, item))
		return tarx_fill_from_file(&place->mover, item, reader->base + reader->size, fd,
					   &place->refused, err);
	return fill_from_stream(place, item, reader, fd, err);
}
