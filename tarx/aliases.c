#include "tarx/aliases.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/marks.h"
#include "overlay/mounts.h"
#include "overlay/names.h"
#include "tarx/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tarx_alias {
	char *path; /* owned; as the person sees it */
	dev_t dev; /* as the mount shows it */
	ino_t ino;
	nlink_t names, found;
};

/* A walk through the mount for the names that the upper layer does not have. */
struct names {
	struct tarx_tree *tree; /* borrowed; the upper layer's */
	struct overlay_finder finder; /* in the lower layers */
	char *renamed; /* owned; the renamed directory that the walk is in, from the overlay's root:
			* all in it is stored already; NULL: in none */
	bool left_out; /* there are places where the walk was not */
};

static bool is_mounted(const struct tarx_located *at)
{
	return at->stack.root >= 0 && !at->stack.view;
}

static void tell_others(struct tarx_creation *c, const char *path)
{
	tarx_warning(c->report,
		     "%s: a hard link changed through an overlay with index=on; under its other "
		     "names, which lie in lower layers, the change is not stored",
		     path);
}

static struct tarx_alias *add(struct tarx_aliases *aliases)
{
	if (aliases->count == aliases->room) {
		size_t room = aliases->room ? aliases->room * 2 : 16;
		struct tarx_alias *list = realloc(aliases->list, room * sizeof(*list));

		if (!list)
			return NULL;
		aliases->list = list;
		aliases->room = room;
	}
	return &aliases->list[aliases->count++];
}

static struct tarx_alias *find(const struct tarx_aliases *aliases, const struct stat *st)
{
	for (size_t i = 0; i < aliases->count; i++)
		if (aliases->list[i].ino == st->st_ino && aliases->list[i].dev == st->st_dev)
			return &aliases->list[i];
	return NULL;
}

int tarx_aliases_note(struct tarx_tree *tree, const struct align_node *node, const char *rel)
{
	TX_FD seen = is_mounted(tree->diff)
			     ? tarx_located_open(tree->diff, rel, O_PATH | O_NOFOLLOW)
			     : -1;
	struct tarx_alias *alias;
	struct stat st;

	if (seen < 0 || fstat(seen, &st) < 0) {
		tell_others(tree->c, node->path);
		return 0;
	}
	if (find(tree->aliases, &st))
		return 0;
	alias = add(tree->aliases);
	if (!alias)
		return tarx_fatal(tree->c->report, "out of memory");
	*alias = (struct tarx_alias){
		.path = strdup(node->path),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.names = st.st_nlink,
	};
	return alias->path ? 0 : tarx_fatal(tree->c->report, "out of memory");
}

void tarx_aliases_identity(const struct tarx_tree *tree, const struct align_node *node,
			   struct stat *st)
{
	const struct tarx_located *at = tree->changes;
	bool indexed = at && at->stack.indexed && is_mounted(at);
	TX_FREE char *rel = at && (tree->whole || indexed) ? tarx_tree_path(tree, node) : NULL;
	TX_FD fd = -1;
	struct stat other;

	*st = node->st;
	if (!rel)
		return;
	fd = indexed ? tarx_located_open(at, rel, O_PATH | O_NOFOLLOW)
		     : tx_open_beneath_nofollow(at->stack.layers[0].fd, rel, O_PATH | O_NOFOLLOW,
						0);
	if (fd >= 0 && fstat(fd, &other) == 0 && (other.st_mode & S_IFMT) == (st->st_mode & S_IFMT))
		*st = other;
}

/* What the upper layer has was stored by the walk through it. */
static bool is_in_upper(const struct tarx_tree *tree, const char *rel)
{
	TX_FD fd = tx_open_beneath_nofollow(tree->diff->stack.layers[0].fd, rel,
					    O_PATH | O_NOFOLLOW, 0);

	return fd >= 0;
}

/* The directory NODE of the merged tree, which leads to an alias. */
static int store_directory(struct tarx_tree *tree, struct align_node *node)
{
	const struct tarx_disguise none = { .source = -1 };
	TX_FREE char *rel = tarx_tree_path(tree, node);
	TX_FD fd = -1;

	if (!rel)
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	if (is_in_upper(tree, rel))
		return 0;
	fd = tarx_located_open(tree->diff, rel, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || fstat(fd, &node->st) < 0) {
		tarx_error(tree->c->report, "%s: open: %s", node->path, strerror(errno));
		return 0;
	}
	node->fd = fd;
	return tarx_tree_add(tree, node, &none);
}

