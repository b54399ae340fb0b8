#include "align/cleanup.h"
#include "tarx/cmd.h"
#include "tarx/compare.h"
#include "tarx/member.h"
#include "tarx/select.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The directory that counts for the member taken last. */
static int enter(struct tarx_comparison *c, const char *dir, const char *top, struct tx_err *err)
{
	TX_FD fd = open(dir ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return tx_fail(err, errno, "open the directory %s", dir ? dir : ".");
	if (top) {
		int beneath = openat(fd, top, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (beneath < 0)
			return tx_fail(err, errno, "open the directory %s", top);
		tx_fd_release(&fd);
		fd = beneath;
	}
	tx_fd_release(&c->root);
	c->root = tx_fd_steal(&fd);
	return 0;
}

static int compare(struct tarx_comparison *c, const struct tarx_item *item, const char *top)
{
	struct tarx_report *report = c->report;
	struct tarx_landing landing = { .top = top };
	struct tarx_item landed = *item;
	int r;

	if (item->warning)
		tarx_warning(report, "%s: %s", item->path, item->warning);
	report->members[tarx_item_kind(item)]++;
	if (report->opts->verbose)
		tarx_report_list(report, item, report->opts->verbose > 1);
	r = tarx_member_land(report, &landed, &landing);
	if (r > 0)
		tarx_compare(c, &landed, landing.path);
	tarx_member_release(&landing);
	return r;
}

static void compare_members(struct tarx_comparison *c, struct tarx_select *select, const char *top)
{
	struct tarx_report *report = c->report;
	struct tarx_item item;
	struct tx_err err;
	const char *dir = NULL;
	int r;

	while ((r = tarx_reader_next(c->reader, &item, &err)) > 0) {
		if (!tarx_select_takes(select, item.path))
			continue;
		if (c->root < 0 || dir != select->dir)
			r = enter(c, select->dir, top, &err);
		if (r < 0 || compare(c, &item, top) < 0)
			break;
		dir = select->dir;
	}
	report->archive_bytes = (uint64_t)c->reader->at;
	report->tar_bytes = tarx_reader_length(c->reader);
	if (r < 0)
		tarx_fatal(report, "%s: %s", report->opts->archive, err.text);
	else if (c->reader->damaged)
		tarx_fatal(report, "%s: a damaged header was passed over", report->opts->archive);
	if (r == 0 && c->reader->doubt)
		tarx_notice(report, "%s: %s", report->opts->archive, c->reader->doubt);
}

void tarx_cmd_compare(struct tarx_report *report)
{
	const struct tarx_opts *opts = report->opts;
	struct tarx_reader reader = { .fd = -1 };
	struct tarx_owners owners = { 0 };
	struct tarx_comparison c = { .report = report,
				     .reader = &reader,
				     .owners = &owners,
				     .wants = { .xattrs = opts->xattrs,
						.no_selinux = !opts->selinux,
						.include = &opts->xattrs_include,
						.exclude = &opts->xattrs_exclude,
						.acls = opts->acls,
						.fflags = opts->fflags,
						.numeric = opts->numeric_owner },
				     .root = -1 };
	TX_FREE char *top = opts->one_top_level ? tarx_member_top(opts) : NULL;
	struct tarx_select select = { 0 };
	struct tx_err err;

	if (opts->one_top_level && !top)
		tarx_fatal(report, "--one-top-level: say which directory with --one-top-level=DIR");
	else if (tarx_reader_open(&reader, tarx_opts_source(opts), &err) < 0)
		tarx_fatal(report, "%s: %s", opts->archive, err.text);
	else if (tarx_select_open(&select, opts) < 0)
		tarx_fatal(report, "out of memory");
	else {
		reader.ignore_zeros = opts->ignore_zeros;
		compare_members(&c, &select, top);
	}
	tarx_select_close(&select, report->exit_code < 2 ? report : NULL);
	tx_arena_release(&c.arena);
	tx_fd_release(&c.root);
	tarx_owners_release(&owners);
	tarx_reader_release(&reader);
}
