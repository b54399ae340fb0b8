/* With index=on overlayfs copies a file of several names up once, and all of them show the copy. Names that
 * lower layers have, perhaps all that are left, are in no upper layer: here they are found through the
 * mount. */
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

/* Where there is an index, stores the names of copies that are in no upper layer, as hard links where one
 * was stored, with the directories that lead there and are in no upper layer either. SHOWN as for
 * tarx_tree_archive(). Warns of names that it does not reach. 0 or negative as above. */
int tarx_aliases_store(struct tarx_tree *tree, const char *shown);

/* *ST becomes what NODE, which has several names, is known by as one inode with them, wherever in the overlay's
 * changes the walk is: in the upper layer, in a renamed directory as it is seen, or among names of an
 * index. */
void tarx_aliases_identity(const struct tarx_tree *tree, const struct align_node *node,
			   struct stat *st);

void tarx_aliases_release(struct tarx_aliases *aliases);

#endif
