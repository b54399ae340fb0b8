#include "tarx/adder.h"

#include "align/block.h"
#include "align/volume.h"
#include "tarx/append.h"
#include "tarx/pax.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIPE_ALIGN    4096u
#define LARGEST_GRAIN 65536u /* no file system has larger blocks */
#define USUAL_MIN     16384u /* to clone less costs more than to copy it, see HACKING.md */
#define MOST_SEGMENTS (1u << 20) /* 24 MiB of memory; readers have to keep them too */

/* ------------------------------------------------------------------ the archive */

/* What the file system of the archive can do; nothing where it is a pipe. */
static int probe(const struct tarx_writer *writer, struct align_volume *volume, struct tx_err *err)
{
	*volume = (struct align_volume){ .name = "a pipe", .block = PIPE_ALIGN };
	if (writer->stream)
		return 0;
	return align_volume_probe(volume, writer->file.dir >= 0 ? writer->file.dir : writer->fd,
				  err);
}

static uint32_t choose_align(const struct tarx_opts *opts, const struct align_volume *volume)
{
	if (opts->align == TARX_ALIGN_BLOCK)
		return volume->block;
	if (opts->align == TARX_ALIGN_UNSET)
		return volume->clones ? volume->block : TARX_BLOCK;
	return opts->align;
}

static off_t choose_align_min(const struct tarx_opts *opts, uint32_t align)
{
	if (opts->align_min >= 0)
		return (off_t)opts->align_min;
	return align > USUAL_MIN ? align : USUAL_MIN;
}

static int check_always(const struct tarx_adder *adder, const struct align_volume *volume,
			struct tx_err *err)
{
	if (adder->mover.reflink != ALIGN_REFLINK_ALWAYS)
		return 0;
	if (!volume->clones)
		return tx_fail(err, EOPNOTSUPP,
			       "--reflink=always: cannot share extents (%s has no reflinks)",
			       volume->name);
	if (!adder->mover.block)
		return tx_reject(
			err, EINVAL,
			"--reflink=always: cannot share extents: the archive does not start on a block");
	if (adder->align < volume->block)
		return tx_reject(
			err, EINVAL,
			"--reflink=always: cannot share extents: %u is less than a block of %s (%u)",
			adder->align, volume->name, volume->block);
	return 0;
}

static int open_writer(struct tarx_adder *adder, const struct tarx_opts *opts, struct tx_err *err)
{
	uint64_t left_over;
	int r;

	if (opts->mode != TARX_APPEND)
		return tarx_writer_open(&adder->writer, opts->archive, err);
	adder->writer = (struct tarx_writer){ .fd = -1, .file = { .fd = -1, .dir = -1 } };
	if (opts->press != TARX_PRESS_NONE)
		return tx_reject(err, EINVAL, "cannot append to a compressed archive");
	r = tarx_append_open(&adder->writer, opts->archive, &left_over, err);
	if (r == 0 && left_over > 0)
		tarx_notice(adder->report,
			    "%s: what followed the archive's end was no part of it, and is gone",
			    opts->archive);
	return r;
}

int tarx_adder_open(struct tarx_adder *adder, struct tarx_report *report, struct tx_err *err)
{
	const struct tarx_opts *opts = report->opts;
	struct align_volume volume;
	int r;

	*adder = (struct tarx_adder){ .report = report,
				      .segments = { .most = MOST_SEGMENTS },
				      .mover = { .reflink = opts->reflink } };
	tarx_report_watch(report, &adder->mover);
	r = open_writer(adder, opts, err);
	if (r == 0 && opts->press != TARX_PRESS_NONE)
		r = tarx_writer_press(&adder->writer, opts->press, opts->press_command, err);
	adder->writer.record = opts->record;
	if (r == 0 && fstat(adder->writer.fd, &adder->own) < 0)
		r = tx_fail(err, errno, "look at the archive");
	if (r == 0)
		r = probe(&adder->writer, &volume, err);
	if (r < 0)
		return r;
	/* Where nothing can be cloned it is tried all the same, so that the refusals are counted. */
	if (!adder->writer.stream && align_gap((uint64_t)adder->writer.base, volume.block) == 0)
		adder->mover.block = volume.block;
	adder->align = choose_align(opts, &volume);
	adder->align_min = choose_align_min(opts, adder->align);
	return check_always(adder, &volume, err);
}

