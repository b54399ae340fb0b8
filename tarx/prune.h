/* What a walk leaves out: --exclude, --exclude-tag, --no-recursion, --newer. */
#ifndef TARX_PRUNE_H
#define TARX_PRUNE_H

#include "align/walk.h"
#include "tarx/report.h"

struct tarx_prune {
	struct tarx_report *report; /* borrowed */
	bool flat; /* the root alone */
	char *only; /* owned: the one path that is wanted in its directory; or NULL */
};

/* For align_walk, in any thread: whether what is shown as PATH may be stored; DATA is a struct tarx_prune. */
bool tarx_prune_wants(void *data, const char *path);

enum tarx_verdict {
	TARX_PRUNE_FATAL = -1, /* out of memory, and told */
	TARX_PRUNE_DROP, /* neither it nor what is below */
	TARX_PRUNE_ALONE, /* it, and nothing below */
	TARX_PRUNE_KEEP,
};

/* The same for what was found in a directory of which only one file is wanted. */
bool tarx_prune_is_wanted(const struct tarx_prune *prune, const char *path);

/* Whether --newer leaves a file out. Pure. */
bool tarx_prune_is_old(const struct tarx_opts *opts, const struct stat *st);

/* What becomes of NODE, which was opened. */
enum tarx_verdict tarx_prune_node(struct tarx_prune *prune, const struct align_node *node);

void tarx_prune_release(struct tarx_prune *prune);

#endif
