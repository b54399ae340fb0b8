/* The members that a person named, and which of them were there. */
#ifndef TARX_SELECT_H
#define TARX_SELECT_H

#include "tarx/opts.h"
#include "tarx/report.h"

#include <stdbool.h>

struct tarx_select {
	struct tarx_wanted *wanted; /* owned */
	size_t count;
};

/* All of the archive where no operand names a member. 0 or -errno. */
int tarx_select_open(struct tarx_select *select, const struct tarx_opts *opts);

/* Whether the member NAME, as the archive has it, or a directory above it, was named. */
bool tarx_select_takes(struct tarx_select *select, const char *name);

/* An error for each name that no member had. */
void tarx_select_close(struct tarx_select *select, struct tarx_report *report);

#endif
