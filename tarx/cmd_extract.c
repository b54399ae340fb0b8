#include "align/cleanup.h"
#include "tarx/cmd.h"
#include "tarx/path.h"
#include "tarx/place.h"
#include "tarx/reader.h"
#include "tarx/select.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct extraction {
	struct tarx_report *report; /* borrowed */
	struct tarx_reader reader;
	struct tarx_place place;
	struct tarx_select select;
	struct tarx_owners owners;
	struct tarx_meta_wants wants;
};

static struct tarx_meta_wants what_to_restore(const struct tarx_opts *opts)
{
	bool root = geteuid() == 0;
	mode_t mask = umask(0);

	umask(mask);
	return (struct tarx_meta_wants){
		.xattrs = opts->xattrs,
		.acls = opts->acls,
		.owner = opts->same_owner < 0 ? root : opts->same_owner,
		.numeric = opts->numeric_owner,
		.touch = opts->touch,
		.mode_mask = (opts->same_permissions < 0 ? root : opts->same_permissions)
				     ? 07777
				     : 0777 & ~mask,
	};
}

/* --reflink=always is a promise that a pipe or a compressed archive cannot keep. */
static int check_source(struct extraction *x)
{
	const struct tarx_opts *opts = x->report->opts;

	if (opts->reflink != ALIGN_REFLINK_ALWAYS || tarx_reader_is_plain(&x->reader))
		return 0;
	return tarx_fatal(
		x->report,
		"%s: --reflink=always: nothing can be shared out of a pipe or a compressed archive",
		opts->archive);
}

static void tell_stripped(struct tarx_report *report, const char *path)
{
	if (*path == '/' && tarx_say_once(report, TARX_ONCE_SLASH))
		tarx_notice(report, "Removing leading `/' from member names");
}

/* One member. Negative: nothing else can be restored either. */
static int restore(struct extraction *x, const struct tarx_item *item)
{
	TX_FREE char *path = tarx_path_restored(item->path);
	struct tx_err err;

	if (!path && errno == ENOMEM)
		return tarx_fatal(x->report, "out of memory");
	if (!path) {
		tarx_error(x->report,
			   "%s: not restored: a name with \"..\" could lead out of the target",
			   item->path);
		return 0;
	}
	tell_stripped(x->report, item->path);
	if (item->warning)
		tarx_warning(x->report, "%s: %s", item->path, item->warning);
	tarx_report_begin(x->report);
	if (tarx_place_item(&x->place, item, path, &x->reader, &err) == 0) {
		tarx_report_member(x->report, item);
		return 0;
	}
	if (x->place.refused || tarx_place_is_fatal(err.code))
		return tarx_fatal(x->report, "%s: %s", item->path, err.text);
	tarx_error(x->report, "%s: %s", item->path, err.text);
	return 0;
}

static void restore_members(struct extraction *x)
{
	const char *archive = x->report->opts->archive;
	struct tarx_item item;
	struct tx_err err;
	bool first = true;
	int r;

	while ((r = tarx_reader_next(&x->reader, &item, &err)) > 0) {
		if (first && check_source(x) < 0)
			return;
		first = false;
		if (tarx_select_takes(&x->select, item.path) && restore(x, &item) < 0)
			break;
	}
	tarx_place_finish(&x->place);
	x->report->archive_bytes = (uint64_t)x->reader.at;
	if (r < 0)
		tarx_fatal(x->report, "%s: %s", archive, err.text);
	else if (x->reader.damaged)
		tarx_fatal(x->report, "%s: a damaged header was passed over", archive);
	else if (x->report->opts->sync && tarx_place_sync(&x->place, &err) < 0)
		tarx_fatal(x->report, "%s", err.text);
	if (r == 0 && x->reader.doubt)
		tarx_notice(x->report, "%s: %s", archive, x->reader.doubt);
}

static int begin(struct extraction *x, struct tx_err *err)
{
	const struct tarx_opts *opts = x->report->opts;
	int r = tarx_reader_open(&x->reader, opts->archive, err);

	if (r < 0)
		return tx_wrap(err, "%s", opts->archive);
	x->reader.ignore_zeros = opts->ignore_zeros;
	r = tarx_place_open(&x->place, opts->dir ? opts->dir : ".", opts->reflink, err);
	if (r < 0)
		return r;
	return tarx_select_open(&x->select, opts) < 0 ? tx_fail(err, ENOMEM, "begin") : 0;
}

void tarx_cmd_extract(struct tarx_report *report)
{
	struct extraction x = { .report = report,
				.wants = what_to_restore(report->opts),
				.reader = { .fd = -1 },
				.place = { .root = -1, .parent = { .fd = -1 } } };
	struct tx_err err;

	x.place.report = report;
	x.place.wants = &x.wants;
	x.place.owners = &x.owners;
	if (begin(&x, &err) < 0)
		tarx_fatal(report, "%s", err.text);
	else
		restore_members(&x);
	tarx_select_close(&x.select, report->exit_code < 2 ? report : NULL);
	tarx_place_release(&x.place);
	tarx_reader_release(&x.reader);
	tarx_owners_release(&x.owners);
}
