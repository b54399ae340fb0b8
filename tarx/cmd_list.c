#include "tarx/cmd.h"
#include "tarx/member.h"
#include "tarx/reader.h"
#include "tarx/select.h"

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

static void list_members(struct tarx_report *report, struct tarx_reader *reader,
			 struct tarx_select *select)
{
	struct tarx_item item;
	struct tx_err err;
	int r;

	tarx_progress_reads(&report->progress, &reader->at, reader->size, false);
	while ((r = tarx_reader_next(reader, &item, &err)) > 0) {
		if (!tarx_select_takes(select, item.path))
			continue;
		report->header = tarx_reader_header(reader);
		if (list(report, &item) < 0)
			return;
		tarx_progress_member(&report->progress, 0);
	}
	if (r == 0 && report->opts->block_number)
		fprintf(report->listing, "block %jd: ** Block of NULs **\n",
			(intmax_t)(tarx_reader_header(reader) / 512));
	report->archive_bytes = (uint64_t)reader->at;
	report->tar_bytes = tarx_reader_length(reader);
	if (r < 0)
		tarx_fatal(report, "%s: %s", report->opts->archive, err.text);
	else if (reader->damaged)
		tarx_fatal(report, "%s: a damaged header was passed over", report->opts->archive);
	else if (reader->doubt)
		tarx_notice(report, "%s: %s", report->opts->archive, reader->doubt);
}

void tarx_cmd_list(struct tarx_report *report)
{
	struct tarx_reader reader;
	struct tarx_select select;
	struct tx_err err;

	if (tarx_reader_open(&reader, tarx_opts_source(report->opts), &err) < 0) {
		tarx_fatal(report, "%s: %s", report->opts->archive, err.text);
	} else if (tarx_select_open(&select, report->opts) < 0) {
		tarx_fatal(report, "out of memory");
		tarx_select_close(&select, NULL);
	} else {
		reader.ignore_zeros = report->opts->ignore_zeros;
		list_members(report, &reader, &select);
		tarx_select_close(&select, report->exit_code < 2 ? report : NULL);
	}
	tarx_reader_release(&reader);
}
