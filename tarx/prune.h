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

/* For align_walk: whether what is shown as PATH is stored at all; DATA is a struct tarx_prune. */
bool tarx_prune_wants(void *data, const char *path);

enum tarx_verdict {
	TARX_PRUNE_FATAL = -1, /* out of memory, and told */
	TARX_PRUNE_DROP, /* neither it nor what is below */
	TARX_PRUNE_ALONE, /* it, and nothing below */
	TARX_PRUNE_KEEP,
};

/* What becomes of NODE, which was opened. */
enum tarx_verdict tarx_prune_node(struct tarx_prune *prune, const struct align_node *node);

void tarx_prune_release(struct tarx_prune *prune);

#endif
