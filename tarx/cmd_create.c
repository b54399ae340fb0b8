#include "align/cleanup.h"
#include "align/io.h"
#include "align/volume.h"
#include "align/walk.h"
#include "overlay/marks.h"
#include "tarx/adder.h"
#include "tarx/cmd.h"
#include "tarx/layers.h"
#include "tarx/links.h"
#include "tarx/meta.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ what a creation holds */

struct creation {
	struct tarx_report *report; /* borrowed */
	struct tarx_adder adder;
	struct tarx_links links;
	struct tarx_owners owners;
	struct tarx_meta_wants wants;
	struct tx_arena arena; /* of the item in hand */
};

/* One tree of it. */
struct tree {
	struct creation *c;
	int base;	     /* borrowed: where root is looked up */
	const char *root;    /* borrowed */
	struct tarx_layers layers;
	const struct tarx_located *diff; /* borrowed; the walk is in its upper layer; else NULL */
	const char *opaque;  /* the name of the opaque mark, for the root of the tree; or NULL */
};

/* What makes a node something else in the archive than what it is on the disk. */
struct disguise {
	bool whiteout; /* it stands for a removed name */
	int source;    /* borrowed: its bytes are in this file; -1: in its own */
};

static int archive_tree(struct tree *tree, const char *shown);

/* ------------------------------------------------------------------ an item of a node */

static int keep(struct creation *c, const char **to, const char *text)
{
	*to = tx_arena_copy(&c->arena, text, strlen(text));
	return *to ? 0 : -ENOMEM;
}

static int read_link(struct creation *c, const struct align_node *node, struct tarx_item *item,
		     struct tx_err *err)
{
	size_t room = node->st.st_size > 0 ? (size_t)node->st.st_size + 1 : PATH_MAX;

	for (;; room *= 2) {
		char *text = tx_arena_take(&c->arena, room);
		ssize_t n = text ? readlinkat(node->dirfd, node->name, text, room) : -1;

		if (!text)
			return tx_fail(err, ENOMEM, "read the link");
		if (n < 0)
			return tx_fail(err, errno, "read the link");
		if ((size_t)n < room) {
			text[n] = '\0';
			item->link = text;
			return 0;
		}
	}
}

static void tell_cut(struct creation *c, const char *path, size_t cut)
{
	if (cut > 0 && tarx_say_once(c->report, TARX_ONCE_SLASH))
		tarx_notice(c->report, "Removing leading `%.*s' from member names", (int)cut, path);
}

static int fill_stat(struct creation *c, const struct align_node *node, struct tarx_item *item)
{
	const struct stat *st = &node->st;
	bool names = !c->wants.numeric;
	size_t cut;
	const char *stored = tarx_path_stored(node->path, &cut);

	tell_cut(c, node->path, cut);
	*item = (struct tarx_item){
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.uname = names ? tarx_owners_name(&c->owners, TARX_USER, st->st_uid) : NULL,
		.gname = names ? tarx_owners_name(&c->owners, TARX_GROUP, st->st_gid) : NULL,
		.mtime = st->st_mtim,
		.rdev = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? st->st_rdev : 0,
		.whiteout = tarx_is_whiteout(st->st_mode, st->st_rdev),
		.data = { .fd = -1 },
	};
	return keep(c, &item->path, stored);
}

static bool is_linked(const struct stat *st)
{
	/* Whiteouts are often links of one inode, and still a removal each. */
	return st->st_nlink > 1 && !S_ISDIR(st->st_mode) &&
	       !tarx_is_whiteout(st->st_mode, st->st_rdev);
}

/* The bytes of a regular file: from the layer that has them, where they can be shared from there.
 * Returns that layer's file, which is the caller's, or -1. */
