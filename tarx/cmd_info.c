#include "align/block.h"
#include "align/cleanup.h"
#include "align/extent.h"
#include "align/io.h"
#include "align/volume.h"
#include "tarx/cmd.h"
#include "tarx/layout.h"
#include "tarx/pax.h"
#include "tarx/quote.h"
#include "tarx/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MOST (2u << 20) /* longer ones are not looked into */

/* The last member, whose end is where the next one begins. */
struct last {
	bool any;
	uint64_t header; /* bytes from the archive's start */
	uint64_t payload; /* where it begins, behind the map of a sparse one */
	uint64_t size; /* bytes that are stored */
	char *path; /* owned */
	bool in_one_piece;
};

struct look {
	struct tarx_report *report; /* borrowed */
	struct tarx_reader *reader; /* borrowed */
	struct tarx_layout *layout; /* borrowed */
	struct last last;
};

/* ------------------------------------------------------------------ one member */

static uint64_t look_at_headers(struct look *look, uint64_t len)
{
	size_t n = len < HEADERS_MOST ? (size_t)len : HEADERS_MOST;
	TX_FREE char *bytes = malloc(n);
	ssize_t got;

	if (!bytes)
		return 0;
	got = tx_read_at(look->reader->fd, bytes, n, look->reader->base + (off_t)look->last.header);
	return got > 0 ? tarx_layout_headers(look->layout, bytes, (size_t)got) : 0;
}

static uint64_t look_at_extents(struct look *look)
{
	uint64_t shared = 0, mapped = 0;
	struct tx_err err;

	if (!look->last.in_one_piece || look->last.size == 0)
		return 0;
	if (align_extent_shared(look->reader->fd, look->reader->base + (off_t)look->last.payload,
				(off_t)look->last.size, &shared, &mapped, &err) < 0)
		return 0;
	look->layout->extents = true;
	return shared < look->last.size ? shared : look->last.size;
}

/* How the member lies: the largest power of two that its payload's start is a multiple of. */
static uint64_t lies_on(uint64_t at)
{
	return at == 0 || (at & -at) > 1u << 20 ? 1u << 20 : at & -at;
}

static void tell_member(struct look *look, uint64_t padding, uint64_t shared)
{
	const struct last *last = &look->last;
	FILE *out = look->report->listing;

	if (last->in_one_piece)
		fprintf(out,
			"%12" PRIu64 " %12" PRIu64 " %8" PRIu64 " %12" PRIu64 " %8" PRIu64
			" %12" PRIu64 " ",
			last->header, last->payload, lies_on(last->payload), last->size, padding,
			shared);
	else
		fprintf(out, "%12" PRIu64 " %12s %8s %12" PRIu64 " %8" PRIu64 " %12s ",
			last->header, "-", "-", last->size, padding, "-");
	tarx_quote_name(out, last->path, tarx_quote_speaks_utf8());
	fputc('\n', out);
}

/* The last member ends where the next one, or the end mark, begins. */
static void close_last(struct look *look, uint64_t next)
{
	struct tarx_layout *layout = look->layout;
	struct last *last = &look->last;
	uint64_t stored = next - last->header, headers = stored, padding, shared;

	if (!last->any || !layout->plain || next < last->header)
		return;
	if (last->in_one_piece) {
		headers = last->payload - last->header;
		tarx_layout_payload(layout, last->payload, last->size);
	} else if (last->size > 0) {
		headers = TARX_BLOCK;
	}
	padding = look_at_headers(look, headers);
	shared = look_at_extents(look);
	layout->headers += headers;
	layout->padding += padding;
	layout->shared += shared;
	if (padding > layout->padding_most)
		layout->padding_most = padding;
	if (look->report->opts->verbose > 0)
		tell_member(look, padding, shared);
}

/* Less than the file has where holes were left out. */
static uint64_t stored_bytes(const struct tarx_item *item)
{
	return (uint64_t)(item->segments ? item->data.len : item->size);
}

static void open_next(struct look *look, const struct tarx_item *item)
{
	bool has_payload = tarx_item_kind(item) == TARX_FILE && item->size > 0;

	free(look->last.path);
	look->last = (struct last){
		.any = true,
		.header = (uint64_t)tarx_reader_header(look->reader),
		.path = strdup(item->path),
		.size = has_payload ? stored_bytes(item) : 0,
		.in_one_piece = has_payload && item->data.fd >= 0,
	};
	if (look->last.in_one_piece)
		look->last.payload = (uint64_t)(item->data.off - look->reader->base);
	look->layout->payload += look->last.size;
	if (has_payload)
		look->layout->holes += (uint64_t)item->size - look->last.size;
	look->report->members[tarx_item_kind(item)]++;
}

/* ------------------------------------------------------------------ the archive */

static void look_at_file(struct look *look, uint64_t end)
{
	struct align_volume volume;
	struct tx_err err;
	struct stat st;

	if (fstat(look->reader->fd, &st) < 0)
		return;
	look->layout->end = (uint64_t)look->reader->size - end;
	look->layout->occupied = (uint64_t)st.st_blocks * 512;
	look->report->archive_bytes = (uint64_t)look->reader->size;
	if (align_volume_probe(&volume, look->reader->fd, &err) == 0)
		look->layout->block = volume.block;
}

