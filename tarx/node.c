/* A node of a tree as an item, and into the archive. */
#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/marks.h"
#include "tarx/fflags.h"
#include "tarx/path.h"
#include "tarx/rootless.h"
#include "tarx/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>

/* ------------------------------------------------------------------ an item of a node */

static int keep(struct tarx_creation *c, const char **to, const char *text)
{
	*to = tx_arena_copy(&c->arena, text, strlen(text));
	return *to ? 0 : -ENOMEM;
}

static void tell_cut(struct tarx_creation *c, const char *path, size_t cut)
{
	if (cut > 0 && tarx_say_once(c->report, TARX_ONCE_SLASH))
		tarx_notice(c->report, "Removing leading `%.*s' from member names", (int)cut, path);
}

const char *tarx_tree_stored(struct tarx_creation *c, const char *path)
{
	size_t cut;
	const char *stored = tarx_path_stored(path, &cut);

	if (c->report->opts->absolute_names)
		return path;
	tell_cut(c, path, cut);
	return stored;
}

/* What --transform makes of NAME, kept in the arena; NULL: no memory. */
static const char *transformed(struct tarx_creation *c, enum tarx_rename_scope scope,
			       const char *name)
{
	const struct tarx_rename *rename = &c->report->opts->rename;
	TX_FREE char *changed = NULL;

	if (rename->count == 0)
		return tx_arena_copy(&c->arena, name, strlen(name));
	changed = tarx_rename_apply(rename, scope, name);
	return changed ? tx_arena_copy(&c->arena, changed, strlen(changed)) : NULL;
}

/* What links to the inode of ITEM are to name, in the arena; NULL: no memory. */
static const char *link_target(struct tarx_creation *c, const struct align_node *node,
			       const struct tarx_item *item)
{
	const char *target;
	size_t cut;

	if (c->report->opts->rename.count == 0)
		return item->path;
	target = transformed(c, TARX_RENAME_HARDLINK, tarx_tree_stored(c, node->path));
	if (!target || c->report->opts->absolute_names)
		return target;
	return tarx_path_stored(target, &cut);
}

const char *tarx_tree_name(struct tarx_creation *c, const struct align_node *node)
{
	return transformed(c, TARX_RENAME_MEMBER, tarx_tree_stored(c, node->path));
}

static int fill_names(struct tarx_creation *c, const struct align_node *node,
		      struct tarx_item *item)
{
	item->path = tarx_tree_name(c, node);
	if (!item->path)
		return -ENOMEM;
	if (!*item->path && S_ISDIR(item->mode))
		item->path = "./";
	if (!c->report->opts->show_renamed && *node->path)
		item->shown = node->path;
	return 0;
}

static int fill_stat(struct tarx_creation *c, const struct align_node *node, struct tarx_item *item)
{
	const struct stat *st = &node->st;
	bool names = !c->wants.numeric;

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
	tarx_override_apply(&c->report->opts->override, names ? &c->owners : NULL, item);
	return fill_names(c, node, item);
}

/* Under --dereference an inode of one name may be met again by a symbolic link. */
static bool is_linked(const struct tarx_opts *opts, const struct stat *st)
{
	if (opts->hard_dereference || (st->st_nlink < 2 && !opts->dereference))
		return false;
	/* Whiteouts are often links of one inode, and still a removal each. */
	return !S_ISDIR(st->st_mode) && !tarx_is_whiteout(st->st_mode, st->st_rdev);
}

/* The bytes of a regular file: from the layer that has them, where they can be shared from there.
 * Returns that layer's file, which is the caller's, or -1. */
static int fill_data(struct tarx_tree *tree, const struct align_node *node,
		     const struct tarx_look *look, const struct tarx_disguise *disguise,
		     struct tarx_item *item)
{
	int layer = -1;

