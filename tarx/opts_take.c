/* What options do that more than set a field. */
#include "tarx/opts_table.h"

#include "align/ahead.h"
#include "align/block.h"
#include "tarx/records.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 4 /* by default */

/* ------------------------------------------------------------------ what to do */

static int take_mode(struct tarx_opts *opts, enum tarx_mode mode)
{
	if (opts->mode && opts->mode != mode)
		return tarx_opts_complain(
			"only one of -c, -x, -t, -d, -r, --info, --realign can be done at a time",
			NULL, NULL);
	opts->mode = mode;
	return 0;
}

int tarx_take_create(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_CREATE);
}

int tarx_take_extract(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_EXTRACT);
}

int tarx_take_list(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_LIST);
}

int tarx_take_compare(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_COMPARE);
}

int tarx_take_append(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_APPEND);
}

int tarx_take_info(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_INFO);
}

int tarx_take_realign(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_mode(opts, TARX_REALIGN);
}

/* ------------------------------------------------------------------ values */

int64_t tarx_opts_size(const char *text)
{
	unsigned long long n;
	unsigned int shift;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtoull(text, &end, 10);
	shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' || *end == 'm' ? 20 : 0;
	end += shift > 0;
	if (*end || errno || n > (uint64_t)INT64_MAX >> shift)
		return -1;
	return (int64_t)(n << shift);
}

int tarx_take_align(struct tarx_opts *opts, char *value)
{
	int64_t size;

	if (!value) {
		opts->align = TARX_ALIGN_BLOCK;
		return 0;
	}
	if (!strcmp(value, "none")) {
		opts->align = TARX_ALIGN_NONE;
		return 0;
	}
	size = tarx_opts_size(value);
	if (size < 512 || size > 1 << 20 || !align_is_power_of_two((uint64_t)size))
		return tarx_opts_complain("--align:", value,
					  "not a power of two from 512 to 1M, nor none");
	opts->align = (uint32_t)size;
	return 0;
}

int tarx_take_align_min(struct tarx_opts *opts, char *value)
{
	opts->align_min = tarx_opts_size(value);
	return opts->align_min < 0 ? tarx_opts_complain("--align-min:", value, "not a size") : 0;
}

int tarx_take_threads(struct tarx_opts *opts, char *value)
{
	uint64_t number;

	if (!tarx_number(value, strlen(value), ALIGN_CREW_MOST, &number) || number == 0)
		return tarx_opts_complain("--threads:", value, "not a number from 1 to 16");
	opts->threads = (unsigned int)number;
	return 0;
}

unsigned int tarx_opts_threads(const struct tarx_opts *opts)
{
	cpu_set_t usable;
	int count;

	if (opts->threads > 0)
		return opts->threads;
	count = sched_getaffinity(0, sizeof(usable), &usable) == 0 ? CPU_COUNT(&usable) : 1;
	return (unsigned int)(count < MOST_THREADS ? count : MOST_THREADS);
}

int tarx_take_hole_detection(struct tarx_opts *opts, char *value)
{
	if (!strcmp(value, "raw"))
		opts->hole_detection = TARX_HOLES_RAW;
	else if (!strcmp(value, "seek"))
		opts->hole_detection = TARX_HOLES_SEEK;
	else
		return tarx_opts_complain("--hole-detection:", value, "not one of seek, raw");
	opts->sparse = true;
	return 0;
}

int tarx_take_sparse_version(struct tarx_opts *opts, char *value)
{
	if (strcmp(value, "1.0") && strcmp(value, "1"))
		return tarx_opts_complain(
			"--sparse-version:", value,
			"only 1.0 is written: older formats have no room for a map of any length");
	opts->sparse = true;
	return 0;
}

int tarx_take_verbose(struct tarx_opts *opts, char *value)
{
	if (value && strcmp(value, "time"))
		return tarx_opts_complain("--verbose:", value, "not time");
	opts->verbose++;
	opts->verbose_time |= value != NULL;
	return 0;
}

int tarx_take_progress(struct tarx_opts *opts, char *value)
{
	if (!value || !strcmp(value, "auto"))
		opts->progress = TARX_PROGRESS_AUTO;
	else if (!strcmp(value, "always"))
		opts->progress = TARX_PROGRESS_ALWAYS;
	else if (!strcmp(value, "never"))
		opts->progress = TARX_PROGRESS_NEVER;
	else
		return tarx_opts_complain("--progress:", value, "not one of auto, always, never");
	return 0;
}

int tarx_take_stats(struct tarx_opts *opts, char *value)
{
	opts->stats = true;
	opts->stats_file = value;
	return 0;
}

int tarx_take_same_owner(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->same_owner = 1;
	return 0;
}

int tarx_take_no_same_owner(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->same_owner = 0;
	return 0;
}

int tarx_take_same_permissions(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->same_permissions = 1;
	return 0;
}

int tarx_take_no_same_permissions(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->same_permissions = 0;
	return 0;
}

int tarx_take_one_top_level(struct tarx_opts *opts, char *value)
{
	opts->one_top_level = true;
	opts->top_level = value;
	return 0;
}

int tarx_take_occurrence(struct tarx_opts *opts, char *value)
{
	char *end = NULL;

	errno = 0;
	opts->occurrence = value ? strtoull(value, &end, 10) : 1;
	if (value && (*value < '0' || *value > '9' || *end || errno))
		return tarx_opts_complain("--occurrence:", value, "not a number");
	return 0;
}

/* It is what is done in any case. */
int tarx_take_delay(struct tarx_opts *opts, char *value)
{
	(void)opts;
	(void)value;
	return 0;
}

/* ------------------------------------------------------------------ places */

/* A relative -C counts from the one before it. */
int tarx_take_dir(struct tarx_opts *opts, char *value)
{
	char **dirs = realloc(opts->dirs, (opts->dir_count + 1) * sizeof(*dirs));
	char *dir = NULL;

	if (!dirs)
		return tarx_opts_no_memory();
	opts->dirs = dirs;
	if (*value == '/' || !opts->dir)
		dir = strdup(value);
	else if (asprintf(&dir, "%s/%s", opts->dir, value) < 0)
		dir = NULL;
	if (!dir)
		return tarx_opts_no_memory();
	opts->dirs[opts->dir_count++] = dir;
	opts->dir = dir;
	return 0;
}

int tarx_take_take_from(struct tarx_opts *opts, char *value)
{
	const char **dirs = realloc(opts->take_from, (opts->take_from_count + 1) * sizeof(*dirs));

	if (!dirs)
		return tarx_opts_no_memory();
	opts->take_from = dirs;
	dirs[opts->take_from_count++] = value;
	return 0;
}
