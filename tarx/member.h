/* Where a member goes: its name after what the options do to names. */
#ifndef TARX_MEMBER_H
#define TARX_MEMBER_H

#include "tarx/item.h"
#include "tarx/report.h"

struct tarx_landing {
	char *path; /* owned: from the target on; under --absolute-names as it is */
	char *name; /* owned: its changed name, or NULL */
	char *link; /* owned: a link's changed target, or NULL */
	const char *top; /* borrowed: --one-top-level's directory, which is the target, or NULL */
};

/* Changes ITEM's names as the options say; the landing holds the new ones. That a leading slash is
 * taken off is said once. 1, or -1: out of memory, and
 * said. */
int tarx_member_rename(struct tarx_report *report, struct tarx_item *item,
		       struct tarx_landing *landing);

/* Where ITEM goes; its link becomes the changed one, which the landing holds. 1: LANDING->path is set.
 * 0: nowhere: nothing is left of its name, or it is refused, which was said. -1: fatal, and said. */
int tarx_member_land(struct tarx_report *report, struct tarx_item *item,
		     struct tarx_landing *landing);
void tarx_member_release(struct tarx_landing *landing);

/* The directory that --one-top-level means: its value, or what the archive's name says. Owned; NULL
 * where it says nothing. */
char *tarx_member_top(const struct tarx_opts *opts);

#endif
