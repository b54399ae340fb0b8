#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/cmd.h"
#include "tarx/member.h"
#include "tarx/path.h"
#include "tarx/placed.h"
#include "tarx/reader.h"
#include "tarx/select.h"
#include "tarx/taking.h"
#include "tarx/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOBODY 65534u /* the kernel's number for owners that it has none for */

struct realigning {
	struct tarx_report *report; /* borrowed */
	const char *from; /* borrowed: the archive that is read */
	struct tarx_adder adder;
	struct tarx_reader reader;
	struct tarx_transfer transfer;
	struct tarx_select select; /* what is excluded */
	struct tarx_taking taking;
	struct tarx_placed lost; /* names that were left out */
	struct tarx_xattr *xattrs; /* owned; of the member in hand */
	size_t xattr_room;
	bool stdin_read;
};

/* ------------------------------------------------------------------ a member as it is to be written */

static int by_name(const void *a, const void *b)
{
	const struct tarx_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* In the order in which they are stored from a disk, so that the bytes do not tell the way they came. */
static int sort_xattrs(struct realigning *g, struct tarx_item *item)
{
	size_t count = item->xattr_count;

	if (count == 0)
		return 0;
	if (count > g->xattr_room) {
		struct tarx_xattr *xattrs = realloc(g->xattrs, count * sizeof(*xattrs));

		if (!xattrs)
			return -ENOMEM;
		g->xattrs = xattrs;
		g->xattr_room = count;
	}
	memcpy(g->xattrs, item->xattrs, count * sizeof(*item->xattrs));
	qsort(g->xattrs, count, sizeof(*g->xattrs), by_name);
	item->xattrs = g->xattrs;
	return 0;
}

/* Of an owner that no system has only the name can be kept: the number would become another one's. */
static void mend_owner(const struct tarx_opts *opts, struct tarx_item *item)
{
	if (item->no_owner)
		item->uid = item->gid = NOBODY;
	if (opts->numeric_owner)
		item->uname = item->gname = NULL;
}

/* What libarchive makes of a time that is none; the reader may have said so. */
static void mend_time(struct realigning *g, struct tarx_item *item)
{
	if (item->mtime.tv_sec != INT64_MAX && item->mtime.tv_sec != INT64_MIN)
		return;
	if (!item->warning)
		tarx_warning(g->report, "%s: its modification time is none", item->path);
	item->mtime = (struct timespec){ 0 };
}

/* pax(1) lets a link have the content too, which the file has that it links to. */
static void mend_link(struct realigning *g, struct tarx_item *item)
{
	if (!item->hardlink || item->size == 0)
		return;
	tarx_warning(g->report,
		     "%s: the content that comes with a hard link is left out: '%s' has it",
		     item->path, item->link);
	item->size = 0;
}

/* GNU tar, where it stores what changed, gives a directory the list of names that it had. */
static void check_list(struct realigning *g, const struct tarx_item *item)
{
	if (item->type == 'D')
		tarx_warning(
			g->report,
			"%s: the names that GNU tar's --incremental keeps with it are left out",
			item->path);
}

/* ------------------------------------------------------------------ members that are left out */

/* What links to it leads nowhere. */
static int note_lost(struct realigning *g, const struct tarx_item *item)
{
	TX_FREE char *path = tarx_path_named(item->path);

	if (!path || tarx_placed_add(&g->lost, path) < 0)
		return tarx_fatal(g->report, "out of memory");
	return 0;
}

static void check_link(struct realigning *g, const struct tarx_item *item)
{
	TX_FREE char *path = item->hardlink ? tarx_path_named(item->link) : NULL;

	if (path && tarx_placed_has(&g->lost, path))
		tarx_warning(g->report, "%s: a hard link to '%s', which is left out", item->path,
			     item->link);
}

/* ------------------------------------------------------------------ one member */

/* Without these options a name is not touched. 1, 0: nothing is left of the name, -1: fatal, and told. */
static int rename_member(struct realigning *g, struct tarx_item *item, struct tarx_landing *landing)
{
	const struct tarx_opts *opts = g->report->opts;

	if (opts->rename.count == 0 && opts->strip == 0)
		return 1;
	if (!opts->show_renamed)
		item->shown = item->path;
	if (tarx_member_rename(g->report, item, landing) < 0)
		return -1;
	return *item->path != '\0';
}

static int add(struct realigning *g, struct tarx_item *item)
{
	struct tx_err err;
	bool taken = tarx_adder_shares(&g->adder, item->size) && tarx_taking_take(&g->taking, item);
	int r = tarx_transfer_add(&g->transfer, item, &err);

	if (r < 0)
		return tarx_fatal(g->report, "%s: %s", g->from, err.text);
	if (r > 0 && taken) {
		g->report->taken_members++;
		g->report->taken_bytes += (uint64_t)item->size;
	}
	return r > 0 ? 0 : note_lost(g, item);
}

/* Negative: fatal, and told. */
static int pass_on(struct realigning *g, struct tarx_item *item)
{
	struct tarx_landing landing = { 0 };
	struct tarx_item stored = *item;
	int r;

	if (item->warning)
		tarx_warning(g->report, "%s: %s", item->path, item->warning);
	if (item->broken) {
		tarx_error(g->report, "%s: left out: %s", item->path, item->broken);
		return note_lost(g, item);
	}
	mend_owner(g->report->opts, &stored);
	mend_time(g, &stored);
	mend_link(g, &stored);
	check_link(g, item);
	check_list(g, item);
	if (sort_xattrs(g, &stored) < 0)
		return tarx_fatal(g->report, "%s: out of memory", item->path);
	r = rename_member(g, &stored, &landing);
	if (r > 0)
		r = add(g, &stored);
	else if (r == 0)
		r = note_lost(g, item);
	tarx_member_release(&landing);
	return r;
}

/* ------------------------------------------------------------------ one archive */

/* Whether something else than zeros lies behind the archive's end. */
static bool has_more(const struct tarx_reader *reader)
{
	char buf[16384];
	off_t at = reader->base + tarx_reader_header(reader);
	ssize_t got;

	if (!tarx_reader_is_plain(reader))
		return reader->more;
	while ((got = tx_read_at(reader->fd, buf, sizeof(buf), at)) > 0) {
		if (*buf || memcmp(buf, buf + 1, (size_t)got - 1) != 0)
			return true;
		at += got;
	}
	return false;
}

/* Headers of no member, which many readers do not take. What they say of members the members have. */
static void tell_globals(struct realigning *g)
{
	const struct tarx_globals *globals = &g->reader.globals;
	struct tarx_record record;

	for (size_t i = 0; i < globals->count; i++)
		for (size_t at = 0; tarx_body_next(&globals->bodies[i], &at, &record);)
			if (tarx_record_use(&record) == TARX_RECORD_EXTRA)
				tarx_notice(g->report, "%s: '%.*s' of a global header is left out",
					    g->from,
					    (int)(record.key_len < 80 ? record.key_len : 80),
					    record.key);
	if (g->reader.label)
		tarx_notice(g->report, "%s: the volume's label is left out", g->from);
}

/* Behind its end the new archive will look whole, whatever this one was. */
static int check_end(struct realigning *g)
{
	if (g->reader.damaged)
		return tarx_fatal(g->report, "%s: a damaged header was passed over", g->from);
	tell_globals(g);
	if (g->reader.doubt)
		tarx_warning(g->report, "%s: %s", g->from, g->reader.doubt);
	else if (has_more(&g->reader))
		tarx_warning(
			g->report,
			"%s: what follows the archive's end is no part of it, and is left out (-i reads on)",
			g->from);
	return 0;
}

static int read_members(struct realigning *g)
{
	struct tarx_item item;
	struct tx_err err;
	bool first = true;
	int r;

	while ((r = tarx_reader_next(&g->reader, &item, &err)) > 0) {
		if (first)
			tarx_progress_reads(&g->report->progress, 0, &g->reader.at, g->reader.size,
					    tarx_reader_is_plain(&g->reader));
		first = false;
		r = tarx_select_takes(&g->select, item.path) ? pass_on(g, &item)
							     : note_lost(g, &item);
		if (r < 0)
			return r;
	}
	return r < 0 ? tarx_fatal(g->report, "%s: %s", g->from, err.text) : check_end(g);
}

/* Standard output may be one of the archives that are read, and would grow while it is read. */
static int check_file(struct realigning *g)
{
	const struct stat *own = &g->adder.own;
	struct stat st;

	if (fstat(g->reader.fd, &st) < 0)
		return tarx_fatal(g->report, "%s: %s", g->from, strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_dev == own->st_dev && st.st_ino == own->st_ino)
		return tarx_fatal(g->report, "%s: is the archive that is written", g->from);
	return 0;
}

static int read_archive(struct realigning *g, const char *from)
{
	struct tx_err err;
	int r;

	g->from = from;
	if (!strcmp(from, "-") && g->stdin_read)
		return tarx_fatal(g->report, "standard input can be read only once");
	g->stdin_read |= !strcmp(from, "-");
	if (tarx_reader_open(&g->reader, from, &err) < 0)
		r = tarx_fatal(g->report, "%s: %s", from, err.text);
	else
		r = check_file(g);
	g->reader.ignore_zeros = g->report->opts->ignore_zeros;
	if (r == 0)
		r = read_members(g);
	tarx_progress_reads(&g->report->progress, 0, NULL, 0, false);
	tarx_reader_release(&g->reader);
	return r;
}

/* ------------------------------------------------------------------ all of them */

static void read_all(struct realigning *g)
{
	const struct tarx_opts *opts = g->report->opts;
	struct tx_err err;

	if (opts->operand_count == 0 && read_archive(g, "-") < 0)
		return;
	for (size_t i = 0; i < opts->operand_count; i++)
		if (read_archive(g, opts->operands[i].path) < 0)
			return;
	if (tarx_adder_finish(&g->adder, &err) < 0)
		tarx_fatal(g->report, "%s: %s", opts->archive, err.text);
}

void tarx_cmd_realign(struct tarx_report *report)
{
	struct realigning g = { .report = report,
				.reader = { .fd = -1 },
				.taking = { .fd = -1 },
				.select = { .exclude = &report->opts->exclude } };
	struct tx_err err;

	g.transfer = (struct tarx_transfer){ .adder = &g.adder, .reader = &g.reader };
	if (tarx_adder_open(&g.adder, report, &err) < 0)
		tarx_fatal(report, "%s: %s", report->opts->archive, err.text);
	else if (tarx_taking_open(&g.taking, report->opts, &err) < 0)
		tarx_fatal(report, "%s", err.text);
	else
		read_all(&g);
	tarx_adder_release(&g.adder);
	tarx_taking_release(&g.taking);
	tarx_segments_release(&g.transfer.segments);
	tarx_placed_release(&g.lost);
	tarx_select_close(&g.select, NULL);
	free(g.xattrs);
}
