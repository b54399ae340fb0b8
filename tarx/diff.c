/* What an upper layer changed, as the members of an archive: --overlay=diff. */
#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/marks.h"
#include "tarx/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------ a node of the layer */

/* A renamed directory: what is below it is elsewhere in the lower layers, and an archive cannot
 * say "renamed". It goes in whole as it is seen, and hides what the lower layers have there. */
static int add_renamed(struct tarx_tree *tree, const struct align_node *node, const char *rel)
{
	const struct tarx_located *at = tree->diff;
	TX_FD fd = tarx_located_open(at, rel, O_RDONLY | O_DIRECTORY);
	struct tarx_tree seen = {
		.c = tree->c,
		.base = fd,
		.root = ".",
		.layers = { .report = tree->c->report,
			    .overlay = tree->c->overlay,
			    .stack = &at->stack,
			    .rel = rel },
		.changes = at,
		.whole = rel,
	};
	int r;

	if (fd < 0)
		return tarx_fatal(tree->c->report,
				  "%s: open the renamed directory through the mount: %s",
				  node->path, strerror(-fd));
	r = tarx_tree_archive(&seen, node->path);
	tarx_layers_release(&seen.layers);
	return r;
}

static int read_marks(const struct tarx_tree *tree, const struct align_node *node,
		      struct overlay_marks *marks, struct tx_err *err)
{
	bool userxattr = tree->diff->stack.userxattr;
	struct overlay_marks parent = { 0 };
	struct stat st;

	/* Only an empty file can be a whiteout by attribute, and only where its directory says so. */
	if (S_ISREG(node->st.st_mode) && node->st.st_size == 0 && *node->below) {
		if (fstat(node->dirfd, &st) < 0)
			return tx_fail(err, errno, "look at its directory");
		if (overlay_marks_read(&parent, node->dirfd, &st, userxattr, false, err) < 0)
			return -err->code;
	}
	if (overlay_marks_read(marks, node->fd, &node->st, userxattr, parent.xattr_whiteouts, err) <
	    0)
		return -err->code;
	return tarx_tree_read_fuse(tree, node->fd, &node->st, marks, err);
}

