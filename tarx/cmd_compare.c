#include "align/cleanup.h"
#include "tarx/cmd.h"
#include "tarx/compare.h"
#include "tarx/member.h"
#include "tarx/sections.h"

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

struct run {
	struct tarx_comparison c;
	const char *top; /* borrowed: --one-top-level's directory, or NULL */
	const char *dir; /* borrowed: what c.root is */
};

static int take(void *data, struct tarx_section *section, struct tarx_reader *reader,
		const struct tarx_item *item)
{
	struct run *run = data;
	const char *dir = section->select.dir;
	struct tx_err err;

	run->c.reader = reader;
	if ((run->c.root < 0 || run->dir != dir) && enter(&run->c, dir, run->top, &err) < 0)
		return tarx_fatal(run->c.report, "%s: %s", run->c.report->opts->archive, err.text);
	run->dir = dir;
	return compare(&run->c, item, run->top);
}

static void compare_members(struct run *run, struct tarx_reader *reader)
{
	struct tarx_report *report = run->c.report;
	struct tarx_sections sections;
	struct tx_err err;

	if (tarx_sections_open(&sections, report, &err) < 0) {
		tarx_fatal(report, "%s", err.text);
	} else {
		sections.take = take;
		sections.data = run;
		sections.moves = true;
		tarx_sections_read(&sections, reader);
	}
	tarx_sections_close(&sections);
}

static void release(struct run *run, struct tarx_reader *reader)
{
	tx_arena_release(&run->c.arena);
	tx_fd_release(&run->c.root);
	tarx_owners_release(run->c.owners);
	tarx_reader_release(reader);
}

void tarx_cmd_compare(struct tarx_report *report)
{
	const struct tarx_opts *opts = report->opts;
	struct tarx_reader reader = { .fd = -1 };
	struct tarx_owners owners = { 0 };
	TX_FREE char *top = opts->one_top_level ? tarx_member_top(opts) : NULL;
	struct run run = { .top = top,
			   .c = { .report = report,
				  .owners = &owners,
				  .wants = tarx_opts_wants(opts),
				  .root = -1 } };
	struct tx_err err;

	if (opts->one_top_level && !top)
		tarx_fatal(report, "--one-top-level: say which directory with --one-top-level=DIR");
	else if (tarx_reader_open(&reader, tarx_opts_source(opts), &err) < 0)
		tarx_fatal(report, "%s: %s", opts->archive, err.text);
	else {
		reader.ignore_zeros = opts->ignore_zeros;
		compare_members(&run, &reader);
	}
	release(&run, &reader);
}