static int look_at_members(struct look *look, struct tx_err *err)
{
	struct tarx_item item;
	int r;

	while ((r = tarx_reader_next(look->reader, &item, err)) > 0) {
		if (!look->last.any && tarx_reader_is_plain(look->reader)) {
			look->layout->plain = true;
			look_at_file(look, 0);
			if (look->report->opts->verbose > 0)
				fprintf(look->report->listing, "%12s %12s %8s %12s %8s %12s %s\n",
					"header", "payload", "on", "bytes", "padding", "shared",
					"name");
		}
		close_last(look, (uint64_t)tarx_reader_header(look->reader));
		if (item.warning)
			tarx_warning(look->report, "%s: %s", item.path, item.warning);
		open_next(look, &item);
	}
	if (r < 0)
		return r;
	look->layout->plain = tarx_reader_is_plain(look->reader);
	look->layout->compression = tarx_reader_compression(look->reader);
	look->report->tar_bytes = tarx_reader_length(look->reader);
	if (look->layout->plain) {
		close_last(look, (uint64_t)tarx_reader_header(look->reader));
		look_at_file(look, (uint64_t)tarx_reader_header(look->reader));
	}
	return 0;
}

/* ------------------------------------------------------------------ what is told */

static void tell_kinds(const struct tarx_report *report)
{
	static const char *const one[TARX_KINDS] = { "file",      "directory", "symbolic link",
						     "hard link", "device",    "fifo",
						     "whiteout" };
	static const char *const more[TARX_KINDS] = { "files",      "directories", "symbolic links",
						      "hard links", "devices",     "fifos",
						      "whiteouts" };
	const char *comma = "";

	fprintf(report->listing, "%-12s", "members");
	for (int i = 0; i < TARX_KINDS; i++) {
		if (report->members[i] == 0)
			continue;
		fprintf(report->listing, "%s%" PRIu64 " %s", comma, report->members[i],
			report->members[i] == 1 ? one[i] : more[i]);
		comma = ", ";
	}
	fputs(*comma ? "\n" : "none\n", report->listing);
}

static void tell_part(FILE *out, const char *what, uint64_t bytes, uint64_t whole, const char *rest)
{
	fprintf(out, "%-12s%" PRIu64 " bytes", what, bytes);
	if (whole > 0)
		fprintf(out, " (%.1f%%)", 100.0 * (double)bytes / (double)whole);
	fprintf(out, "%s\n", rest);
}

static void tell_places(FILE *out, const struct tarx_layout *layout)
{
	char rest[96];

	fprintf(out, "%-12s%s%s%s%s\n", "format", layout->pax ? "pax " : "",
		layout->gnu ? "gnu " : "", layout->ustar ? "ustar " : "", layout->v7 ? "v7" : "");
	if (tarx_layout_align(layout) > TARX_BLOCK)
		fprintf(out, "%-12s%" PRIu32 "\n", "alignment", tarx_layout_align(layout));
	else
		fprintf(out, "%-12snone\n", "alignment");
	snprintf(rest, sizeof(rest), " in payloads that begin on a block of %" PRIu32,
		 layout->block);
	tell_part(out, "  aligned", layout->on_block, layout->payload, rest);
	if (layout->extents)
		tell_part(out, "  shared", layout->shared, layout->payload,
			  " in extents that others use too");
	else
		fprintf(out, "%-12snot known\n", "  shared");
	tell_part(out, "headers", layout->headers, 0, "");
	snprintf(rest, sizeof(rest), ", at most %" PRIu64 " in one member", layout->padding_most);
	tell_part(out, "  padding", layout->padding, 0, rest);
	tell_part(out, "end", layout->end, 0, "");
}

static void tell(const struct tarx_report *report, const struct tarx_layout *layout)
{
	FILE *out = report->listing;

	if (layout->plain)
		fprintf(out, "%-12s%" PRIu64 " bytes, takes %" PRIu64 " on the disk\n", "archive",
			report->archive_bytes, layout->occupied);
	else
		fprintf(out, "%-12s%s%s: nothing in it can be shared\n", "archive",
			layout->compression ? "compressed by " : "a pipe",
			layout->compression ? layout->compression : "");
	tell_kinds(report);
	fprintf(out, "%-12s%" PRIu64 " bytes\n", "payload", layout->payload);
	if (layout->holes > 0)
		fprintf(out, "%-12s%" PRIu64 " bytes of holes\n", "  left out", layout->holes);
	if (layout->plain)
		tell_places(out, layout);
}

void tarx_cmd_info(struct tarx_report *report)
{
	struct tarx_reader reader;
	struct look look = { .report = report, .reader = &reader, .layout = &report->layout };
	struct tx_err err;
	int r = tarx_reader_open(&reader, tarx_opts_source(report->opts), &err);

	if (r == 0)
		r = look_at_members(&look, &err);
	if (r < 0)
		tarx_fatal(report, "%s: %s", report->opts->archive, err.text);
	else if (reader.damaged)
		tarx_fatal(report, "%s: a damaged header was passed over", report->opts->archive);
	else
		tell(report, &report->layout);
	report->header_bytes = report->layout.headers;
	report->padding_bytes = report->layout.padding;
	free(look.last.path);
	tarx_reader_release(&reader);
}
