/* The members that a person named, and which of them were there. */
#ifndef TARX_SELECT_H
#define TARX_SELECT_H

#include "tarx/opts.h"
#include "tarx/report.h"

#include <stdbool.h>

struct tarx_select {
	struct tarx_wanted *wanted; /* owned */
	size_t count;
	struct tarx_wanted *start; /* owned: --starting-file, until it was found; else NULL */
	uint64_t occurrence; /* 0: each */
	const char *default_dir; /* borrowed; NULL: none */
	const char *dir; /* borrowed: the -C that counts for the member taken last; NULL: none */
	const struct tarx_patterns *exclude; /* borrowed: what is not taken though it was named */
	char *name; /* owned: the last member's, without slashes at its end */
};

/* The members that PART names; all where no operand does. 0 or -errno. */
int tarx_select_open(struct tarx_select *select, const struct tarx_opts *opts,
		     const struct tarx_part *part);

/* Whether the member NAME, as the archive has it, or a directory above it, was named, and not excluded; select->dir is
 * then the directory that it was named for. */
bool tarx_select_takes(struct tarx_select *select, const char *name);

/* An error for each name that no member had. REPORT may be NULL. */
void tarx_select_close(struct tarx_select *select, struct tarx_report *report);

#endif
