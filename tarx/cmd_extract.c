#include "align/cleanup.h"
#include "tarx/cmd.h"
#include "tarx/deleted.h"
#include "tarx/member.h"
#include "tarx/path.h"
#include "tarx/place.h"
#include "tarx/pour.h"
#include "tarx/reader.h"
#include "tarx/sections.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One -C, and what is restored there. */
struct target {
	const char *dir; /* borrowed; NULL: where tarx was started */
	bool entered; /* --one-top-level: its directory is the target */
	struct tarx_place place;
};

struct extraction {
	struct tarx_report *report; /* borrowed */
	struct tarx_reader reader;
	struct target **targets; /* owned */
	size_t target_count;
	struct tarx_behind *behind; /* owned */
	char *top; /* owned; NULL: none */
	struct tarx_sections sections;
	struct tarx_owners owners;
	struct tarx_meta_wants wants;
};

static struct tarx_meta_wants what_to_restore(const struct tarx_opts *opts)
{
	struct tarx_meta_wants wants = tarx_opts_wants(opts);
	bool root = geteuid() == 0;
	mode_t mask = umask(0);

	umask(mask);
	wants.owner = opts->same_owner < 0 ? root : opts->same_owner;
	wants.touch = opts->touch;
	wants.mode_mask = (opts->same_permissions < 0 ? root : opts->same_permissions)
				  ? 07777
				  : 0777 & ~mask;
	return wants;
}

/* --reflink=always is a promise that a pipe or a compressed archive cannot keep. */
static int check_source(void *data, struct tarx_reader *reader)
{
	struct extraction *x = data;
	const struct tarx_opts *opts = x->report->opts;
	bool nested = reader != &x->reader;

	if (opts->reflink != ALIGN_REFLINK_ALWAYS || tarx_reader_is_plain(reader) ||
	    (!nested && x->sections.list[0].idle))
		return 0;
	return tarx_fatal(
		x->report,
		"%s: --reflink=always: nothing can be shared out of a pipe or a compressed archive",
		opts->archive);
}

/* ------------------------------------------------------------------ targets */

static bool is_same(const char *dir, const char *other)
{
	return dir == other || (dir && other && !strcmp(dir, other));
}

/* Sections that are restored to one directory in the same way know of what each other restored there: that is
 * not removed. */
static struct target *find_target(const struct extraction *x, const struct tarx_section *section,
				  const char *dir)
{
	for (size_t i = 0; i < x->target_count; i++) {
		const struct tarx_part *part = x->targets[i]->place.part;

		if (is_same(x->targets[i]->dir, dir) && part->overlay == section->part->overlay &&
		    part->whiteouts == section->part->whiteouts)
			return x->targets[i];
	}
	return NULL;
}

static int add_target(struct extraction *x, const struct tarx_section *section, const char *dir,
		      struct tx_err *err)
{
	struct target **targets, *target;

	if (find_target(x, section, dir))
		return 0;
	targets = realloc(x->targets, (x->target_count + 1) * sizeof(struct target *));
	target = calloc(1, sizeof(*target));
	if (targets)
		x->targets = targets;
	if (!targets || !target) {
		free(target);
		return tx_fail(err, ENOMEM, "begin");
	}
	*target = (struct target){ .dir = dir,
				   .place = { .root = -1,
					      .report = x->report,
					      .part = section->part,
					      .wants = &x->wants,
					      .owners = &x->owners,
					      .behind = x->behind,
					      .parent = { .fd = -1 } } };
	targets[x->target_count++] = target;
	return tarx_place_open(&target->place, dir ? dir : ".", x->report->opts->reflink, err);
}

/* Every directory that a member may be restored to is opened at the start. */
static int add_targets(struct extraction *x, const struct tarx_section *section, struct tx_err *err)
{
	const struct tarx_part *part = section->part;

	if (section->idle)
		return 0;
	if (part->operand_count == 0)
		return add_target(x, section, part->dir, err);
	for (size_t i = 0; i < part->operand_count; i++)
		if (add_target(x, section, part->operands[i].dir, err) < 0)
			return -err->code;
	return 0;
}