static int fill_data(struct tree *tree, const struct align_node *node,
		     const struct disguise *disguise, struct tarx_item *item)
{
	int layer = -1;

	if (!S_ISREG(node->st.st_mode))
		return -1;
	item->size = node->st.st_size;
	if (!tree->diff && tarx_adder_shares(&tree->c->adder, item->size))
		layer = tarx_layers_source(&tree->layers, node);
	item->data = (struct align_span){
		.fd = disguise->source >= 0 ? disguise->source : layer >= 0 ? layer : node->fd,
		.len = item->size,
		.holes = disguise->source >= 0 ||
			 (off_t)node->st.st_blocks * 512 < item->size,
	};
	return layer;
}

static int load_meta(struct tree *tree, const struct align_node *node, struct tarx_item *item,
		     struct tx_err *err)
{
	struct creation *c = tree->c;
	char path[TX_PROC_ROOM];
	bool open = node->fd >= 0;

	if (!open && strlen(node->name) > 255)
		return tx_fail(err, ENAMETOOLONG, "read extended attributes");
	if (open)
		tx_proc_path(path, node->fd, NULL);
	else
		tx_proc_path(path, node->dirfd, node->name);
	return tarx_meta_load(item, path, open, &c->wants, &c->owners, &c->arena, err);
}

/* ------------------------------------------------------------------ overlayfs' marks */

/* Of overlayfs' own attributes only the opaque mark means something elsewhere. */
static void drop_bound_marks(struct tarx_item *item)
{
	struct tarx_xattr *xattrs = (struct tarx_xattr *)(uintptr_t)item->xattrs;
	size_t kept = 0;

	for (size_t i = 0; i < item->xattr_count; i++) {
		enum overlay_xattr kind = overlay_xattr_kind(xattrs[i].name);

		if (kind == OVERLAY_XATTR_NONE || kind == OVERLAY_XATTR_ESCAPED ||
		    (kind == OVERLAY_XATTR_OPAQUE && S_ISDIR(item->mode) && xattrs[i].len == 1 &&
		     *(const char *)xattrs[i].value == 'y'))
			xattrs[kept++] = xattrs[i];
	}
	item->xattr_count = kept;
}

static int add_opaque_mark(struct creation *c, struct tarx_item *item, const char *name)
{
	size_t n = item->xattr_count;
	struct tarx_xattr *xattrs = tx_arena_take(&c->arena, (n + 1) * sizeof(*xattrs));

	if (!xattrs)
		return -ENOMEM;
	if (n > 0)
		memcpy(xattrs, item->xattrs, n * sizeof(*xattrs));
	xattrs[n] = (struct tarx_xattr){ .name = name, .value = "y", .len = 1 };
	item->xattrs = xattrs;
	item->xattr_count = n + 1;
	return 0;
}

static void make_whiteout(struct tarx_item *item)
{
	item->mode = S_IFCHR;
	item->rdev = 0;
	item->whiteout = true;
	item->link = NULL;
	item->hardlink = false;
	item->size = 0;
	item->data.fd = -1;
	item->xattr_count = 0;
}

/* ------------------------------------------------------------------ one node */

static void tell_subvolume(struct creation *c, const struct align_node *node)
{
	struct tx_err err;

	if (!*node->below || node->st.st_ino != ALIGN_SUBVOLUME_INO ||
	    align_volume_is_subvolume(node->fd, &err) <= 0)
		return;
	c->report->subvolumes++;
	if (tarx_say_once(c->report, TARX_ONCE_SUBVOLUME))
		tarx_notice(c->report, "%s: a btrfs subvolume, stored as a directory (and so for others)",
			    node->path);
}

static void tell_changed(struct creation *c, const struct align_node *node)
{
	const struct stat *then = &node->st;
	struct stat now;

	if (fstat(node->fd, &now) < 0 || now.st_size < then->st_size)
		return; /* what is missing was told when it was missed */
	if (now.st_size != then->st_size || now.st_mtim.tv_sec != then->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != then->st_mtim.tv_nsec ||
	    now.st_ctim.tv_sec != then->st_ctim.tv_sec ||
	    now.st_ctim.tv_nsec != then->st_ctim.tv_nsec)
		tarx_warning(c->report, "%s: the file changed while it was read", node->path);
}

