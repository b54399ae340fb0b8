#include "tarx/look.h"

#include "align/block.h"
#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define SMALL_FILE 32768 /* bytes; longer ones are read when their turn comes */

static const struct tx_err *keep(struct tx_arena *arena, const struct tx_err *err)
{
	struct tx_err *kept = tx_arena_take(arena, sizeof(*kept));

	if (kept)
		*kept = *err;
	return kept;
}

/* ------------------------------------------------------------------ links, attributes */

static int read_link(struct tarx_look *look, const struct align_node *node, struct tx_arena *arena,
		     struct tx_err *err)
{
	size_t room = node->st.st_size > 0 ? (size_t)node->st.st_size + 1 : PATH_MAX;

	for (;; room *= 2) {
		char *text = tx_arena_take(arena, room);
		ssize_t n = text ? readlinkat(node->dirfd, node->name, text, room) : -1;

		if (!text)
			return tx_fail(err, ENOMEM, "read the link");
		if (n < 0)
			return tx_fail(err, errno, "read the link");
		if ((size_t)n < room) {
			text[n] = '\0';
			look->link = text;
			return 0;
		}
	}
}

static int load_special(struct tarx_looker *looker, struct tarx_look *look,
			const struct align_node *node, struct tx_arena *arena, struct tx_err *err)
{
	TX_FD special = openat(node->dirfd, node->name,
			       O_PATH | O_CLOEXEC | (looker->opts->dereference ? 0 : O_NOFOLLOW));

	if (special < 0)
		return tx_fail(err, errno, "open");
	return tarx_meta_load(&look->meta, special, true, looker->wants, &looker->owners, arena,
			      err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tarx_xattr *)a)->name, ((const struct tarx_xattr *)b)->name);
}

/* File systems list attributes in an order of their own; the archive is to be the same from each. */
static void sort_xattrs(struct tarx_item *item)
{
	if (item->xattr_count > 1)
		qsort((void *)(uintptr_t)item->xattrs, item->xattr_count, sizeof(*item->xattrs),
		      by_name);
}

static void load_meta(struct tarx_looker *looker, struct tarx_look *look,
		      const struct align_node *node, struct tx_arena *arena)
{
	struct tx_err err;
	int r;

	if (node->fd >= 0) {
		if (looker->wants->fflags &&
		    tarx_meta_load_flags(&look->meta, node->fd, node->st.st_dev, &looker->asker,
					 arena, &err) < 0)
			look->flags_err = keep(arena, &err);
		r = tarx_meta_load(&look->meta, node->fd, false, looker->wants, &looker->owners,
				   arena, &err);
	} else {
		r = load_special(looker, look, node, arena, &err);
	}
	if (r < 0)
		look->meta_err = keep(arena, &err);
	sort_xattrs(&look->meta);
}

/* ------------------------------------------------------------------ bytes */

bool tarx_look_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void finish(const struct tarx_looker *looker, struct tarx_look *look,
		   struct align_node *node)
{
	struct stat now;

	if (node->st.st_size > 0) {
		if (fstat(node->fd, &now) < 0)
			return;
		look->changed = !tarx_look_is_same(&node->st, &now);
	}
	look->complete = true;
	if (!looker->keeps)
		tx_fd_release(&node->fd);
}

/* A small file as a whole; of one that is shared what lies behind its last whole block. What fails here
 * is tried again, and told, when its turn comes. */
static void read_bytes(const struct tarx_looker *looker, struct tarx_look *look,
		       struct align_node *node, struct tx_arena *arena)
{
	off_t size = node->st.st_size, at = 0;
	bool shared = tarx_adder_shares(looker->adder, size);
	char *bytes;
	ssize_t n;

	if (shared)
		at = (off_t)align_down((uint64_t)size, looker->adder->mover.block);
	if (size - at > SMALL_FILE)
		return;
	if (size > at) {
		bytes = tx_arena_take(arena, (size_t)(size - at));
		n = bytes ? tx_read_at(node->fd, bytes, (size_t)(size - at), at) : -1;
		if (n != size - at)
			return;
		look->bytes = bytes;
		look->at = at;
		look->len = n;
	}
	if (!shared)
		finish(looker, look, node);
}

const struct tarx_look *tarx_look_at(struct tarx_looker *looker, struct align_node *node,
				     struct tx_arena *arena)
{
	struct tarx_look *look = NULL;
	struct tx_err err;

	if (!tarx_prune_is_old(looker->opts, &node->st))
		look = tx_arena_take(arena, sizeof(*look));
	if (!look)
		return NULL;
	*look = (struct tarx_look){ .link = NULL };
	if (S_ISLNK(node->st.st_mode) && read_link(look, node, arena, &err) < 0)
		look->link_err = keep(arena, &err);
	load_meta(looker, look, node, arena);
	if (S_ISREG(node->st.st_mode) && node->fd >= 0)
		read_bytes(looker, look, node, arena);
	return look;
}

void tarx_looker_release(struct tarx_looker *looker)
{
	tarx_owners_release(&looker->owners);
}
