/* What is stored of a member in the place of what it is on the disk: --owner, --group, their maps,
 * --mode, --mtime. */
#ifndef TARX_OVERRIDE_H
#define TARX_OVERRIDE_H

#include "align/err.h"
#include "tarx/item.h"
#include "tarx/owners.h"

#include <stdbool.h>
#include <stdint.h>

/* Who somebody becomes. */
struct tarx_becomes {
	const char *name; /* borrowed; NULL: that of the number */
	bool has_id;
	uint32_t id; /* else the number stays */
};

struct tarx_owner_map {
	struct tarx_mapped *list; /* owned */
	size_t count;
	char *text; /* owned; the names */
};

struct tarx_override {
	struct tarx_becomes becomes[2]; /* users, groups: those that are in no map */
	struct tarx_owner_map maps[2]; /* users, groups */
	const char *mode; /* borrowed: as tarx_chmod() takes it; NULL: as it is */
	mode_t umask;
	bool has_mtime, clamp; /* clamp: only where it would be later */
	struct timespec mtime;
};

/* Reads "NAME", "NAME:NUMBER", ":NUMBER" or "NUMBER". TEXT is changed, and borrowed from then on. 0 or -1: it is
 * none. */
int tarx_becomes_parse(struct tarx_becomes *becomes, enum tarx_owner_kind kind, char *text);

/* Reads a map of lines "OLD NEW" from FILE. 0 or -errno. */
int tarx_owner_map_read(struct tarx_owner_map *map, enum tarx_owner_kind kind, const char *file,
			struct tx_err *err);

/* Changes ITEM. Names of numbers come from OWNERS; NULL: none are wanted. */
void tarx_override_apply(const struct tarx_override *override, struct tarx_owners *owners,
			 struct tarx_item *item);

void tarx_override_release(struct tarx_override *override);

#endif
