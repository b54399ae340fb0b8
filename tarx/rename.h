/* Names that members get on their way into an archive or out of it: --transform and
 * --strip-components. Pure; names are bytes. */
#ifndef TARX_RENAME_H
#define TARX_RENAME_H

#include "align/err.h"

#include <stddef.h>

/* What a name is the name of. */
enum tarx_rename_scope {
	TARX_RENAME_MEMBER = 1,
	TARX_RENAME_SYMLINK = 2, /* the target of a symbolic link */
	TARX_RENAME_HARDLINK = 4, /* the target of a hard link */
	TARX_RENAME_ALL = 7,
};

struct tarx_rule;

struct tarx_rename {
	struct tarx_rule *rules; /* owned; applied in this order */
	size_t count;
	unsigned int not_scope; /* what "flags=" has taken out for the rules that follow */
};

/* Adds the rules of EXPRESSION, as GNU tar's --transform takes it: s/REGEX/REPLACEMENT/FLAGS, several
 * of them parted by ";", "flags=FLAGS" among them. Returns 0 or -errno (EINVAL: it is none). */
int tarx_rename_add(struct tarx_rename *rename, const char *expression, struct tx_err *err);

/* NAME as the rules for SCOPE have it. Returns an owned string; NULL: out of memory. */
char *tarx_rename_apply(const struct tarx_rename *rename, enum tarx_rename_scope scope,
			const char *name);

/* NAME without its first COUNT components and the slashes around them: a pointer into it, to "" where it has no
 * more than those. */
const char *tarx_rename_strip(const char *name, size_t count);

void tarx_rename_release(struct tarx_rename *rename);

#endif