static bool is_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool tarx_adder_is_archive(const struct tarx_adder *adder, const struct stat *st)
{
	const struct tx_newfile *file = &adder->writer.file;

	if (!S_ISREG(st->st_mode))
		return false;
	return is_inode(&adder->own, st) || (file->replaces && is_inode(&file->old, st));
}

bool tarx_adder_shares(const struct tarx_adder *adder, off_t size)
{
	return adder->mover.block && adder->mover.reflink != ALIGN_REFLINK_NEVER &&
	       adder->align >= adder->mover.block && size >= adder->align_min &&
	       size >= (off_t)adder->mover.block;
}

/* ------------------------------------------------------------------ one member */

/* Readers take headers of less than 1 MiB. A file is worth more than its attributes. */
static int encode_header(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err)
{
	struct tarx_item bare = *item;
	int r = tarx_header_encode(&adder->header, item, err);

	if (r != -E2BIG || item->xattr_count == 0)
		return r;
	tarx_warning(adder->report, "%s: stored without its %zu extended attributes: %s",
		     item->path, item->xattr_count, err->text);
	bare.xattr_count = 0;
	return tarx_header_encode(&adder->header, &bare, err);
}

/* What is in front of the payload's first byte of data, and belongs to it. */
static uint64_t map_length(const struct tarx_item *item)
{
	return item->segments ? align_up(tarx_segments_map_size(item), TARX_BLOCK) : 0;
}

/* It is the data that must lie on a block. */
static int pad_header(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err)
{
	uint64_t map = map_length(item), data = tarx_header_stored(item) - map;
	ssize_t added;

	if (item->size == 0 || adder->align == TARX_BLOCK || data < (uint64_t)adder->align_min)
		return 0;
	added = tarx_header_align(&adder->header, adder->writer.at + map, adder->align, err);
	if (added == -E2BIG && adder->mover.reflink != ALIGN_REFLINK_ALWAYS)
		return 0;
	if (added < 0)
		return (int)added;
	adder->report->padding_bytes += (uint64_t)added;
	return 0;
}

uint32_t tarx_adder_grain(const struct tarx_adder *adder)
{
	return adder->align < LARGEST_GRAIN ? adder->align : LARGEST_GRAIN;
}

/* With --sparse: where the file has holes, if it has some. A file that cannot be asked is stored whole. */
static void find_segments(struct tarx_adder *adder, struct tarx_item *item)
{
	const struct tarx_opts *opts = adder->report->opts;
	uint32_t grain = tarx_adder_grain(adder);
	struct tx_err err;

	if (!opts->sparse || item->segments || item->data.fd < 0 || item->size == 0)
		return;
	if (tarx_segments_find(&adder->segments, item->data.fd, item->size, grain,
			       opts->hole_detection == TARX_HOLES_RAW, &err) <= 0)
		return;
	item->segments = adder->segments.list;
	item->segment_count = adder->segments.count;
}

static int add_map(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err)
{
	char text[4096], zeros[TARX_BLOCK] = { 0 };
	uint64_t gap = align_gap(tarx_segments_map_size(item), TARX_BLOCK);
	size_t at = 0, n;
	int r = 0;

	while (r == 0 && (n = tarx_segments_map(item, &at, text, sizeof(text))) > 0)
		r = tarx_writer_bytes(&adder->writer, text, n, err);
	adder->report->header_bytes += map_length(item);
	return r < 0 ? r : tarx_writer_bytes(&adder->writer, zeros, (size_t)gap, err);
}

/* What became of a payload, in all of its pieces. */
struct outcome {
	off_t missing; /* bytes */
	bool failed;
	struct tx_err err; /* the first failure */
};

static void report_source(struct tarx_adder *adder, const struct tarx_item *item,
			  const struct outcome *outcome)
{
	intmax_t missing = (intmax_t)outcome->missing;

	adder->source_told = outcome->failed || missing;
	if (outcome->failed)
		tarx_error(adder->report, "%s: %s; %jd bytes are zeros in the archive", item->path,
			   outcome->err.text, missing);
	else if (missing)
		tarx_warning(
			adder->report,
			"%s: the file shrank while it was read; %jd bytes are zeros in the archive",
			item->path, missing);
}

static int add_piece(struct tarx_adder *adder, const struct align_span *span,
		     struct outcome *outcome, struct tx_err *err)
{
	struct align_moved moved;
	struct tx_err source_err;
	int r = tarx_writer_payload(&adder->writer, &adder->mover, span, &moved, &source_err, err);

	if (r < 0)
		return r;
	outcome->missing += span->len - moved.bytes;
	if (moved.source_failed && !outcome->failed)
		outcome->err = source_err;
	outcome->failed |= moved.source_failed;
	return 0;
}

