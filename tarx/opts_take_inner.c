/* --inner: what follows is about an archive within the archive. */
#include "align/cleanup.h"
#include "tarx/opts_table.h"
#include "tarx/path.h"

#include <stdlib.h>
#include <string.h>

/* What was given up to here counts for the part that it follows. Operands are counted, not pointed at, until
 * all are there. */
static int end_part(struct tarx_opts *opts)
{
	struct tarx_part *parts = realloc(opts->parts, (opts->part_count + 1) * sizeof(*parts));
	size_t before = 0;

	if (!parts)
		return tarx_opts_no_memory();
	opts->parts = parts;
	for (size_t i = 0; i < opts->part_count; i++)
		before += parts[i].operand_count;
	parts[opts->part_count++] = (struct tarx_part){
		.name = opts->inner,
		.operand_count = opts->operand_count - before,
		.dir = opts->dir,
		.overlay = opts->overlay,
		.whiteouts = opts->whiteouts,
	};
	return 0;
}

int tarx_take_inner(struct tarx_opts *opts, char *value)
{
	if (end_part(opts) < 0)
		return -1;
	opts->inner = value;
	opts->overlay = opts->parts[0].overlay;
	opts->whiteouts = opts->parts[0].whiteouts;
	return 0;
}

/* 1: A and B name the same member; 0; or -1. */
static int is_same(const char *a, const char *b)
{
	TX_FREE char *x = tarx_path_named(a);
	TX_FREE char *y = tarx_path_named(b);

	return x && y ? !strcmp(x, y) : tarx_opts_no_memory();
}

static int check_name(const struct tarx_opts *opts, size_t at)
{
	const char *name = opts->parts[at].name;
	int r = is_same(name, ".");

	if (r != 0)
		return r < 0 ? r : tarx_opts_complain("--inner:", name, "not a member's name");
	for (size_t i = 1; r == 0 && i < at; i++)
		r = is_same(name, opts->parts[i].name);
	return r > 0 ? tarx_opts_complain("--inner:", name, "named twice") : r;
}

static int check_parts(const struct tarx_opts *opts)
{
	size_t lists = 0;

	for (size_t i = 1; i < opts->part_count; i++) {
		if (check_name(opts, i) < 0)
			return -1;
		lists += opts->parts[i].whiteouts == TARX_WHITEOUTS_PODMAN;
	}
	if (lists > 1)
		return tarx_opts_complain("--whiteouts=podman", NULL,
					  "the one list is about one tree: give it behind the "
					  "--inner that is meant");
	if (opts->part_count > 1 && opts->starting_file)
		return tarx_opts_complain("--starting-file", NULL, "cannot be had with --inner");
	return 0;
}

int tarx_opts_end_parts(struct tarx_opts *opts)
{
	size_t at = 0;

	if (end_part(opts) < 0)
		return -1;
	for (size_t i = 0; i < opts->part_count; i++) {
		opts->parts[i].operands = opts->operands ? opts->operands + at : NULL;
		at += opts->parts[i].operand_count;
	}
	opts->overlay = opts->parts[0].overlay;
	opts->whiteouts = opts->parts[0].whiteouts;
	return check_parts(opts);
}
