/* Removals on their way into the archive, in the spelling that --whiteouts names. */
#include "align/cleanup.h"
#include "overlay/marks.h"
#include "overlay/names.h"
#include "tarx/path.h"
#include "tarx/tree.h"
#include "tarx/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static enum tarx_whiteouts spelling(const struct tarx_creation *c)
{
	enum tarx_whiteouts whiteouts = c->report->opts->whiteouts;

	return whiteouts == TARX_WHITEOUTS_UNSET ? TARX_WHITEOUTS_OVERLAY : whiteouts;
}

/* The empty file that stands for a removal in an OCI layer; PATH (owned by the caller) may be NULL. */
static int add_oci(struct tarx_creation *c, const char *path, const struct timespec *mtime)
{
	const struct tarx_item item = {
		.path = path,
		.mode = S_IFREG,
		.whiteout = true,
		.mtime = *mtime,
		.data = { .fd = -1 },
	};
	struct tx_err err;

	if (!path)
		return tarx_fatal(c->report, "out of memory");
	if (tarx_adder_add(&c->adder, &item, &err) < 0)
		return tarx_fatal(c->report, "%s", err.text);
	return 0;
}

/* PATH is the archive's. */
static int list_removed(struct tarx_creation *c, const char *path)
{
	TX_FREE char *restored = tarx_path_restored(path);
	int r = restored ? tarx_deleted_add(&c->deleted, restored) : -ENOMEM;

	if (r == -EILSEQ)
		tarx_warning(c->report,
			     "%s: its removal is not stored: the name is not UTF-8, and a list "
			     "for podman can say nothing else",
			     path);
	else if (r < 0)
		return tarx_fatal(c->report, "%s: out of memory", path);
	else
		c->report->members[TARX_WHITEOUT]++;
	return 0;
}

int tarx_tree_add_removed(struct tarx_tree *tree, const struct align_node *node)
{
	const struct tarx_disguise whiteout = { .whiteout = true, .source = -1 };
	const char *path = tarx_tree_name(tree->c, node);
	TX_FREE char *oci = NULL;

	if (!path)
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	switch (spelling(tree->c)) {
	case TARX_WHITEOUTS_OCI:
		oci = tarx_whiteout_of(path);
		tarx_links_forget(&tree->c->links, path);
		return add_oci(tree->c, oci, &node->st.st_mtim);
	case TARX_WHITEOUTS_PODMAN:
		tarx_links_forget(&tree->c->links, path);
		return list_removed(tree->c, path);
	case TARX_WHITEOUTS_DROP:
		return 0;
	default:
		return tarx_tree_add(tree, node, &whiteout);
	}
}

int tarx_tree_read_fuse(const struct tarx_tree *tree, int fd, const struct stat *st,
			struct overlay_marks *marks, struct tx_err *err)
{
	const struct overlay_stack *s = &tree->changes->stack;
	int r;

	if (!s->fuse)
		return 0;
	marks->redirect = marks->metacopy = false; /* which it does not know */
	if (!S_ISDIR(st->st_mode))
		return 0;
	r = overlay_marks_opaque(fd, s->userxattr, true, &marks->opaque);
	return r < 0 ? tx_fail(err, -r, "read whether it is opaque") : 0;
}

bool tarx_tree_marks_opaque(const struct tarx_creation *c)
{
	return spelling(c) == TARX_WHITEOUTS_OVERLAY;
}

