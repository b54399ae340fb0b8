/* The names that are seen in a merged directory. */
#ifndef OVERLAY_NAMES_H
#define OVERLAY_NAMES_H

#include "align/io.h"
#include "overlay/merged.h"

struct overlay_name {
	const char *name; /* borrowed from the texts below */
	size_t place; /* of dir->places: where it is seen from */
	bool directory;
};

struct overlay_names {
	struct overlay_name *list; /* owned; by the bytes of the names */
	size_t count;
	struct tx_names *texts; /* owned */
	size_t text_count;
};

/* What S would be without its upper layer: borrows all from S, which must stay where it is. */
struct overlay_stack overlay_names_lowers(const struct overlay_stack *s);

/* Reads the names of DIR, a directory of S. 0 or -errno (ESTALE: not all that it is made of is known);
 * release after either. */
int overlay_names_read(struct overlay_names *names, const struct overlay_stack *s,
		       const struct overlay_dir *dir, struct tx_err *err);
void overlay_names_release(struct overlay_names *names);

#endif