/* The directories on the way to NODE, the outermost first. */
static int store_above(struct tarx_tree *tree, const struct align_node *node)
{
	size_t lead = strlen(node->path) - strlen(node->below);

	for (const char *slash = strchr(node->below, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - node->below);
		TX_FREE char *path = strndup(node->path, lead + len);
		struct align_node above = { .dirfd = -1, .name = "", .path = path };
		int r;

		if (!path)
			return tarx_fatal(tree->c->report, "out of memory");
		above.below = path + lead;
		if (tarx_placed_has(&tree->aliases->above, above.below))
			continue;
		r = store_directory(tree, &above);
		if (r == 0 && tarx_placed_add(&tree->aliases->above, above.below) < 0)
			r = tarx_fatal(tree->c->report, "out of memory");
		if (r < 0)
			return r;
	}
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether what is SEEN at REL is not what the lower layers have there, but the copy of it: that was made
 * later. It has one name left, perhaps, but never had only one. */
static bool is_copy(struct names *n, const char *rel, const struct stat *seen)
{
	struct stat st;

	if (overlay_finder_stat(&n->finder, rel, &st) < 0)
		return seen->st_nlink > 1;
	return st.st_nlink > 1 &&
	       (st.st_size != seen->st_size || st.st_mode != seen->st_mode ||
		!same_time(&st.st_mtim, &seen->st_mtim) || !same_time(&st.st_ctim, &seen->st_ctim));
}

static int store(struct names *n, const struct align_node *node, const char *rel)
{
	struct tarx_alias *alias = find(n->tree->aliases, &node->st);
	struct tarx_disguise disguise = { .source = -1 };
	TX_FD source = -1;
	int r;

	if (alias)
		alias->found++;
	if (n->renamed || is_in_upper(n->tree, rel))
		return 0;
	if (!alias && !is_copy(n, rel, &node->st))
		return 0;
	if (S_ISREG(node->st.st_mode)) {
		source = tarx_tree_open_bytes(n->tree, rel);
		disguise.source = source;
	}
	r = store_above(n->tree, node);
	return r < 0 ? r : tarx_tree_add(n->tree, node, &disguise);
}

/* Whether nothing below a directory is stored from here: another mount, or what is left out. */
static bool is_left_out(struct names *n, const struct align_node *node)
{
	uint64_t id;

	if (overlay_mount_id(node->fd, &id) < 0 || id != n->tree->diff->stack.mount_id) {
		n->left_out = true;
		return true;
	}
	return tarx_prune_node(&n->tree->c->prune, node) != TARX_PRUNE_KEEP;
}

static bool is_beneath(const char *rel, const char *above)
{
	size_t len = strlen(above);

	return !strncmp(rel, above, len) && (!rel[len] || rel[len] == '/');
}

static int enter(struct names *n, const char *rel)
{
	struct tx_err err;
	int r;

	if (n->renamed)
		return 0;
	r = tarx_tree_ties(n->tree->diff, rel, &err);
	if (r < 0)
		return tarx_fatal(n->tree->c->report, "%s", err.text);
	if (r != TARX_TIES_RENAMED)
		return 0;
	n->renamed = strdup(rel);
	return n->renamed ? 0 : tarx_fatal(n->tree->c->report, "out of memory");
}

static int take(struct names *n, const struct align_node *node, struct align_walk *walk)
{
	TX_FREE char *rel = tarx_tree_path(n->tree, node);

	if (!rel)
		return tarx_fatal(n->tree->c->report, "%s: out of memory", node->path);
	if (n->renamed && !is_beneath(rel, n->renamed)) {
		free(n->renamed);
		n->renamed = NULL;
	}
	if (!S_ISDIR(node->st.st_mode))
		return store(n, node, rel);
	if (!is_left_out(n, node))
		return enter(n, rel);
	align_walk_skip(walk);
	return 0;
}

static int walk_names(struct names *n, int base, const char *root, const char *shown)
{
	struct tarx_creation *c = n->tree->c;
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;
	int r = align_walk_open(&walk, base, root, shown, &err);

	walk.wants = tarx_prune_wants;
	walk.data = &c->prune;
	while (r == 0 && (r = align_walk_next(&walk, &node, &err)) > 0) {
		tx_arena_reset(&c->arena);
		r = 0;
		if (node.error)
			n->left_out = true;
		else
			r = take(n, &node, &walk);
		if (r < 0)
			break;
	}
	align_walk_release(&walk);
	if (r < 0 && c->report->exit_code < 2)
		tarx_fatal(c->report, "%s", err.text);
	return r;
}

/* Names that the lower layers themselves hide are counted, too, by the kernel; so that one is missing is
 * known only where not all of the overlay was looked at. */
static void tell_missing(const struct names *n)
{
	const struct tarx_aliases *aliases = n->tree->aliases;
	const struct tarx_located *at = n->tree->diff;

	if (!*at->rel && !n->left_out)
		return;
	for (size_t i = 0; i < aliases->count; i++)
		if (aliases->list[i].found < aliases->list[i].names)
			tell_others(n->tree->c, aliases->list[i].path);
}

int tarx_aliases_store(struct tarx_tree *tree, const char *shown)
{
	const struct tarx_located *at = tree->diff;
	const char *slash = strrchr(at->rel, '/');
	TX_FREE char *above = slash ? strndup(at->rel, (size_t)(slash - at->rel)) : strdup("");
	const char *root = slash ? slash + 1 : *at->rel ? at->rel : ".";
	struct overlay_stack lowers = overlay_names_lowers(&at->stack);
	struct names n = { .tree = tree };
	TX_FD base = -1;
	int r;

	if (!at->stack.indexed || !is_mounted(at))
		return 0;
	base = above ? tarx_located_open(at, above, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	if (base < 0)
		return tarx_fatal(tree->c->report, "%s: open it through the mount: %s", shown,
				  strerror(-base));
	overlay_finder_init(&n.finder, &lowers);
	r = walk_names(&n, base, root, shown);
	if (r == 0)
		tell_missing(&n);
	overlay_finder_release(&n.finder);
	free(n.renamed);
	return r;
}

void tarx_aliases_release(struct tarx_aliases *aliases)
{
	for (size_t i = 0; i < aliases->count; i++)
		free(aliases->list[i].path);
	free(aliases->list);
	tarx_placed_release(&aliases->above);
	*aliases = (struct tarx_aliases){ 0 };
}
