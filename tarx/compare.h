/* A member against the disk. */
#ifndef TARX_COMPARE_H
#define TARX_COMPARE_H

#include "align/arena.h"
#include "tarx/item.h"
#include "tarx/meta.h"
#include "tarx/owners.h"
#include "tarx/reader.h"
#include "tarx/report.h"

struct tarx_comparison {
	struct tarx_report *report; /* borrowed */
	struct tarx_reader *reader; /* borrowed */
	struct tarx_owners *owners; /* borrowed */
	struct tarx_meta_wants wants;
	struct align_attrs_asker asker;
	struct tx_arena arena; /* owned: the disk's attributes */
	int root; /* owned: where members are looked up */
};

/* Compares ITEM with PATH, counted from the root; each difference is reported in GNU tar's words, and
 * so is what could not be looked at. */
void tarx_compare(struct tarx_comparison *c, const struct tarx_item *item, const char *path);

#endif
