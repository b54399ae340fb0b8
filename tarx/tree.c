#include "tarx/tree.h"

#include "align/volume.h"

#include <errno.h>
#include <sys/stat.h>

static const char *subvolume_kind(struct tarx_creation *c, const struct align_node *node)
{
	struct tx_err err;
	int r = tarx_snapshots_has(&c->snapshots, node->st.st_dev)
			? 0
			: align_subvolume_is_read_only(node->fd, &err);

	if (r < 0)
		tarx_warning(c->report, "%s: %s", node->path, err.text);
	return r > 0 ? "ro" : "rw";
}

/* Counts a subvolume. Returns how it is recorded; NULL: it is none, or is stored as a directory. */
static const char *look_for_subvolume(struct tarx_creation *c, const struct align_node *node)
{
	bool wanted = c->report->opts->subvolumes;
	struct tx_err err;

	if (node->st.st_ino != ALIGN_SUBVOLUME_INO || (!*node->below && !wanted) ||
	    align_volume_is_subvolume(node->fd, &err) <= 0)
		return NULL;
	c->report->subvolumes++;
	if (wanted)
		return subvolume_kind(c, node);
	if (tarx_say_once(c->report, TARX_ONCE_SUBVOLUME))
		tarx_notice(c->report,
			    "%s: a btrfs subvolume, stored as a directory (and so for others)",
			    node->path);
	return NULL;
}

static int add_seen(struct tarx_tree *tree, const struct align_node *node)
{
	struct tarx_disguise disguise = {
		.source = -1, .opaque = tree->whole && !*node->below && S_ISDIR(node->st.st_mode)
	};
	struct tx_err err;

	if (tarx_layers_enter(&tree->layers, tree->base, tree->root, node, &err) < 0)
		return tarx_fatal(tree->c->report, "%s: %s", node->path, err.text);
	if (S_ISDIR(node->st.st_mode))
		disguise.subvolume = look_for_subvolume(tree->c, node);
	return tarx_tree_add(tree, node, &disguise);
}

static void tell_missing(void *data, const char *path)
{
	tarx_notice(data, "Missing links to '%s'.", path);
}

void tarx_tree_check_links(struct tarx_creation *c)
{
	if (c->report->opts->check_links)
		tarx_links_missing(&c->links, tell_missing, c->report);
}

void tarx_tree_tell_failed(struct tarx_creation *c, const char *path, const struct tx_err *err)
{
	const struct tarx_opts *opts = c->report->opts;

	if (!opts->ignore_failed_read)
		tarx_error(c->report, "%s: %s", path, err->text);
	else if (!tarx_opts_silences(opts, TARX_WARN_FAILED_READ))
		tarx_notice(c->report, "%s: Warning: %s", path, err->text);
}

static bool is_storable(struct tarx_creation *c, const struct align_node *node,
			const struct tx_err *err)
{
	if (node->error) {
		tarx_tree_tell_failed(c, node->path, err);
		return false;
	}
	if (S_ISSOCK(node->st.st_mode)) {
		if (!tarx_opts_silences(c->report->opts, TARX_WARN_FILE_IGNORED))
			tarx_warning(c->report, "%s: a socket cannot be stored in an archive",
				     node->path);
		return false;
	}
	if (tarx_adder_is_archive(&c->adder, &node->st)) {
		tarx_notice(c->report, "%s: is the archive; not stored", node->path);
		return false;
	}
	return true;
}

static int take_node(struct tarx_tree *tree, const struct align_node *node,
		     struct align_ahead *ahead)
{
	enum tarx_verdict verdict = tarx_prune_node(&tree->c->prune, node);
	int r = 0;

	if (verdict == TARX_PRUNE_KEEP || verdict == TARX_PRUNE_ALONE)
		r = tree->diff ? tarx_tree_add_changed(tree, node, ahead) : add_seen(tree, node);
	if (verdict != TARX_PRUNE_KEEP && S_ISDIR(node->st.st_mode))
		align_ahead_skip(ahead);
	return verdict == TARX_PRUNE_FATAL ? -1 : r;
}

static void pass_over_snapshot(struct tarx_report *report, const struct align_node *node,
			       struct align_ahead *ahead)
{
	tarx_notice(report, "%s: a snapshot that tarx made for another archive; not stored",
		    node->path);
	align_ahead_skip(ahead);
}

static int take_any(struct tarx_tree *tree, const struct align_node *node,
		    struct align_ahead *ahead, const struct tx_err *err)
{
	struct tarx_creation *c = tree->c;