static int add_linked(struct creation *c, struct tarx_item *item, const char *first)
{
	struct tx_err err;
	int r;

	item->hardlink = true;
	item->link = first;
	item->size = 0;
	r = tarx_adder_add(&c->adder, item, &err);
	return r < 0 ? tarx_fatal(c->report, "%s", err.text) : 0;
}

/* Everything about the node but its path and stat. What cannot be read of it is told here.
 * Returns 0, or -errno: it cannot be stored. LAYER is the caller's. */
static int fill_rest(struct tree *tree, const struct align_node *node,
		     const struct disguise *disguise, struct tarx_item *item, int *layer,
		     struct tx_err *err)
{
	struct creation *c = tree->c;

	if (S_ISLNK(node->st.st_mode) && read_link(c, node, item, err) < 0)
		return -err->code;
	if (load_meta(tree, node, item, err) < 0)
		tarx_warning(c->report, "%s: %s", node->path, err->text);
	*layer = fill_data(tree, node, disguise, item);
	if (tree->diff)
		drop_bound_marks(item);
	if (tree->opaque && !*node->below && S_ISDIR(item->mode) &&
	    add_opaque_mark(c, item, tree->opaque) < 0)
		return tx_fail(err, ENOMEM, "mark as opaque");
	if (disguise->whiteout)
		make_whiteout(item);
	return 0;
}

/* Negative: fatal, and told. */
static int add_node(struct tree *tree, const struct align_node *node,
		    const struct disguise *disguise)
{
	struct creation *c = tree->c;
	const char *first = NULL;
	struct tarx_item item;
	TX_FD layer = -1;
	struct tx_err err;

	if (fill_stat(c, node, &item) < 0)
		return tarx_fatal(c->report, "%s: out of memory", node->path);
	if (is_linked(&node->st) && !disguise->whiteout)
		first = tarx_links_first(&c->links, &node->st, item.path);
	if (first)
		return add_linked(c, &item, first);
	if (fill_rest(tree, node, disguise, &item, &layer, &err) < 0) {
		tarx_error(c->report, "%s: %s", node->path, err.text);
		return 0;
	}
	if (tarx_adder_add(&c->adder, &item, &err) < 0)
		return tarx_fatal(c->report, "%s", err.text);
	if (item.size > 0)
		tell_changed(c, node);
	return 0;
}