/* Each segment but one at the file's end is whole blocks, and so lies on a block if the first does. */
static int add_segments(struct tarx_adder *adder, const struct tarx_item *item,
			struct outcome *outcome, struct tx_err *err)
{
	struct align_span span = item->data;
	int r = 0;

	for (size_t i = 0; r == 0 && i < item->segment_count; i++) {
		span.off = item->segments[i].at;
		span.len = item->segments[i].len;
		r = add_piece(adder, &span, outcome, err);
	}
	adder->mover.tally->hole += (uint64_t)item->size - tarx_segments_data(item);
	return r;
}

static int add_payload(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err)
{
	struct outcome outcome = { 0 };
	int r;

	if (!tarx_item_has_data(item) || item->size == 0)
		return 0;
	r = item->segments ? add_segments(adder, item, &outcome, err)
			   : add_piece(adder, &item->data, &outcome, err);
	if (r < 0)
		return r;
	report_source(adder, item, &outcome);
	return 0;
}

int tarx_adder_begin(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err)
{
	int r;

	adder->source_told = false;
	tarx_report_begin(adder->report);
	if (encode_header(adder, item, err) < 0) {
		tarx_error(adder->report, "%s: %s", item->path, err->text);
		return 0;
	}
	adder->report->header_bytes += adder->header.len;
	r = pad_header(adder, item, err);
	if (r == 0)
		r = tarx_writer_bytes(&adder->writer, adder->header.bytes, adder->header.len, err);
	if (r == 0 && item->segments)
		r = add_map(adder, item, err);
	return r < 0 ? tx_wrap(err, "%s", item->path) : 1;
}

int tarx_adder_add(struct tarx_adder *adder, const struct tarx_item *given, struct tx_err *err)
{
	struct tarx_item item = *given;
	int r;

	find_segments(adder, &item);
	r = tarx_adder_begin(adder, &item, err);
	if (r <= 0)
		return r;
	r = add_payload(adder, &item, err);
	if (r < 0)
		return tx_wrap(err, "%s", item.path);
	tarx_report_member(adder->report, &item);
	return 1;
}

int tarx_adder_end(struct tarx_adder *adder, const struct tarx_item *item, struct tx_err *err)
{
	uint64_t gap = align_gap(adder->writer.at, TARX_BLOCK);
	int r = tarx_writer_zeros(&adder->writer, gap, err);

	if (r < 0)
		return tx_wrap(err, "%s", item->path);
	adder->writer.padding += gap;
	tarx_report_member(adder->report, item);
	return 1;
}

int tarx_adder_add_bytes(struct tarx_adder *adder, const struct tarx_item *item, const void *bytes,
			 struct tx_err *err)
{
	static const char zeros[TARX_BLOCK];
	size_t gap = (size_t)align_gap((uint64_t)item->size, TARX_BLOCK);
	int r;

	tarx_report_begin(adder->report);
	if (encode_header(adder, item, err) < 0) {
		tarx_error(adder->report, "%s: %s", item->path, err->text);
		return 0;
	}
	adder->report->header_bytes += adder->header.len;
	r = tarx_writer_bytes(&adder->writer, adder->header.bytes, adder->header.len, err);
	if (r == 0)
		r = tarx_writer_bytes(&adder->writer, bytes, (size_t)item->size, err);
	if (r == 0)
		r = tarx_writer_bytes(&adder->writer, zeros, gap, err);
	if (r < 0)
		return tx_wrap(err, "%s", item->path);
	adder->writer.padding += gap;
	adder->mover.tally->copied += (uint64_t)item->size;
	tarx_report_member(adder->report, item);
	return 1;
}

int tarx_adder_finish(struct tarx_adder *adder, struct tx_err *err)
{
	int r = tarx_writer_finish(&adder->writer, adder->align, adder->report->opts->sync, err);

	adder->report->archive_bytes = adder->writer.at;
	adder->report->padding_bytes += adder->writer.padding;
	return r;
}

void tarx_adder_release(struct tarx_adder *adder)
{
	struct tx_err err;

	tarx_header_release(&adder->header);
	tarx_segments_release(&adder->segments);
	align_mover_release(&adder->mover);
	if (tarx_writer_restore(&adder->writer, &err) < 0)
		tarx_fatal(adder->report, "%s: %s", adder->report->opts->archive, err.text);
	tarx_writer_release(&adder->writer);
}
