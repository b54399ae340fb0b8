/* Patterns of names, as GNU tar's --exclude has them. Pure; names are bytes. */
#ifndef TARX_PATTERN_H
#define TARX_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum {
	TARX_PATTERN_ANCHORED = 1, /* matches from the beginning; else behind any "/" too */
	TARX_PATTERN_WILDCARDS = 2, /* of the shell; else the pattern is the name */
	TARX_PATTERN_NO_SLASH = 4, /* wildcards do not match "/" */
	TARX_PATTERN_NO_CASE = 8,
	TARX_PATTERN_ALONE = 16, /* not what lies in it */
};

/* Whether NAME, or unless it stands alone a directory that it lies in, is what PATTERN says. FLAGS: TARX_PATTERN_*. */
bool tarx_pattern_matches(const char *pattern, unsigned int flags, const char *name);

struct tarx_pattern {
	char *text; /* owned */
	unsigned int flags;
};

struct tarx_patterns {
	struct tarx_pattern *list; /* owned */
	size_t count;
};

/* Adds a copy of TEXT. 0 or -ENOMEM. */
int tarx_patterns_add(struct tarx_patterns *patterns, const char *text, unsigned int flags);

/* Whether one of them matches. */
bool tarx_patterns_match(const struct tarx_patterns *patterns, const char *name);

void tarx_patterns_release(struct tarx_patterns *patterns);

#endif
