#include "tarx/sections.h"

#include "align/cleanup.h"
#include "tarx/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tarx_sections_open(struct tarx_sections *sections, struct tarx_report *report,
		       struct tx_err *err)
{
	const struct tarx_opts *opts = report->opts;

	*sections = (struct tarx_sections){ .report = report };
	sections->list = calloc(opts->part_count, sizeof(*sections->list));
	if (!sections->list)
		return tx_fail(err, ENOMEM, "begin");
	for (size_t i = 0; i < opts->part_count; i++) {
		struct tarx_section *section = &sections->list[i];

		section->part = &opts->parts[i];
		section->path = i > 0 ? tarx_path_named(section->part->name) : NULL;
		sections->count++;
		if (tarx_select_open(&section->select, opts, section->part) < 0 ||
		    (i > 0 && !section->path))
			return tx_fail(err, ENOMEM, "begin");
	}
	sections->list[0].idle = opts->part_count > 1 && opts->parts[0].operand_count == 0;
	return 0;
}

/* ------------------------------------------------------------------ one archive */

static int read_archive(struct tarx_sections *sections, struct tarx_section *section,
			struct tarx_reader *outer, struct tarx_reader *reader);

/* "ARCHIVE" or "ARCHIVE: NAME", and what is to be said of it. */
static int fail(const struct tarx_sections *sections, const struct tarx_section *section,
		const char *what)
{
	const char *archive = sections->report->opts->archive;

	if (section->path)
		return tarx_fatal(sections->report, "%s: %s: %s", archive, section->part->name,
				  what);
	return tarx_fatal(sections->report, "%s: %s", archive, what);
}

/* How far the archive was read, in the bar; READER reads it, or an archive in it. */
static void show(const struct tarx_sections *sections, const struct tarx_reader *outer,
		 const struct tarx_reader *reader)
{
	struct tarx_progress *progress = &sections->report->progress;

	if (reader != outer && reader->window)
		tarx_progress_reads(progress, reader->base - outer->base, &reader->at, outer->size,
				    sections->moves && tarx_reader_is_plain(reader));
	else
		tarx_progress_reads(progress, 0, &outer->at, outer->size,
				    sections->moves && tarx_reader_is_plain(reader));
}

static int begin(const struct tarx_sections *sections, struct tarx_reader *outer,
		 struct tarx_reader *reader)
{
	show(sections, outer, reader);
	return sections->begin ? sections->begin(sections->data, reader) : 0;
}

static int read_nested(struct tarx_sections *sections, struct tarx_section *section,
		       struct tarx_reader *reader, const struct tarx_item *item)
{
	struct tarx_reader nested = { .fd = -1 };
	struct tx_err err;
	int r;

	if (section->found)
		tarx_warning(sections->report,
			     "%s: %s: is there more than once: what all of them have is taken, "
			     "the later over the earlier",
			     sections->report->opts->archive, section->part->name);
	section->found = true;
	if (!S_ISREG(item->mode) || item->hardlink)
		return fail(sections, section, "not a file, and so no archive");
	if (item->broken)
		return fail(sections, section, item->broken);
	if (tarx_reader_open_nested(&nested, reader, item, &err) < 0)
		return fail(sections, section, err.text);
	r = read_archive(sections, section, reader, &nested);
	tarx_reader_release(&nested);
	show(sections, reader, reader);
	return r;
}

/* The archive that lies in the member; NULL: it is not to be opened. */
static struct tarx_section *find_nested(const struct tarx_sections *sections,
					const struct tarx_item *item, struct tx_err *err)
{
	TX_FREE char *path = sections->count > 1 ? tarx_path_named(item->path) : NULL;

	err->code = 0;
	if (sections->count > 1 && !path)
		tx_fail(err, ENOMEM, "look for archives");
	for (size_t i = 1; path && i < sections->count; i++)
		if (!strcmp(path, sections->list[i].path))
			return &sections->list[i];
	return NULL;
}

/* A member of the archive itself may be wanted, be an archive that is to be opened, and tell something about
 * one. A stream can be read once only. */
static int take_outer(struct tarx_sections *sections, struct tarx_reader *reader,
		      const struct tarx_item *item)
{
	struct tarx_section *outer = &sections->list[0], *nested, *beside = NULL;
	bool once = S_ISREG(item->mode) && !item->hardlink && (item->data.fd < 0 || item->segments);
	bool wanted = !outer->idle && tarx_select_takes(&outer->select, item->path);
	struct tx_err err;
	int r = 0;

	nested = find_nested(sections, item, &err);
	if (err.code)
		return fail(sections, outer, err.text);
	if (sections->beside && sections->count > 1)
		beside = sections->beside(sections->data, item);
	if (once && (wanted && sections->moves) + !!nested + !!beside > 1)
		return tarx_fatal(sections->report,
				  "%s: in a pipe or a compressed archive its content cannot be "
				  "restored and also looked into",
				  item->path);
	if (wanted)
		r = sections->take(sections->data, outer, reader, item);
	if (r >= 0 && beside)
		r = sections->take_beside(sections->data, beside, reader, item);
	if (r >= 0 && nested)
		r = read_nested(sections, nested, reader, item);
	return r;
}

static int take(struct tarx_sections *sections, struct tarx_section *section,
		struct tarx_reader *reader, const struct tarx_item *item)
{
	if (!section->path)
		return take_outer(sections, reader, item);
	if (!tarx_select_takes(&section->select, item->path))
		return 0;
	return sections->take(sections->data, section, reader, item);
}

static int read_archive(struct tarx_sections *sections, struct tarx_section *section,
			struct tarx_reader *outer, struct tarx_reader *reader)
{
	struct tarx_item item;
	struct tx_err err;
	bool first = true;
	int r;

	while ((r = tarx_reader_next(reader, &item, &err)) > 0) {
		if (first && begin(sections, outer, reader) < 0)
			return -1;
		first = false;
		if (take(sections, section, reader, &item) < 0)
			break;
	}
	if (sections->end && sections->end(sections->data) < 0)
		return -1;
	if (r < 0)
		return fail(sections, section, err.text);
	if (reader->damaged)
		return fail(sections, section, "a damaged header was passed over");
	if (r == 0 && reader->doubt)
		tarx_notice(sections->report, "%s%s%s: %s", sections->report->opts->archive,
			    section->path ? ": " : "", section->path ? section->part->name : "",
			    reader->doubt);
	return r == 0 ? 0 : -1;
}

int tarx_sections_read(struct tarx_sections *sections, struct tarx_reader *reader)
{
	int r = read_archive(sections, &sections->list[0], reader, reader);

	sections->report->archive_bytes = (uint64_t)reader->at;
	sections->report->tar_bytes = tarx_reader_length(reader);
	for (size_t i = 1; r == 0 && i < sections->count; i++)
		if (!sections->list[i].found)
			r = fail(sections, &sections->list[i], "Not found in archive");
	return r;
}

void tarx_sections_close(struct tarx_sections *sections)
{
	struct tarx_report *report = sections->report;
	struct tarx_report *told = report && report->exit_code < 2 ? report : NULL;

	for (size_t i = 0; i < sections->count; i++) {
		tarx_select_close(&sections->list[i].select, told);
		free(sections->list[i].path);
	}
	free(sections->list);
	*sections = (struct tarx_sections){ 0 };
}