	if (!S_ISREG(node->st.st_mode))
		return -1;
	item->size = node->st.st_size;
	if (!tree->diff && tarx_adder_shares(&tree->c->adder, item->size))
		layer = tarx_layers_source(&tree->layers, node);
	item->data = (struct align_span){
		.fd = disguise->source >= 0 ? disguise->source
		      : layer >= 0          ? layer
					    : node->fd,
		.len = item->size,
		.holes = disguise->source >= 0 || (off_t)node->st.st_blocks * 512 < item->size,
	};
	if (disguise->source < 0) {
		item->data.known = look->bytes;
		item->data.known_at = look->at;
		item->data.known_len = look->len;
	}
	return layer;
}

/* What a thread found ahead, or is found now; in either case what went wrong is told. */
static const struct tarx_look *look_at(struct tarx_creation *c, const struct align_node *node)
{
	const struct tarx_look *look = node->found;
	struct tarx_looker looker = {
		.opts = c->report->opts, .wants = &c->wants, .adder = &c->adder, .keeps = true
	};
	struct align_node now = *node;

	if (!look)
		look = tarx_look_at(&looker, &now, &c->arena);
	tarx_looker_release(&looker);
	if (look && look->flags_err)
		tarx_warning(c->report, "%s: %s", node->path, look->flags_err->text);
	if (look && look->meta_err)
		tarx_warning(c->report, "%s: %s", node->path, look->meta_err->text);
	return look;
}

static void fill_meta(struct tarx_item *item, const struct tarx_item *meta)
{
	item->acl_access = meta->acl_access;
	item->acl_default = meta->acl_default;
	item->xattrs = meta->xattrs;
	item->xattr_count = meta->xattr_count;
	item->fflags = meta->fflags;
	item->projid = meta->projid;
	item->has_projid = meta->has_projid;
}

/* ------------------------------------------------------------------ overlayfs' marks */

static void drop_xattr(struct tarx_item *item, const struct tarx_xattr *x)
{
	struct tarx_xattr *xattrs = (struct tarx_xattr *)(uintptr_t)item->xattrs;
	size_t at = (size_t)(x - xattrs);

	memmove(xattrs + at, xattrs + at + 1, (item->xattr_count - at - 1) * sizeof(*xattrs));
	item->xattr_count--;
}

/* Whether the mark is one of the overlay whose changes are stored. */
static bool is_own_mark(const struct overlay_stack *s, const char *name)
{
	if (s->fuse)
		return true;
	return !overlay_xattr_is_fuse(name) && !strncmp(name, "user.", 5) == s->userxattr;
}

/* None of overlayfs' own attributes means something elsewhere, save the opaque mark, which is added where
 * it is wanted. Those of the other sort are somebody's content, but would be refused like marks. */
static void drop_marks(const struct tarx_tree *tree, const struct align_node *node,
		       struct tarx_item *item)
{
	bool told = false;
	struct tarx_xattr *xattrs = (struct tarx_xattr *)(uintptr_t)item->xattrs;
	size_t kept = 0;

	for (size_t i = 0; i < item->xattr_count; i++) {
		enum overlay_xattr kind = overlay_xattr_kind(xattrs[i].name);

		if (kind == OVERLAY_XATTR_NONE || kind == OVERLAY_XATTR_ESCAPED)
			xattrs[kept++] = xattrs[i];
		else if (!is_own_mark(&tree->diff->stack, xattrs[i].name) && !told) {
			told = true;
			tarx_warning(
				tree->c->report,
				"%s: stored without %s: it is a mark of an overlay within this "
				"one, and no reader may take it from an archive",
				node->path, xattrs[i].name);
		}
	}
	item->xattr_count = kept;
}

/* ------------------------------------------------------------------ --override-stat */

static const struct tarx_xattr *find_rootless(const struct tarx_item *item)
{
	for (size_t i = 0; i < item->xattr_count; i++)
		if (!strcmp(item->xattrs[i].name, TARX_ROOTLESS_XATTR))
			return &item->xattrs[i];
	return NULL;
}

/* A regular file may stand for a device or FIFO, but nothing else for another kind. */
static bool can_become(const struct tarx_item *item, mode_t type)
{
	return !type || type == (item->mode & S_IFMT) || (S_ISREG(item->mode) && !S_ISDIR(type));
}