int tarx_tree_open_bytes(const struct tarx_tree *tree, const char *rel)
{
	TX_FD seen = tarx_located_open(tree->diff, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int layer;

	if (seen < 0)
		return seen;
	if (fstat(seen, &st) < 0)
		return -errno;
	layer = overlay_source_open(tree->finder, rel, seen, &st);
	return layer >= 0 ? layer : tx_fd_steal(&seen);
}

static bool has_aliases(const struct tarx_tree *tree, const struct align_node *node)
{
	TX_FD special = -1;

	if (S_ISDIR(node->st.st_mode) || node->st.st_nlink < 2)
		return false;
	if (node->fd < 0)
		special = openat(node->dirfd, node->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return overlay_marks_indexed(node->fd < 0 ? special : node->fd,
				     tree->diff->stack.userxattr) > 0;
}

/* A name of fuse-overlayfs that is a mark: what it says of another name of the directory; what it
 * says of the directory itself was read there. */
static int add_fuse_mark(struct tarx_tree *tree, const struct align_node *node)
{
	size_t above = strlen(node->path) - strlen(node->name);
	struct align_node removed = *node;
	TX_FREE char *path = NULL;

	if (overlay_fuse_name(node->name) == OVERLAY_FUSE_OPAQUE)
		return 0;
	if (asprintf(&path, "%.*s%s", (int)above, node->path,
		     node->name + strlen(OVERLAY_FUSE_PREFIX)) < 0) {
		path = NULL;
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	}
	removed.path = path;
	removed.below = path + (node->below - node->path);
	return tarx_tree_add_removed(tree, &removed);
}

bool tarx_tree_is_fuse_mark(const struct tarx_tree *tree, const struct align_node *node)
{
	return tree->diff && tree->diff->stack.fuse && *node->below &&
	       overlay_fuse_name(node->name) != OVERLAY_FUSE_FILE;
}

int tarx_tree_add_changed(struct tarx_tree *tree, const struct align_node *node,
			  struct align_ahead *ahead)
{
	TX_FREE char *rel = tarx_tree_path(tree, node);
	struct tarx_disguise disguise = { .source = -1 };
	struct overlay_marks marks;
	TX_FD seen = -1;
	struct tx_err err;

	if (!rel)
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	if (tarx_tree_is_fuse_mark(tree, node))
		return add_fuse_mark(tree, node);
	/* Without its marks nobody knows what a node of a layer means: that must not be guessed. */
	if (read_marks(tree, node, &marks, &err) < 0)
		return tarx_fatal(tree->c->report, "%s: %s", node->path, err.text);
	if (marks.whiteout)
		return tarx_tree_add_removed(tree, node);
	if (marks.redirect && S_ISDIR(node->st.st_mode)) {
		align_ahead_skip(ahead);
		return add_renamed(tree, node, rel);
	}
	if (marks.metacopy) {
		seen = tarx_tree_open_bytes(tree, rel);
		if (seen < 0)
			return tarx_fatal(
				tree->c->report,
				"%s: its bytes are in a lower layer; open it through the mount: %s",
				node->path, strerror(-seen));
		disguise.source = seen;
	}
	disguise.opaque = marks.opaque ||
			  (tree->hides && !*node->below && S_ISDIR(node->st.st_mode));
	if (tarx_tree_add(tree, node, &disguise) < 0)
		return -1;
	return has_aliases(tree, node) ? tarx_aliases_note(tree, node, rel) : 0;
}

/* ------------------------------------------------------------------ the layer */

static int check_diff(const struct tarx_located *at, struct tx_err *err)
{
	if (!at->found)
		return tx_reject(
			err, EINVAL,
			"--overlay=diff: neither on an overlay mount nor in an upper layer");
	if (!at->stack.has_upper)
		return tx_reject(err, EINVAL, "--overlay=diff: the overlay has no upper layer");
	if (at->stack.marks_hidden && !at->stack.userxattr)
		return tx_reject(
			err, EPERM,
			"--overlay=diff: only root sees the marks that overlayfs left in the layer");
	return 0;
}

int tarx_tree_ties(const struct tarx_located *at, const char *rel, struct tx_err *err)
{
	const struct overlay_stack *s = &at->stack;
	TX_FD fd = tx_open_beneath_nofollow(s->layers[0].fd, *rel ? rel : ".",
					    O_RDONLY | O_DIRECTORY, 0);
	struct overlay_marks marks;
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return TARX_TIES_NAME;
	if (fd < 0)
		return tx_fail(err, -fd, "open %s in the upper layer", rel);
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at %s in the upper layer", rel);
	if (overlay_marks_read(&marks, fd, &st, s->userxattr, false, err) < 0)
		return -err->code;
	if (s->fuse) {
		int r = overlay_marks_opaque(fd, s->userxattr, true, &marks.opaque);

		marks.redirect = false;
		if (r < 0)
			return tx_fail(err, -r, "read whether %s is opaque", rel);
	}
	return marks.opaque ? TARX_TIES_NONE : marks.redirect ? TARX_TIES_RENAMED : TARX_TIES_NAME;
}

/* How what the upper layer has at the place AT is tied to the lower layers, by the directories above:
 * enum tarx_ties or -errno. */
static int find_ties(const struct tarx_located *at, struct tx_err *err)
{
	TX_FREE char *above = strdup(at->rel);
	int r = TARX_TIES_NAME;

	if (!above)
		return tx_fail(err, ENOMEM, "look for renamed directories");
	for (char *slash = strrchr(above, '/'); slash && r == TARX_TIES_NAME;
	     slash = strrchr(above, '/')) {
		*slash = '\0';
		r = tarx_tree_ties(at, above, err);
	}
	return r;
}

/* PATH lies in a directory that was renamed: all of it is new where it is now. */
static int archive_whole(struct tarx_creation *c, const struct tarx_located *at, const char *path,
			 const char *shown)
{
	const char *slash = strrchr(at->rel, '/');
	TX_FREE char *above = slash ? strndup(at->rel, (size_t)(slash - at->rel)) : strdup("");
	TX_FD fd = above ? tarx_located_open(at, above, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	struct tarx_tree tree = {
		.c = c,
		.base = fd,
		.root = slash ? slash + 1 : at->rel,
		.layers = { .report = c->report,
			    .overlay = c->overlay,
			    .stack = &at->stack,
			    .rel = at->rel },
		.changes = at,
		.whole = at->rel,
	};
	int r;

	if (fd < 0)
		return tarx_fatal(c->report, "%s: open it through the mount: %s", path,
				  strerror(-fd));
	r = tarx_tree_archive(&tree, shown);
	tarx_layers_release(&tree.layers);
	return r;
}

static int archive_upper(struct tarx_creation *c, const struct tarx_located *at, const char *path,
			 const char *shown)
{
	struct tarx_aliases aliases = { 0 };
	struct overlay_finder finder;
	struct tarx_tree tree = {
		.c = c,
		.aliases = &aliases,
		.finder = &finder,
		.base = at->stack.layers[0].fd,
		.root = *at->rel ? at->rel : ".",
		.diff = at,
		.changes = at,
	};
	struct tx_err err;
	struct stat st;
	int r = find_ties(at, &err);
	bool there;

	if (r < 0)
		return tarx_fatal(c->report, "%s: %s", path, err.text);
	if (r == TARX_TIES_RENAMED)
		return archive_whole(c, at, path, shown);
	tree.hides = r == TARX_TIES_NONE;
	there = fstatat(tree.base, tree.root, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!there && errno != ENOENT && errno != ENOTDIR)
		return tarx_fatal(c->report, "%s: look for it in the upper layer: %s", path,
				  strerror(errno));
	/* With an index it may have changed all the same. */
	if (!there && !at->stack.indexed) {
		tarx_notice(c->report, "%s: the upper layer changed nothing of it", path);
		return 0;
	}
	overlay_finder_init(&finder, &at->stack);
	r = there ? tarx_tree_archive(&tree, shown) : 0;
	if (r == 0)
		r = tarx_aliases_store(&tree, shown);
	tarx_aliases_release(&aliases);
	overlay_finder_release(&finder);
	return r;
}

int tarx_tree_diff(struct tarx_creation *c, int base, const char *path, const char *shown)
{
	struct tarx_located at;
	struct tx_err err;
	int r = tarx_locate_layer(&at, base, path, &err);

	if (r >= 0)
		r = check_diff(&at, &err);
	if (r < 0)
		tarx_fatal(c->report, "%s: %s", path, err.text);
	else
		r = archive_upper(c, &at, path, shown);
	tarx_located_release(&at);
	return r;
}
