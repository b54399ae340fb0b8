/* What is read of a node besides its stat, by whichever thread: attributes, link target, the bytes of a small file. */
#ifndef TARX_LOOK_H
#define TARX_LOOK_H

#include "align/arena.h"
#include "align/walk.h"
#include "tarx/adder.h"
#include "tarx/meta.h"

/* What one thread looks with. */
struct tarx_looker {
	const struct tarx_opts *opts; /* borrowed */
	const struct tarx_meta_wants *wants; /* borrowed */
	const struct tarx_adder *adder; /* borrowed: which files are read and not shared */
	bool keeps; /* a file's descriptor is needed even when its bytes were read */
	struct tarx_owners owners;
	struct align_attrs_asker asker;
};

/* All of it lies in the arena. Of the errors those that are not NULL happened. */
struct tarx_look {
	struct tarx_item meta; /* only what tarx_meta_load() and tarx_meta_load_flags() fill */
	const char *link; /* what a symbolic link names */
	const struct tx_err *link_err, *flags_err, *meta_err;
	const char *bytes; /* of a regular file, from byte AT on; or NULL */
	off_t at;
	off_t len;
	bool complete; /* these are all, and the file was looked at once more: */
	bool changed; /* it was another one then */
};

/* Looks at NODE, which was opened, and may close it. NULL: out of memory, or it is not worth a look. */
const struct tarx_look *tarx_look_at(struct tarx_looker *looker, struct align_node *node,
				     struct tx_arena *arena);

/* Whether two looks at an inode saw the same. Pure. */
bool tarx_look_is_same(const struct stat *a, const struct stat *b);

void tarx_looker_release(struct tarx_looker *looker);

#endif