/* What the attribute says instead of what the file is; the attribute itself is not stored. */
static void apply_rootless(struct tarx_creation *c, const struct align_node *node,
			   struct tarx_item *item)
{
	const struct tarx_xattr *x = find_rootless(item);
	struct tarx_rootless o;

	if (!x)
		return;
	if (!tarx_rootless_read(&o, x->value, x->len) || !can_become(item, o.mode & S_IFMT)) {
		tarx_warning(c->report, "%s: stored as it is: what %s says is not understood",
			     node->path, x->name);
		return;
	}
	item->uid = o.uid;
	item->gid = o.gid;
	item->uname = item->gname = NULL;
	item->mode = (o.mode & S_IFMT ? 0 : item->mode & S_IFMT) | o.mode;
	if (!S_ISREG(item->mode)) {
		item->size = 0;
		item->data = (struct align_span){ .fd = -1 };
	}
	if (S_ISCHR(item->mode) || S_ISBLK(item->mode))
		item->rdev = o.rdev;
	drop_xattr(item, x);
	tarx_override_apply(&c->report->opts->override, NULL, item);
}

static bool is_protattr(const struct tarx_xattr *x)
{
	static const char end[] = ".protattr";
	size_t len = strlen(x->name);

	return overlay_xattr_kind(x->name) == OVERLAY_XATTR_BOUND && len > strlen(end) &&
	       !strcmp(x->name + len - strlen(end), end);
}

/* overlayfs keeps append ("a") and immutable ("i") of a file in an attribute, as it could not work on
 * a file of its layer that really had them. */
static int add_kept_flags(struct tarx_creation *c, struct tarx_item *item)
{
	uint32_t flags = item->fflags ? tarx_fflags_parse(item->fflags, NULL, NULL) : 0, kept = 0;
	char words[TARX_FFLAGS_ROOM];

	for (size_t i = 0; i < item->xattr_count; i++) {
		const struct tarx_xattr *x = &item->xattrs[i];

		if (!is_protattr(x))
			continue;
		if (memchr(x->value, 'a', x->len))
			kept |= FS_APPEND_FL;
		if (memchr(x->value, 'i', x->len))
			kept |= FS_IMMUTABLE_FL;
	}
	if (!kept || !c->wants.fflags)
		return 0;
	tarx_fflags_words(words, flags | kept);
	return keep(c, &item->fflags, words);
}

static int add_opaque_mark(struct tarx_creation *c, struct tarx_item *item, const char *name)
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
	item->data = (struct align_span){ .fd = -1 };
	item->xattr_count = 0;
	item->fflags = NULL;
	item->has_projid = false;
}

/* ------------------------------------------------------------------ one node */

static bool has_changed(const struct align_node *node, const struct tarx_look *look)
{
	struct stat now;

	if (look->complete)
		return look->changed;
	return fstat(node->fd, &now) == 0 && !tarx_look_is_same(&node->st, &now);
}

static void tell_changed(struct tarx_creation *c, const struct align_node *node,
			 const struct tarx_look *look)
{
	/* Bytes that were missing have been told of. */
	if (c->adder.source_told || !has_changed(node, look))
		return;
	/* Silenced it counts all the same, as in GNU tar. */
	if (tarx_opts_silences(c->report->opts, TARX_WARN_FILE_CHANGED))
		tarx_warning_unsaid(c->report);
	else
		tarx_warning(c->report, "%s: the file changed while it was read", node->path);
}

static void remember(struct tarx_creation *c, const struct align_node *node,
		     const struct stat *inode, const struct tarx_item *item)
{
	const char *target = link_target(c, node, item);

	if (target)
		tarx_links_remember(&c->links, inode, item->path, target);
}

/* Another name of an inode that was stored as FIRST. */
static int add_linked(struct tarx_creation *c, const struct stat *st, struct tarx_item *item,
		      const char *first)
{
	struct tx_err err;

	if (keep(c, &item->link, first) < 0)
		return tarx_fatal(c->report, "%s: out of memory", item->path);
	item->hardlink = true;
	item->size = 0;
	if (strcmp(item->path, first) != 0) /* or it is the same name once more */
		tarx_links_forget(&c->links, item->path);
	if (tarx_adder_add(&c->adder, item, &err) < 0)
		return tarx_fatal(c->report, "%s", err.text);
	tarx_links_count(&c->links, st);
	return 0;
}

