#include "tarx/cmd.h"
#include "tarx/member.h"
#include "tarx/sections.h"

/* Names are shown as they are stored, or as they would be restored. */
static int list(struct tarx_report *report, const struct tarx_item *item)
{
	struct tarx_landing landing = { 0 };
	struct tarx_item shown = *item;
	int r = 1;

	if (item->warning)
		tarx_warning(report, "%s: %s", item->path, item->warning);
	if (item->broken)
		tarx_warning(report, "%s: cannot be restored: %s", item->path, item->broken);
	r = tarx_member_rename(report, &shown, &landing);
	if (r > 0) {
		report->members[tarx_item_kind(item)]++;
		tarx_report_list(report, report->opts->show_renamed ? &shown : item,
				 report->opts->verbose > 0);
	}
	tarx_member_release(&landing);
	return r;
}

static int take(void *data, struct tarx_section *section, struct tarx_reader *reader,
		const struct tarx_item *item)
{
	struct tarx_report *report = data;

	(void)section;
	report->header = tarx_reader_header(reader);
	if (list(report, item) < 0)
		return -1;
	tarx_progress_member(&report->progress, 0);
	return 0;
}

static void list_members(struct tarx_report *report, struct tarx_reader *reader)
{
	struct tarx_sections sections;
	struct tx_err err;

	if (tarx_sections_open(&sections, report, &err) < 0) {
		tarx_fatal(report, "%s", err.text);
	} else {
		sections.take = take;
		sections.data = report;
		if (tarx_sections_read(&sections, reader) == 0 && sections.count == 1 &&
		    report->opts->block_number)
			fprintf(report->listing, "block %jd: ** Block of NULs **\n",
				(intmax_t)(tarx_reader_header(reader) / 512));
	}
	tarx_sections_close(&sections);
}

void tarx_cmd_list(struct tarx_report *report)
{
	struct tarx_reader reader;
	struct tx_err err;

	if (tarx_reader_open(&reader, tarx_opts_source(report->opts), &err) < 0) {
		tarx_fatal(report, "%s: %s", report->opts->archive, err.text);
	} else {
		reader.ignore_zeros = report->opts->ignore_zeros;
		list_members(report, &reader);
	}
	tarx_reader_release(&reader);
}
