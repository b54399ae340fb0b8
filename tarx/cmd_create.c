#include "align/cleanup.h"
#include "tarx/cmd.h"
#include "tarx/match.h"
#include "tarx/nest.h"
#include "tarx/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

static int archive_operand(struct tarx_creation *c, const struct tarx_operand *operand)
{
	TX_FD dir = -1;

	c->prune.flat = operand->match & TARX_MATCH_ALONE;
	if (operand->dir) {
		dir = open(operand->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return tarx_fatal(c->report, "%s: open the directory: %s", operand->dir,
					  strerror(errno));
	}
	c->overlay = tarx_opts_overlay(c->report->opts, operand);
	if (operand->nest)
		return tarx_nest_add(c, dir >= 0 ? dir : AT_FDCWD, operand);
	if (c->overlay == TARX_OVERLAY_DIFF)
		return tarx_tree_diff(c, dir >= 0 ? dir : AT_FDCWD, operand->path, operand->path);
	return tarx_tree_seen(c, dir >= 0 ? dir : AT_FDCWD, operand->path, operand->path);
}

/* All of them before anything is read, so that they are of nearly the same time. */
static int take_snapshots(struct tarx_creation *c)
{
	const struct tarx_opts *opts = c->report->opts;
	struct tx_err err;

	for (size_t i = 0; opts->snapshot && i < opts->operand_count; i++) {
		const struct tarx_operand *operand = &opts->operands[i];
		TX_FD dir = operand->dir ? open(operand->dir, O_PATH | O_DIRECTORY | O_CLOEXEC)
					 : -1;

		if (tarx_opts_overlay(opts, operand) == TARX_OVERLAY_DIFF)
			return tarx_fatal(c->report,
					  "%s: --snapshot does not go with "
					  "--overlay=diff, which reads a layer",
					  operand->path);
		if (operand->dir && dir < 0)
			continue; /* which is told when it is its turn */
		if (tarx_snapshots_take(&c->snapshots, dir >= 0 ? dir : AT_FDCWD, operand->path,
					&err) < 0)
			return tarx_fatal(c->report, "%s: %s", operand->path, err.text);
	}
	return 0;
}

static void archive_all(struct tarx_creation *c)
{
	const struct tarx_opts *opts = c->report->opts;
	struct tx_err err;

	if (take_snapshots(c) < 0)
		return;
	for (size_t i = 0; i < opts->operand_count; i++)
		if (archive_operand(c, &opts->operands[i]) < 0)
			return;
	if (tarx_tree_finish_removals(c) < 0)
		return;
	tarx_tree_check_links(c);
	if (tarx_adder_finish(&c->adder, &err) < 0)
		tarx_fatal(c->report, "%s: %s", opts->archive, err.text);
}

/* An overlay may have 500 layers, each of them with a descriptor, and many again for a directory that
 * is in all of them. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void tarx_cmd_create(struct tarx_report *report)
{
	const struct tarx_opts *opts = report->opts;
	struct tarx_creation c = {
		.report = report,
		.wants = tarx_opts_wants(opts),
		.prune = { .report = report },
		.snapshots = { .report = report },
		.threads = tarx_opts_threads(opts),
	};
	struct tx_err err;

	raise_limit();
	if (tarx_adder_open(&c.adder, report, &err) < 0)
		tarx_fatal(report, "%s: %s", opts->archive, err.text);
	else
		archive_all(&c);
	tarx_adder_release(&c.adder);
	tarx_snapshots_release(&c.snapshots);
	tarx_links_release(&c.links);
	tarx_deleted_release(&c.deleted);
	tarx_owners_release(&c.owners);
	tarx_prune_release(&c.prune);
	tx_arena_release(&c.arena);
}