	if (node->error == EMFILE || node->error == ENFILE || node->error == ENOMEM)
		return tarx_fatal(c->report, "%s: %s", node->path, err->text);
	if (!tarx_prune_is_wanted(&c->prune, node->path) ||
	    (tree->changes && !tarx_tree_is_fuse_mark(tree, node) &&
	     !tarx_tree_can_name(c, node))) {
		if (node->self)
			align_ahead_skip(ahead);
		return 0;
	}
	if (tarx_snapshot_is_other(node)) {
		pass_over_snapshot(c->report, node, ahead);
		return 0;
	}
	return is_storable(c, node, err) ? take_node(tree, node, ahead) : 0;
}

static const void *look(void *hand, struct align_node *node, struct tx_arena *arena)
{
	return tarx_look_at(hand, node, arena);
}

/* A looker a thread. What looks into layers, or for holes, does it by the file's descriptor. */
static void set_up_lookers(struct tarx_looker *lookers, struct align_ahead *ahead,
			   const struct tarx_tree *tree)
{
	const struct tarx_creation *c = tree->c;

	ahead->threads = c->threads;
	ahead->look = look;
	for (unsigned int i = 0; i < c->threads; i++) {
		lookers[i] = (struct tarx_looker){ .opts = c->report->opts,
						   .wants = &c->wants,
						   .adder = &c->adder,
						   .keeps = tree->diff || c->report->opts->sparse };
		ahead->hands[i] = &lookers[i];
	}
}

static void set_up(struct align_walk *walk, struct tarx_creation *c)
{
	const struct tarx_opts *opts = c->report->opts;

	walk->one_device = opts->one_file_system;
	walk->by_inode = opts->sort == TARX_SORT_INODE;
	walk->follow = opts->dereference;
	walk->wants = tarx_prune_wants;
	walk->data = &c->prune;
}

static int archive(struct tarx_tree *tree, const char *shown, const struct align_lens *lens)
{
	struct tarx_report *report = tree->c->report;
	struct tarx_looker lookers[ALIGN_CREW_MOST] = { 0 };
	struct align_ahead ahead;
	struct align_node node;
	struct tx_err err;
	int r = align_ahead_open(&ahead, tree->base, tree->root, shown, &err);

	set_up(&ahead.walk, tree->c);
	set_up_lookers(lookers, &ahead, tree);
	ahead.walk.lens = lens;
	if (lens) /* it makes snapshots, and tells of them */
		ahead.threads = 1;
	while (r == 0 && (r = align_ahead_next(&ahead, &node, &err)) > 0) {
		tx_arena_reset(&tree->c->arena);
		r = take_any(tree, &node, &ahead, &err);
	}
	align_ahead_release(&ahead);
	for (unsigned int i = 0; i < tree->c->threads; i++)
		tarx_looker_release(&lookers[i]);
	if (r < 0 && report->exit_code < 2)
		tarx_fatal(report, "%s", err.text);
	return r;
}

int tarx_tree_archive(struct tarx_tree *tree, const char *shown)
{
	struct tarx_creation *c = tree->c;
	struct tarx_snapview view;
	struct tx_err err;
	int r;

	if (!c->report->opts->snapshot || tree->diff)
		return archive(tree, shown, NULL);
	r = tarx_snapview_open(&view, &c->snapshots, tree->base, tree->root, &err);
	r = r < 0 ? tarx_fatal(c->report, "%s: %s", shown, err.text)
		  : archive(tree, shown, &view.lens);
	tarx_snapview_release(&view);
	return r;
}

static int archive_seen(struct tarx_creation *c, int base, const char *path, const char *shown)
{
	struct tarx_tree tree = { .c = c,
				  .base = base,
				  .root = path,
				  .layers = { .report = c->report, .overlay = c->overlay } };
	int r = tarx_tree_archive(&tree, shown);

	tarx_layers_release(&tree.layers);
	return r;
}

/* What the overlay shows at the place AT, from the root of a mount on. */
static int archive_located(struct tarx_creation *c, const struct tarx_located *at, const char *path,
			   const char *shown)
{
	struct tarx_tree tree = {
		.c = c,
		.base = at->stack.root,
		.root = *at->rel ? at->rel : ".",
		.layers = { .report = c->report,
			    .overlay = c->overlay,
			    .stack = &at->stack,
			    .rel = at->rel },
	};
	int r;

	if (tree.base < 0)
		return tarx_fatal(c->report,
				  "%s: nothing shows this layer together with those below", path);
	r = tarx_tree_archive(&tree, shown);
	tarx_layers_release(&tree.layers);
	return r;
}

int tarx_tree_seen(struct tarx_creation *c, int base, const char *path, const char *shown)
{
	struct tarx_located at;
	struct tx_err err;
	int r;

	if (c->overlay != TARX_OVERLAY_MERGED)
		return archive_seen(c, base, path, shown);
	if (tarx_locate_layer(&at, base, path, &err) < 0)
		return tarx_fatal(c->report, "%s: %s", path, err.text);
	r = at.in_layer ? archive_located(c, &at, path, shown) : archive_seen(c, base, path, shown);
	tarx_located_release(&at);
	return r;
}