static void release_targets(struct extraction *x)
{
	for (size_t i = 0; i < x->target_count; i++) {
		tarx_place_release(&x->targets[i]->place);
		free(x->targets[i]);
	}
	free(x->targets);
}

/* Nothing is put off any more. */
static int settle(void *data)
{
	struct extraction *x = data;

	tarx_behind_settle(x->behind);
	return tarx_behind_has_ended(x->behind) ? -1 : 0;
}

static int finish_targets(struct extraction *x)
{
	struct tx_err err;
	bool whole = x->report->exit_code < 2, sync = x->report->opts->sync && whole;

	for (size_t i = 0; i < x->target_count; i++) {
		if (whole)
			tarx_place_remove(&x->targets[i]->place);
		tarx_place_finish(&x->targets[i]->place);
	}
	for (size_t i = 0; sync && i < x->target_count; i++)
		if (tarx_place_sync(&x->targets[i]->place, &err) < 0)
			return tarx_fatal(x->report, "%s", err.text);
	return 0;
}

/* ------------------------------------------------------------------ members */

static int enter_top(struct extraction *x, struct target *target)
{
	struct tx_err err;

	if (!x->top || target->entered)
		return 0;
	target->entered = true;
	if (tarx_place_enter_top(&target->place, x->top, &err) < 0)
		return tarx_fatal(x->report, "--one-top-level: %s", err.text);
	return 0;
}

static void tell_done(struct extraction *x, const struct target *target,
		      const struct tarx_item *item)
{
	if (!target->place.stayed)
		tarx_report_member(x->report, item);
	else if (x->report->opts->verbose)
		tarx_report_list(x->report, item, x->report->opts->verbose > 1);
}

static int place(struct extraction *x, struct target *target, struct tarx_reader *reader,
		 const struct tarx_item *item, const struct tarx_item *shown, const char *path)
{
	struct tx_err err;
	int r;

	tarx_report_begin(x->report);
	r = tarx_place_item(&target->place, item, path, reader, &err);
	if (tarx_behind_has_ended(x->behind))
		return -1;
	if (r >= 0) {
		struct tarx_item told = *shown;

		told.whiteout |= r > 0;
		tell_done(x, target, &told);
		return 0;
	}
	return tarx_place_tell(&target->place, item, &err);
}

/* One member. Negative: nothing else can be restored either. */
static int restore(struct extraction *x, const struct tarx_section *section,
		   struct tarx_reader *reader, const struct tarx_item *item)
{
	struct target *target = find_target(x, section, section->select.dir);
	struct tarx_landing landing = { .top = x->top };
	struct tarx_item landed = *item, shown = *item;
	int r;

	if (item->warning)
		tarx_warning(x->report, "%s: %s", item->path, item->warning);
	r = tarx_member_land(x->report, &landed, &landing);
	if (r > 0)
		r = enter_top(x, target) < 0
			    ? -1
			    : place(x, target, reader, &landed,
				    x->report->opts->show_renamed ? &landed : &shown, landing.path);
	tarx_member_release(&landing);
	return r;
}

/* --to-stdout: hard links have no content of their own, as GNU tar has it. */
static int pour(struct extraction *x, struct tarx_reader *reader, const struct tarx_item *item)
{
	struct tx_err err;
	bool broken;

	if (!S_ISREG(item->mode) || item->hardlink) {
		if (x->report->opts->verbose)
			tarx_report_list(x->report, item, x->report->opts->verbose > 1);
		return 0;
	}
	if (item->broken) {
		tarx_error(x->report, "%s: %s", item->path, item->broken);
		return 0;
	}
	tarx_report_begin(x->report);
	if (tarx_pour(item, reader, STDOUT_FILENO, &x->report->tally.copied, &broken, &err) == 0) {
		tarx_report_member(x->report, item);
		return 0;
	}
	if (!broken)
		return tarx_fatal(x->report, "%s: %s", item->path, err.text);
	tarx_error(x->report, "%s: %s", item->path, err.text);
	return 0;
}

static int take(void *data, struct tarx_section *section, struct tarx_reader *reader,
		const struct tarx_item *item)
{
	struct extraction *x = data;

	return x->report->opts->to_stdout ? pour(x, reader, item)
					  : restore(x, section, reader, item);
}

