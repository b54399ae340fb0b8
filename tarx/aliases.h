/* With index=on overlayfs copies a file of several names up under one of them, and all show the copy. The
 * others are in no upper layer: here they are found through the mount. */
#ifndef TARX_ALIASES_H
#define TARX_ALIASES_H

#include "align/walk.h"
#include "tarx/placed.h"

struct tarx_alias;
struct tarx_tree;

struct tarx_aliases {
	struct tarx_alias *list; /* owned; the files that were copied up */
	size_t count, room;
	struct tarx_placed above; /* owned; directories that have been looked at */
};

/* NODE, at REL in the overlay, is such a file, and was just stored. 0, or negative when the archive
 * cannot be finished; that is told. */
int tarx_aliases_note(struct tarx_tree *tree, const struct align_node *node, const char *rel);

/* Stores the other names of all of them as hard links, with the directories that lead there and are in no
 * upper layer either. SHOWN as for tarx_tree_archive(). Warns of names that it cannot reach. 0 or
 * negative as above. */
int tarx_aliases_store(struct tarx_tree *tree, const char *shown);

void tarx_aliases_release(struct tarx_aliases *aliases);

#endif