static bool is_storable(struct creation *c, const struct align_node *node, const struct tx_err *err)
{
	if (node->error) {
		tarx_error(c->report, "%s: %s", node->path, err->text);
		return false;
	}
	if (S_ISSOCK(node->st.st_mode)) {
		tarx_warning(c->report, "%s: a socket cannot be stored in an archive", node->path);
		return false;
	}
	if (tarx_adder_is_archive(&c->adder, &node->st)) {
		tarx_notice(c->report, "%s: is the archive; not stored", node->path);
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------ a tree as it is seen */

static int add_seen(struct tree *tree, const struct align_node *node)
{
	const struct disguise none = { .source = -1 };
	struct tx_err err;

	if (tarx_layers_enter(&tree->layers, tree->base, tree->root, node, &err) < 0)
		return tarx_fatal(tree->c->report, "%s: %s", node->path, err.text);
	if (S_ISDIR(node->st.st_mode))
		tell_subvolume(tree->c, node);
	return add_node(tree, node, &none);
}

/* ------------------------------------------------------------------ what an upper layer changed */

/* The path of NODE from the overlay's root; owned by the caller, NULL without memory. */
static char *path_in_overlay(const struct tarx_located *at, const struct align_node *node)
{
	char *rel;

	if (asprintf(&rel, "%s%s%s", at->rel, *at->rel && *node->below ? "/" : "", node->below) < 0)
		return NULL;
	return rel;
}

/* A renamed directory: what is below it is elsewhere in the lower layers, and an archive cannot
 * say "renamed". It goes in whole as it is seen, and hides what the lower layers have there. */
static int add_renamed(struct tree *tree, const struct align_node *node, const char *rel)
{
	const struct tarx_located *at = tree->diff;
	TX_FD fd = tarx_located_open(at, rel, O_RDONLY | O_DIRECTORY);
	struct tree seen = {
		.c = tree->c,
		.base = fd,
		.root = ".",
		.layers = { .report = tree->c->report },
		.opaque = at->stack.userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque",
	};
	int r;

	if (fd < 0)
		return tarx_fatal(tree->c->report, "%s: open the renamed directory through the mount: %s",
				  node->path, strerror(-fd));
	r = archive_tree(&seen, node->path);
	tarx_layers_release(&seen.layers);
	return r;
}

static int read_marks(const struct tree *tree, const struct align_node *node,
		      struct overlay_marks *marks, struct tx_err *err)
{
	bool userxattr = tree->diff->stack.userxattr;
	struct overlay_marks parent = { 0 };
	struct stat st;

	/* Only an empty file can be a whiteout by attribute, and only where its directory says so. */
	if (S_ISREG(node->st.st_mode) && node->st.st_size == 0 && *node->below) {
		if (fstat(node->dirfd, &st) < 0)
			return tx_fail(err, errno, "look at its directory");
		if (overlay_marks_read(&parent, node->dirfd, ".", &st, userxattr, false, err) < 0)
			return -err->code;
	}
	return overlay_marks_read(marks, node->dirfd, node->name, &node->st, userxattr,
				  parent.xattr_whiteouts, err);
}

static int add_changed(struct tree *tree, const struct align_node *node, struct align_walk *walk)
{
	TX_FREE char *rel = path_in_overlay(tree->diff, node);
	struct disguise disguise = { .source = -1 };
	struct overlay_marks marks;
	TX_FD seen = -1;
	struct tx_err err;

	if (!rel)
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	/* Without its marks nobody knows what a node of a layer means: that must not be guessed. */
	if (read_marks(tree, node, &marks, &err) < 0)
		return tarx_fatal(tree->c->report, "%s: %s", node->path, err.text);
	if (marks.redirect && S_ISDIR(node->st.st_mode)) {
		align_walk_skip(walk);
		return add_renamed(tree, node, rel);
	}
	if (marks.metacopy) {
		seen = tarx_located_open(tree->diff, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		if (seen < 0)
			return tarx_fatal(tree->c->report,
					  "%s: its bytes are in a lower layer; open it through the mount: %s",
					  node->path, strerror(-seen));
		disguise.source = seen;
	}
	disguise.whiteout = marks.whiteout;
	return add_node(tree, node, &disguise);
}

/* ------------------------------------------------------------------ trees and operands */

static int archive_tree(struct tree *tree, const char *shown)
{
	struct tarx_report *report = tree->c->report;
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;
	int r = align_walk_open(&walk, tree->base, tree->root, shown, &err);

	while (r == 0 && (r = align_walk_next(&walk, &node, &err)) > 0) {
		tx_arena_reset(&tree->c->arena);
		r = 0;
		if (is_storable(tree->c, &node, &err))
			r = tree->diff ? add_changed(tree, &node, &walk) : add_seen(tree, &node);
		if (r < 0)
			break;
	}
	align_walk_release(&walk);
	if (r < 0 && report->exit_code < 2)
		tarx_fatal(report, "%s", err.text);
	return r;
}

static int archive_seen(struct creation *c, int base, const char *path)
{
	struct tree tree = { .c = c, .base = base, .root = path,
			     .layers = { .report = c->report } };
	int r = archive_tree(&tree, path);

	tarx_layers_release(&tree.layers);
	return r;
}

static int check_diff(const struct tarx_located *at, struct tx_err *err)
{
	if (!at->found)
		return tx_reject(err, EINVAL, "--overlay=diff: not on an overlay mount");
	if (!at->stack.has_upper)
		return tx_reject(err, EINVAL, "--overlay=diff: the overlay has no upper layer");
	if (at->stack.marks_hidden && !at->stack.userxattr)
		return tx_reject(err, EPERM,
				 "--overlay=diff: only root sees the marks that overlayfs left in the layer");
	return 0;
}

/* Whether a directory above REL was renamed, so that the upper layer has not all of it. */
static int is_below_renamed(const struct tarx_located *at, struct tx_err *err)
{
	int upper = at->stack.layers[0].fd;
	TX_FREE char *above = strdup(at->rel);

	if (!above)
		return tx_fail(err, ENOMEM, "look for renamed directories");
	for (char *slash = strrchr(above, '/'); slash; slash = strrchr(above, '/')) {
		struct overlay_marks marks;
		struct stat st;

		*slash = '\0';
		if (fstatat(upper, above, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (overlay_marks_read(&marks, upper, above, &st, at->stack.userxattr, false, err) < 0)
			return -err->code;
		if (marks.redirect)
			return 1;
	}
	return 0;
}

static int archive_upper(struct creation *c, const struct tarx_located *at, int base,
			 const char *path)
{
	struct tree tree = { .c = c, .base = at->stack.layers[0].fd,
			     .root = *at->rel ? at->rel : ".", .diff = at };
	struct tx_err err;
	struct stat st;
	int r = is_below_renamed(at, &err);

	if (r < 0)
		return tarx_fatal(c->report, "%s: %s", path, err.text);
	if (r > 0)
		return archive_seen(c, base, path);
	if (fstatat(tree.base, tree.root, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		tarx_notice(c->report, "%s: the upper layer changed nothing of it", path);
		return 0;
	}
	return archive_tree(&tree, path);
}

static int archive_diff(struct creation *c, int base, const char *path)
{
	struct tarx_located at;
	struct tx_err err;
	int r = tarx_locate(&at, base, path, &err);

	if (r >= 0)
		r = check_diff(&at, &err);
	if (r < 0)
		tarx_fatal(c->report, "%s: %s", path, err.text);
	else
		r = archive_upper(c, &at, base, path);
	tarx_located_release(&at);
	return r;
}

static int archive_operand(struct creation *c, const struct tarx_operand *operand)
{
	TX_FD dir = -1;

	if (operand->dir) {
		dir = open(operand->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return tarx_fatal(c->report, "%s: open the directory: %s", operand->dir,
					  strerror(errno));
	}
	if (c->report->opts->overlay == TARX_OVERLAY_DIFF)
		return archive_diff(c, dir >= 0 ? dir : AT_FDCWD, operand->path);
	return archive_seen(c, dir >= 0 ? dir : AT_FDCWD, operand->path);
}

static void archive_all(struct creation *c)
{
	const struct tarx_opts *opts = c->report->opts;
	struct tx_err err;

	for (size_t i = 0; i < opts->operand_count; i++)
		if (archive_operand(c, &opts->operands[i]) < 0)
			return;
	if (tarx_adder_finish(&c->adder, &err) < 0)
		tarx_fatal(c->report, "%s: %s", opts->archive, err.text);
}

void tarx_cmd_create(struct tarx_report *report)
{
	const struct tarx_opts *opts = report->opts;
	struct creation c = {
		.report = report,
		.wants = { .xattrs = opts->xattrs, .acls = opts->acls, .numeric = opts->numeric_owner },
	};
	struct tx_err err;

	if (tarx_adder_open(&c.adder, report, &err) < 0)
		tarx_fatal(report, "%s: %s", opts->archive, err.text);
	else
		archive_all(&c);
	tarx_adder_release(&c.adder);
	tarx_links_release(&c.links);
	tarx_owners_release(&c.owners);
	tx_arena_release(&c.arena);
}