/* Everything about the node but its path and stat. What cannot be read of it is told here.
 * Returns 0, or -errno: it cannot be stored. LAYER is the caller's. */
static int fill_rest(struct tarx_tree *tree, const struct align_node *node,
		     const struct tarx_look *look, const struct tarx_disguise *disguise,
		     struct tarx_item *item, int *layer, struct tx_err *err)
{
	struct tarx_creation *c = tree->c;

	if (look->link_err) {
		*err = *look->link_err;
		return -err->code;
	}
	if (look->link)
		item->link = transformed(c, TARX_RENAME_SYMLINK, look->link);
	if (S_ISLNK(node->st.st_mode) && !item->link)
		return tx_fail(err, ENOMEM, "read the link");
	fill_meta(item, &look->meta);
	item->subvolume = disguise->subvolume;
	/* The mode's group bits are its mask: with another mode it would bring the old one back. */
	if (c->report->opts->override.mode)
		item->acl_access = NULL;
	*layer = fill_data(tree, node, look, disguise, item);
	if (c->report->opts->override_stat)
		apply_rootless(c, node, item);
	if (tree->diff) {
		if (add_kept_flags(c, item) < 0)
			return tx_fail(err, ENOMEM, "read the file flags");
		drop_marks(tree, node, item);
	}
	if (disguise->opaque && tarx_tree_marks_opaque(c) &&
	    add_opaque_mark(c, item, tarx_tree_opaque_mark(tree)) < 0)
		return tx_fail(err, ENOMEM, "mark as opaque");
	if (disguise->whiteout)
		make_whiteout(item);
	return 0;
}

/* Whether NODE is the root of a nested tar, which is no member itself. */
static bool is_bare_root(const struct tarx_creation *c, const struct align_node *node,
			 const struct tarx_disguise *disguise)
{
	if (*node->path || c->with_root)
		return false;
	return !disguise->opaque || !tarx_tree_marks_opaque(c);
}

/* Negative: fatal, and told. */
int tarx_tree_add(struct tarx_tree *tree, const struct align_node *node,
		  const struct tarx_disguise *disguise)
{
	struct tarx_creation *c = tree->c;
	const char *first = NULL;
	const struct tarx_look *look;
	struct tarx_item item;
	struct stat inode;
	TX_FD layer = -1;
	struct tx_err err;
	bool linked;
	int r;

	if (is_bare_root(c, node, disguise))
		return disguise->opaque ? tarx_tree_add_opaque(tree, node, ".") : 0;
	if (fill_stat(c, node, &item) < 0)
		return tarx_fatal(c->report, "%s: out of memory", node->path);
	if (!*item.path) {
		tarx_error(c->report, "%s: --transform leaves nothing of its name; not stored",
			   node->path);
		return 0;
	}
	linked = is_linked(c->report->opts, &node->st) && !disguise->whiteout;
	if (linked) {
		tarx_aliases_identity(tree, node, &inode);
		first = tarx_links_find(&c->links, &inode);
	}
	if (first)
		return add_linked(c, &inode, &item, first);
	look = look_at(c, node);
	if (!look)
		return tarx_fatal(c->report, "%s: out of memory", node->path);
	if (fill_rest(tree, node, look, disguise, &item, &layer, &err) < 0) {
		tarx_tree_tell_failed(c, node->path, &err);
		return 0;
	}
	tarx_links_forget(&c->links, item.path);
	r = tarx_adder_add(&c->adder, &item, &err);
	if (r < 0)
		return tarx_fatal(c->report, "%s", err.text);
	if (r > 0 && linked)
		remember(c, node, &inode, &item);
	if (r > 0 && item.size > 0)
		tell_changed(c, node, look);
	return r > 0 && disguise->opaque ? tarx_tree_add_opaque(tree, node, item.path) : 0;
}
