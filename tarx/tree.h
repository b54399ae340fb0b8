/* A tree of files on its way into the archive, node by node. */
#ifndef TARX_TREE_H
#define TARX_TREE_H

#include "align/ahead.h"
#include "align/arena.h"
#include "overlay/marks.h"
#include "overlay/source.h"
#include "tarx/adder.h"
#include "tarx/aliases.h"
#include "tarx/deleted.h"
#include "tarx/layers.h"
#include "tarx/links.h"
#include "tarx/look.h"
#include "tarx/meta.h"
#include "tarx/owners.h"
#include "tarx/prune.h"
#include "tarx/report.h"
#include "tarx/snapshot.h"

/* What all trees of one archive share. */
struct tarx_creation {
	struct tarx_report *report; /* borrowed */
	struct tarx_adder adder;
	struct tarx_links links;
	struct tarx_deleted deleted; /* with --whiteouts=podman */
	struct tarx_owners owners;
	struct tarx_meta_wants wants;
	unsigned int threads; /* that look at files, with the one that writes */
	struct tarx_prune prune;
	struct tarx_snapshots snapshots; /* with --snapshot */
	struct tx_arena arena; /* of the item in hand */
	enum tarx_overlay overlay; /* of the operand in hand */
	bool with_root; /* a root whose path is empty is a member, too, "./" */
};

struct tarx_tree {
	struct tarx_creation *c; /* borrowed */
	int base; /* borrowed: where root is looked up */
	const char *root; /* borrowed */
	struct tarx_layers layers;
	const struct tarx_located *diff; /* borrowed; the walk is in its upper layer; else NULL */
	const struct tarx_located *changes; /* borrowed; the overlay whose changes are stored, here
					     * as they are seen or in its upper layer; else NULL */
	struct tarx_aliases *aliases; /* borrowed; where diff is set */
	struct overlay_finder *finder; /* borrowed; of that overlay, where diff is set */
	const char *whole; /* borrowed; the tree hides what lower layers have at this path, from
			    * the overlay's root; or NULL */
	bool hides; /* the same, in the upper layer: the tree lies in an opaque directory */
};

/* What makes a node something else in the archive than what it is on the disk. */
struct tarx_disguise {
	bool whiteout; /* it stands for a removed name */
	bool opaque; /* a directory that hides what lower layers have there */
	int source; /* borrowed: its bytes are in this file; -1: in its own */
	const char *subvolume; /* static: it is recorded as a subvolume of this kind; or NULL */
};

/* All of these report what is wrong themselves. They return 0, or a negative number when the
 * archive cannot be finished. */

/* Stores everything below the tree's root; paths begin with SHOWN. Where that is empty the root itself is
 * stored only if c->with_root is set, or if nothing else can say that it is opaque. */
int tarx_tree_archive(struct tarx_tree *tree, const char *shown);

/* A file could not be read, and is not stored. */
void tarx_tree_tell_failed(struct tarx_creation *c, const char *path, const struct tx_err *err);

/* The name of NODE in the archive, in the arena; NULL: no memory. */
const char *tarx_tree_name(struct tarx_creation *c, const struct align_node *node);

/* PATH as it is stored, before --transform: what is cut off in front is told once. A pointer into PATH. */
const char *tarx_tree_stored(struct tarx_creation *c, const char *path);

/* With --check-links: tells which files have links that were not stored. */
void tarx_tree_check_links(struct tarx_creation *c);

/* Stores one node. */
int tarx_tree_add(struct tarx_tree *tree, const struct align_node *node,
		  const struct tarx_disguise *disguise);

/* Stores what PATH, looked up in BASE, is seen to be: a plain tree, or an overlay as its mount
 * shows it. Under --overlay=merged a layer stands for what it shows with those below. SHOWN as for
 * tarx_tree_archive(). */
int tarx_tree_seen(struct tarx_creation *c, int base, const char *path, const char *shown);

/* Stores what the upper layer of the overlay that PATH lies on changed there (--overlay=diff). */
int tarx_tree_diff(struct tarx_creation *c, int base, const char *path, const char *shown);

/* Stores one node of an upper layer, by its marks; AHEAD may be told not to enter it. */
int tarx_tree_add_changed(struct tarx_tree *tree, const struct align_node *node,
			  struct align_ahead *ahead);

/* The file that has the bytes of the one seen at REL, of an overlay whose changes are stored: of a layer,
 * so that they can be shared, else the merged one. A descriptor or -errno. */
int tarx_tree_open_bytes(const struct tarx_tree *tree, const char *rel);

/* What the upper layer says of where a directory goes on in the layers below. */
enum tarx_ties {
	TARX_TIES_NAME, /* under its name, or the layer does not have it */
	TARX_TIES_RENAMED, /* under another name */
	TARX_TIES_NONE, /* nowhere: it is opaque */
};

/* Looks at the directory REL of the overlay AT. enum tarx_ties or -errno. */
int tarx_tree_ties(const struct tarx_located *at, const char *rel, struct tx_err *err);

/* Whether NODE, of an upper layer, is but a mark that fuse-overlayfs made. */
bool tarx_tree_is_fuse_mark(const struct tarx_tree *tree, const struct align_node *node);

/* Removals, in the spelling of --whiteouts; see removal.c. */

/* Adds to the MARKS of the file FD of the upper layer, whose stat is ST, what fuse-overlayfs spells in
 * its own way. 0 or -errno. */
int tarx_tree_read_fuse(const struct tarx_tree *tree, int fd, const struct stat *st,
			struct overlay_marks *marks, struct tx_err *err);

/* Stores that the name of NODE was removed. */
int tarx_tree_add_removed(struct tarx_tree *tree, const struct align_node *node);

/* Whether opaque directories get the mark that overlayfs itself uses. */
bool tarx_tree_marks_opaque(const struct tarx_creation *c);

/* The name of that mark. */
const char *tarx_tree_opaque_mark(const struct tarx_tree *tree);

/* What follows the member PATH of the archive, a directory that is opaque. */
int tarx_tree_add_opaque(struct tarx_tree *tree, const struct align_node *node, const char *path);

/* The path of a node of the overlay whose changes are stored, from its root; owned by the caller, NULL without
 * memory. */
char *tarx_tree_path(const struct tarx_tree *tree, const struct align_node *node);

/* Whether NODE can be stored by its name, which may be one that stands for a removal. Tells why not. */
bool tarx_tree_can_name(struct tarx_creation *c, const struct align_node *node);

/* What comes last: the list of the removals so far. */
int tarx_tree_finish_removals(struct tarx_creation *c);

#endif
