#include "tarx/transfer.h"

#include <errno.h>

/* How far a payload came. */
struct filling {
	struct tarx_adder *adder; /* borrowed */
	const struct tarx_item *item; /* borrowed: with the segments that are stored */
	size_t segment; /* the one in hand */
	off_t at; /* bytes of the file that are done, with its holes */
};

static off_t end_of(const struct tarx_segment *segment)
{
	return segment->off + segment->len;
}

/* What is stored of the file as its piece I; false: there is no such. */
static bool stored_piece(const struct tarx_item *item, size_t i, struct tarx_segment *piece)
{
	if (!item->segments) {
		*piece = (struct tarx_segment){ .len = item->size };
		return i == 0;
	}
	if (i < item->segment_count)
		*piece = item->segments[i];
	return i < item->segment_count;
}

/* Goes on to byte OFF of the file; what is stored on the way is zeros. */
static int go_to(struct filling *f, off_t off, struct tx_err *err)
{
	struct tarx_segment piece;
	int r = 0;

	f->adder->mover.tally->hole += (uint64_t)(off - f->at);
	while (r == 0 && stored_piece(f->item, f->segment, &piece) && piece.off < off) {
		off_t from = f->at > piece.off ? f->at : piece.off;
		off_t to = end_of(&piece) < off ? end_of(&piece) : off;

		if (to > from)
			r = tarx_writer_zeros(&f->adder->writer, (uint64_t)(to - from), err);
		if (end_of(&piece) > off)
			break;
		f->segment++;
	}
	f->at = off;
	return r;
}

/* LEN bytes at OFF come next: they must lie behind what was there, in one piece of what is stored. */
static int come_to(struct filling *f, off_t off, off_t len, struct tx_err *err)
{
	struct tarx_segment piece;
	int r;

	if (off < f->at || off > f->item->size || len > f->item->size - off)
		return tx_reject(err, EBADMSG, "damaged: a piece of the file lies outside it");
	r = go_to(f, off, err);
	if (r < 0)
		return r;
	/* Where one piece ends the next one may begin. */
	while (stored_piece(f->item, f->segment, &piece) && end_of(&piece) <= off)
		f->segment++;
	if (!stored_piece(f->item, f->segment, &piece) || off < piece.off ||
	    len > end_of(&piece) - off)
		return tx_reject(err, EBADMSG, "damaged: a piece of the file lies in a hole");
	return 0;
}

/* ------------------------------------------------------------------ from a file */

static int put_span(struct filling *f, const struct align_span *span, off_t off, struct tx_err *err)
{
	struct align_moved moved;
	struct tx_err source_err;
	int r = come_to(f, off, span->len, err);

	if (r == 0)
		r = tarx_writer_span(&f->adder->writer, &f->adder->mover, span, &moved, &source_err,
				     err);
	if (r < 0)
		return r;
	f->at = off + span->len;
	if (moved.source_failed) {
		*err = source_err;
		return -err->code;
	}
	if (moved.bytes < span->len)
		return tx_reject(
			err, EBADMSG,
			"its content ends too early: cut off, or it shrank while it was read");
	return 0;
}

static int put_data(struct filling *f, const struct tarx_item *item, struct tx_err *err)
{
	struct align_span span = item->data;
	int r = 0;

	if (!item->segments)
		return put_span(f, &span, 0, err);
	for (size_t i = 0; r == 0 && i < item->segment_count; i++) {
		span.off = item->segments[i].at;
		span.len = item->segments[i].len;
		r = put_span(f, &span, item->segments[i].off, err);
	}
	return r;
}

/* ------------------------------------------------------------------ from a stream */

static int put_bytes(struct filling *f, const void *bytes, size_t len, off_t off,
		     struct tx_err *err)
{
	struct align_mover *mover = &f->adder->mover;
	int r = come_to(f, off, (off_t)len, err);

	if (r == 0)
		r = tarx_writer_bytes(&f->adder->writer, bytes, len, err);
	if (r < 0)
		return r;
	f->at = off + (off_t)len;
	mover->tally->copied += len;
	align_mover_tell(mover, (off_t)len);
	return 0;
}

static int put_stream(struct filling *f, struct tarx_reader *reader, struct tx_err *err)
{
	const void *bytes;
	size_t len;
	off_t off;
	int r;

	while ((r = tarx_reader_block(reader, &bytes, &len, &off, err)) > 0) {
		r = len > 0 ? put_bytes(f, bytes, len, off, err) : 0;
		if (r < 0)
			return r;
	}
	if (r == 0 && !f->item->segments && f->at < f->item->size)
		return tx_reject(err, EBADMSG, "damaged: the file is shorter than its header says");
	return r;
}

/* ------------------------------------------------------------------ either */

/* --reflink=always is a promise that a stream cannot keep. */
static int check_always(const struct tarx_adder *adder, const struct tarx_item *item,
			struct tx_err *err)
{
	if (adder->mover.reflink != ALIGN_REFLINK_ALWAYS || item->data.fd >= 0 ||
	    !tarx_adder_shares(adder, item->size))
		return 0;
	return tx_reject(err, EINVAL,
			 "--reflink=always: nothing can be shared out of a pipe or a compressed "
			 "archive");
}

static int put(struct tarx_transfer *transfer, const struct tarx_item *item,
	       const struct tarx_item *stored, struct tx_err *err)
{
	struct filling f = { .adder = transfer->adder, .item = stored };
	int r;

	if (item->size == 0)
		return 0;
	r = item->data.fd >= 0 ? put_data(&f, item, err) : put_stream(&f, transfer->reader, err);
	return r < 0 ? r : go_to(&f, item->size, err);
}

int tarx_transfer_add(struct tarx_transfer *transfer, const struct tarx_item *item,
		      struct tx_err *err)
{
	struct tarx_adder *adder = transfer->adder;
	struct tarx_item stored = *item;
	int r = check_always(adder, item, err);

	if (r == 0 && item->segments) {
		transfer->segments.most = adder->segments.most;
		r = tarx_segments_round(&transfer->segments, item, tarx_adder_grain(adder));
		if (r < 0)
			tx_fail(err, -r, "read its map of holes");
		stored.segments = transfer->segments.list;
		stored.segment_count = transfer->segments.count;
	}
	if (r < 0)
		return tx_wrap(err, "%s", item->path);
	r = tarx_adder_begin(adder, &stored, err);
	if (r <= 0)
		return r;
	r = put(transfer, item, &stored, err);
	return r < 0 ? tx_wrap(err, "%s", item->path) : tarx_adder_end(adder, &stored, err);
}