/* ------------------------------------------------------------------ podman's list beside an archive */

/* The section of the archive that a list beside it is for: the one that asks for it, or the only one
 * that would understand it. */
static struct tarx_section *find_listed(const struct extraction *x, size_t *count)
{
	struct tarx_section *listed = NULL;

	*count = 0;
	for (size_t i = 1; i < x->sections.count; i++) {
		struct tarx_section *section = &x->sections.list[i];

		if (section->part->whiteouts == TARX_WHITEOUTS_PODMAN) {
			*count = 1;
			return section;
		}
		if (tarx_part_wants_list(section->part)) {
			listed = section;
			++*count;
		}
	}
	return listed;
}

static struct tarx_section *beside(void *data, const struct tarx_item *item)
{
	struct extraction *x = data;
	TX_FREE char *path = tarx_path_restored(item->path);
	struct tarx_section *section;
	size_t count;

	if (!path || strcmp(path, TARX_DELETED_NAME) != 0 || !S_ISREG(item->mode) || item->hardlink)
		return NULL;
	section = find_listed(x, &count);
	if (count > 1)
		tarx_warning(x->report,
			     "%s: nothing of it is removed: it may be about more than one of the "
			     "archives; --whiteouts=podman behind an --inner says which is meant",
			     item->path);
	if (count != 1 || x->report->opts->to_stdout ||
	    !tarx_select_takes(&section->select, TARX_DELETED_NAME))
		return NULL;
	return section;
}

static int take_beside(void *data, struct tarx_section *section, struct tarx_reader *reader,
		       const struct tarx_item *item)
{
	struct extraction *x = data;
	struct target *target = find_target(x, section, section->select.dir);
	struct tarx_item told = *item;
	struct tx_err err;

	told.whiteout = true;
	tarx_report_begin(x->report);
	if (item->broken)
		tarx_error(x->report, "%s: %s", item->path, item->broken);
	else if (tarx_place_take_list(&target->place, item, reader, &err) >= 0)
		tarx_report_member(x->report, &told);
	else
		return tarx_place_tell(&target->place, item, &err);
	return 0;
}

/* ------------------------------------------------------------------ the archive */

static int begin_sections(struct extraction *x, struct tx_err *err)
{
	struct tarx_sections *sections = &x->sections;
	int r = tarx_sections_open(sections, x->report, err);

	sections->take = take;
	sections->begin = check_source;
	sections->end = settle;
	sections->beside = beside;
	sections->take_beside = take_beside;
	sections->data = x;
	sections->moves = true;
	for (size_t i = 0; r == 0 && i < sections->count; i++)
		r = add_targets(x, &sections->list[i], err);
	return r;
}

static int begin(struct extraction *x, struct tx_err *err)
{
	const struct tarx_opts *opts = x->report->opts;
	int r = tarx_reader_open(&x->reader, tarx_opts_source(opts), err);

	if (r < 0)
		return tx_wrap(err, "%s", opts->archive);
	x->behind = tarx_behind_new(opts);
	if (!x->behind)
		return tx_fail(err, ENOMEM, "begin");
	x->reader.ignore_zeros = opts->ignore_zeros;
	if (opts->one_top_level) {
		x->top = tarx_member_top(opts);
		if (!x->top)
			return tx_reject(err, EINVAL,
					 "--one-top-level: the archive's name names no directory; "
					 "say which with --one-top-level=DIR");
	}
	return begin_sections(x, err);
}

void tarx_cmd_extract(struct tarx_report *report)
{
	struct extraction x = { .report = report,
				.wants = what_to_restore(report->opts),
				.reader = { .fd = -1 } };
	struct tx_err err;

	if (begin(&x, &err) < 0) {
		tarx_fatal(report, "%s", err.text);
	} else {
		tarx_sections_read(&x.sections, &x.reader);
		finish_targets(&x);
	}
	tarx_sections_close(&x.sections);
	tarx_behind_free(x.behind);
	release_targets(&x);
	tarx_reader_release(&x.reader);
	tarx_owners_release(&x.owners);
	free(x.top);
}