const char *tarx_tree_opaque_mark(const struct tarx_tree *tree)
{
	return tree->changes->stack.userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

char *tarx_tree_path(const struct tarx_tree *tree, const struct align_node *node)
{
	const char *rel = tree->whole ? tree->whole : tree->changes->rel;
	char *path;

	if (asprintf(&path, "%s%s%s", rel, *rel && *node->below ? "/" : "", node->below) < 0)
		return NULL;
	return path;
}

/* ------------------------------------------------------------------ what an opaque directory hides */

/* Podman unpacks first and removes then, so that only what is not there any more may be named. */
struct hiding {
	struct tarx_tree *tree;
	struct overlay_stack lowers; /* borrowed from the tree's */
	struct tx_err err;
};

static int list_hidden(struct hiding *h, const struct overlay_dir *lower, int dir,
		       const char *path);

/* Whether the directory FD is opaque, or one that was renamed: it is listed when its turn comes. In a tree
 * that is seen as a whole there are none. */
static int has_its_turn(const struct hiding *h, int fd, struct tx_err *err)
{
	struct overlay_marks marks;
	struct stat st;

	if (h->tree->whole)
		return 0;
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at a directory of the upper layer");
	if (overlay_marks_read(&marks, fd, &st, h->tree->changes->stack.userxattr, false, err) <
		    0 ||
	    tarx_tree_read_fuse(h->tree, fd, &st, &marks, err) < 0)
		return -err->code;
	return marks.opaque || marks.redirect;
}

/* A directory of the lower layers, called NAME in LOWER, and what is there now in DIR. What is no
 * directory now is replaced by the unpacking. */
static int list_hidden_below(struct hiding *h, const struct overlay_dir *lower, int dir,
			     const char *name, const char *path)
{
	TX_FD fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct overlay_dir below = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? 0 : tx_fail(&h->err, errno, "open");
	r = has_its_turn(h, fd, &h->err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (overlay_dir_enter(&h->lowers, lower, name, &below) < 0)
		r = tx_fail(&h->err, ENOMEM, "open %s in the lower layers", name);
	else
		r = list_hidden(h, &below, fd, path);
	overlay_dir_release(&below);
	return r;
}

static int list_hidden_name(struct hiding *h, const struct overlay_dir *lower,
			    const struct overlay_name *entry, int dir, const char *path)
{
	TX_FREE char *below = NULL;
	struct stat st;

	if (asprintf(&below, "%s/%s", path, entry->name) < 0) {
		below = NULL;
		return tx_fail(&h->err, ENOMEM, "list");
	}
	if (fstatat(dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return entry->directory && S_ISDIR(st.st_mode)
			       ? list_hidden_below(h, lower, dir, entry->name, below)
			       : 0;
	if (errno != ENOENT)
		return tx_fail(&h->err, errno, "look at %s", entry->name);
	return list_removed(h->tree->c, below) < 0 ? tx_fail(&h->err, ENOMEM, "list") : 0;
}

/* Lists what the directory LOWER has and DIR, which is PATH in the archive, has not. */
static int list_hidden(struct hiding *h, const struct overlay_dir *lower, int dir, const char *path)
{
	struct overlay_names names;
	int r = overlay_names_read(&names, &h->lowers, lower, &h->err);

	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = list_hidden_name(h, lower, &names.list[i], dir, path);
	overlay_names_release(&names);
	return r;
}

/* LOWER becomes what the lower layers have at REL, whose slashes are taken. */
static int open_lower(struct hiding *h, char *rel, struct overlay_dir *lower)
{
	int r = overlay_dir_root(&h->lowers, lower);
	char *name;

	if (!h->lowers.lowers_known)
		return tx_reject(&h->err, ENOENT, "the lower layers are not known");
	while (r == 0 && (name = strsep(&rel, "/"))) {
		struct overlay_dir below;

		if (!*name)
			continue;
		r = overlay_dir_enter(&h->lowers, lower, name, &below);
		overlay_dir_release(lower);
		*lower = below;
	}
	return r < 0 ? tx_fail(&h->err, -r, "open the lower layers") : 0;
}

static int list_opaque(struct tarx_tree *tree, const struct align_node *node, const char *path)
{
	TX_FREE char *rel = tarx_tree_path(tree, node);
	struct hiding h = { .tree = tree, .lowers = overlay_names_lowers(&tree->changes->stack) };
	struct overlay_dir lower;
	int r;

	if (!rel)
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	r = open_lower(&h, rel, &lower);
	if (r == 0)
		r = list_hidden(&h, &lower, node->fd, path);
	overlay_dir_release(&lower);
	if (r < 0 && tree->c->report->exit_code < 2)
		tarx_warning(tree->c->report,
			     "%s: what it hides of lower layers is not listed as removed: %s",
			     node->path, h.err.text);
	return tree->c->report->exit_code < 2 ? 0 : -1;
}

int tarx_tree_add_opaque(struct tarx_tree *tree, const struct align_node *node, const char *path)
{
	TX_FREE char *oci = NULL;

	switch (spelling(tree->c)) {
	case TARX_WHITEOUTS_OCI:
		oci = tarx_whiteout_opaque_of(path);
		return add_oci(tree->c, oci, &node->st.st_mtim);
	case TARX_WHITEOUTS_PODMAN:
		return list_opaque(tree, node, path);
	default:
		return 0;
	}
}

/* ------------------------------------------------------------------ names and the list */

static bool is_the_list(const char *path)
{
	size_t len = strlen(path), last = strlen(TARX_DELETED_NAME);
	TX_FREE char *restored = NULL;

	if (len < last || strcmp(path + len - last, TARX_DELETED_NAME) != 0)
		return false;
	restored = tarx_path_restored(path);
	return restored && !strcmp(restored, TARX_DELETED_NAME);
}

bool tarx_tree_can_name(struct tarx_creation *c, const struct align_node *node)
{
	static const char *const words[] = { [TARX_WHITEOUTS_OVERLAY] = "overlay",
					     [TARX_WHITEOUTS_OCI] = "oci",
					     [TARX_WHITEOUTS_PODMAN] = "podman",
					     [TARX_WHITEOUTS_DROP] = "overlay" };
	const char *path = c->report->opts->rename.count > 0 ? tarx_tree_name(c, node) : node->path;
	bool reserved = path && tarx_whiteout_is_reserved(path), list = path && is_the_list(path);

	if (spelling(c) == TARX_WHITEOUTS_OCI && reserved) {
		tarx_warning(c->report,
			     "%s: not stored: in an OCI layer its name would stand for a removal",
			     node->path);
		return false;
	}
	if (spelling(c) == TARX_WHITEOUTS_PODMAN && list) {
		tarx_warning(c->report,
			     "%s: not stored: its name is that of podman's list of removals",
			     node->path);
		return false;
	}
	if ((reserved || list) && tarx_say_once(c->report, TARX_ONCE_RESERVED))
		tarx_notice(c->report,
			    "%s: its name could stand for removals: to restore it, say "
			    "--whiteouts=%s (and so for others)",
			    node->path, words[spelling(c)]);
	return true;
}

int tarx_tree_finish_removals(struct tarx_creation *c)
{
	struct tarx_item item = { .path = TARX_DELETED_NAME,
				  .mode = S_IFREG | 0600,
				  .data = { .fd = -1 } };
	struct tx_err err;

	if (c->deleted.count == 0)
		return 0;
	if (tarx_deleted_end(&c->deleted) < 0)
		return tarx_fatal(c->report, "out of memory");
	item.size = (off_t)c->deleted.len;
	if (tarx_adder_add_bytes(&c->adder, &item, c->deleted.text, &err) < 0)
		return tarx_fatal(c->report, "%s", err.text);
	tarx_deleted_release(&c->deleted);
	return 0;
}
