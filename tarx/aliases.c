#include "tarx/aliases.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/mounts.h"
#include "tarx/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tarx_alias {
	char *path; /* owned; as the person sees it */
	struct stat st; /* in the upper layer */
	dev_t dev; /* as the mount shows it */
	ino_t ino;
	nlink_t names, found;
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
	TX_FD seen = is_mounted(tree->diff) ? tarx_located_open(tree->diff, rel, O_PATH) : -1;
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
		.st = node->st,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.names = st.st_nlink,
	};
	return alias->path ? 0 : tarx_fatal(tree->c->report, "out of memory");
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

static int store(struct tarx_tree *tree, const struct align_node *node)
{
	const struct tarx_disguise none = { .source = -1 };
	struct tarx_alias *alias = find(tree->aliases, &node->st);
	TX_FREE char *rel = NULL;
	struct align_node link = *node;
	int r;

	if (!alias)
		return 0;
	alias->found++;
	rel = tarx_tree_path(tree, node);
	if (!rel)
		return tarx_fatal(tree->c->report, "%s: out of memory", node->path);
	if (is_in_upper(tree, rel))
		return 0;
	r = store_above(tree, node);
	/* The archive knows it by its inode in the upper layer. */
	link.st = alias->st;
	return r < 0 ? r : tarx_tree_add(tree, &link, &none);
}

/* Whether nothing below a directory is stored from here: another mount, or what is left out. */
static bool is_left_out(const struct tarx_tree *tree, const struct align_node *node)
{
	uint64_t id;

	return overlay_mount_id(node->fd, &id) < 0 || id != tree->diff->stack.mount_id ||
	       tarx_prune_node(&tree->c->prune, node) != TARX_PRUNE_KEEP;
}

static int walk_names(struct tarx_tree *tree, int base, const char *root, const char *shown)
{
	struct align_walk walk;
	struct align_node node;
	struct tx_err err;
	int r = align_walk_open(&walk, base, root, shown, &err);

	walk.wants = tarx_prune_wants;
	walk.data = &tree->c->prune;
	while (r == 0 && (r = align_walk_next(&walk, &node, &err)) > 0) {
		tx_arena_reset(&tree->c->arena);
		r = 0;
		if (node.error)
			continue;
		if (S_ISDIR(node.st.st_mode) && is_left_out(tree, &node))
			align_walk_skip(&walk);
		else if (S_ISREG(node.st.st_mode) && node.st.st_nlink > 1)
			r = store(tree, &node);
		if (r < 0)
			break;
	}
	align_walk_release(&walk);
	if (r < 0 && tree->c->report->exit_code < 2)
		tarx_fatal(tree->c->report, "%s", err.text);
	return r;
}

int tarx_aliases_store(struct tarx_tree *tree, const char *shown)
{
	const struct tarx_located *at = tree->diff;
	const char *slash = strrchr(at->rel, '/');
	TX_FREE char *above = slash ? strndup(at->rel, (size_t)(slash - at->rel)) : strdup("");
	const char *root = slash ? slash + 1 : *at->rel ? at->rel : ".";
	TX_FD base = -1;
	int r;

	if (tree->aliases->count == 0)
		return 0;
	base = above ? tarx_located_open(at, above, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	if (base < 0)
		return tarx_fatal(tree->c->report, "%s: open it through the mount: %s", shown,
				  strerror(-base));
	r = walk_names(tree, base, root, shown);
	for (size_t i = 0; r == 0 && i < tree->aliases->count; i++)
		if (tree->aliases->list[i].found < tree->aliases->list[i].names)
			tell_others(tree->c, tree->aliases->list[i].path);
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
