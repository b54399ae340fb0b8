#include "tarx/layers.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A directory that was mounted, or the root of the walk, and what is below it up to the next. */
struct tarx_scope {
	char *path; /* owned; as the walk shows it */
	dev_t dev;
	struct tarx_located at; /* owned; empty where the stack was given to the walk */
	const struct overlay_stack *stack; /* borrowed; NULL: it lies on no overlay */
	const char *rel; /* borrowed; its path from the overlay's root */
	struct overlay_finder finder; /* owned */
};

/* ------------------------------------------------------------------ where a path lies */

/* The path from the overlay's root of a file that is no directory: that of its directory, and its
 * name. */
static int locate_file(struct tarx_located *located, int base, const char *path, struct tx_err *err)
{
	const char *slash = strrchr(path, '/');
	TX_FREE char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	TX_FREE char *above = NULL;
	TX_FD fd = dir ? openat(base, dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	int r;

	if (fd < 0)
		return tx_fail(err, dir ? errno : ENOMEM, "open its directory");
	r = overlay_stack_relative(&located->stack, fd, &above, err);
	if (r < 0)
		return r;
	if (asprintf(&located->rel, "%s%s%s", above, *above ? "/" : "", slash ? slash + 1 : path) <
	    0) {
		located->rel = NULL;
		return tx_fail(err, ENOMEM, "find its layers");
	}
	return 0;
}

int tarx_locate(struct tarx_located *located, int base, const char *path, struct tx_err *err)
{
	TX_FD fd = openat(base, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	*located = (struct tarx_located){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0)
		return tx_fail(err, errno, "open");
	r = overlay_stack_open(&located->stack, fd, err);
	if (r <= 0)
		return r;
	located->found = true;
	if (S_ISDIR(st.st_mode))
		r = overlay_stack_relative(&located->stack, fd, &located->rel, err);
	else
		r = locate_file(located, base, path, err);
	if (r < 0)
		tarx_located_release(located);
	return r;
}

/* REL becomes where FD, or the file NAME in it, is. */
static int locate_in_layer(struct tarx_located *located, int fd, const char *name,
			   struct tx_err *err)
{
	TX_FREE char *above = NULL;
	int r = overlay_stack_open_layer(&located->stack, fd, &above, err);

	if (r <= 0)
		return r;
	located->found = located->in_layer = true;
	if (asprintf(&located->rel, "%s%s%s", above, *above && *name ? "/" : "", name) < 0) {
		located->rel = NULL;
		tarx_located_release(located);
		return tx_fail(err, ENOMEM, "find its layers");
	}
	return 0;
}

int tarx_locate_layer(struct tarx_located *located, int base, const char *path, struct tx_err *err)
{
	const char *slash = strrchr(path, '/');
	TX_FREE char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	TX_FD fd = -1;
	int r = tarx_locate(located, base, path, err);

	if (r < 0 || located->found)
		return r;
	fd = openat(base, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return locate_in_layer(located, fd, "", err);
	if (errno == ENOTDIR && dir)
		fd = openat(base, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return tx_fail(err, dir ? errno : ENOMEM, "open");
	return locate_in_layer(located, fd, slash ? slash + 1 : path, err);
}

void tarx_located_release(struct tarx_located *located)
{
	if (located->found)
		overlay_stack_release(&located->stack);
	free(located->rel);
	*located = (struct tarx_located){ 0 };
}

int tarx_located_open(const struct tarx_located *located, const char *rel, int flags)
{
	const char *prefix = located->stack.prefix;
	size_t len = prefix ? strlen(prefix) : 0;

	if (located->stack.root < 0)
		return -ENODEV;
	/* The mount may show only a directory of the overlay. */
	if (len > 0) {
		if (strncmp(rel, prefix, len) || (rel[len] && rel[len] != '/'))
			return -EXDEV;
		rel += len;
		rel += *rel == '/';
	}
	return tx_open_beneath_nofollow(located->stack.root, *rel ? rel : ".", flags, 0);
}

/* ------------------------------------------------------------------ the walk's scopes */

static bool is_within(const char *path, const char *scope)
{
	size_t len = strlen(scope);

	if (strncmp(path, scope, len))
		return false;
	return !path[len] || path[len] == '/' || len == 0 || scope[len - 1] == '/';
}

static struct tarx_scope *innermost(const struct tarx_layers *layers)
{
	return layers->scopes[layers->count - 1];
}

static void scope_free(struct tarx_scope *scope)
{
	overlay_finder_release(&scope->finder);
	tarx_located_release(&scope->at);
	free(scope->path);
	free(scope);
}

static int fall_back(struct tarx_layers *layers, const char *path, struct tx_err *err)
{
	if (layers->overlay == TARX_OVERLAY_MERGED)
		return -err->code;
	if (tarx_say_once(layers->report, TARX_ONCE_OVERLAY))
		tarx_notice(layers->report,
			    "%s: %s: it is read through the overlay, and cannot be shared", path,
			    err->text);
	return 0;
}

/* Under auto a layer that is out of reach is read through the overlay, too. */
static int check_reachable(struct tarx_layers *layers, const char *path,
			   const struct overlay_stack *stack, struct tx_err *err)
{
	size_t at = 0;

	while (at < stack->count && stack->layers[at].fd >= 0)
		at++;
	if (at == stack->count)
		return 0;
	tx_reject(err, ENOENT, "the layer %s cannot be reached", stack->layers[at].path);
	return fall_back(layers, path, err);
}

/* Finds the overlay that PATH in BASE lies on. */
static int find_stack(struct tarx_layers *layers, struct tarx_scope *scope, int base,
		      const char *path, struct tx_err *err)
{
	int r = 0;

	if (layers->stack && layers->count == 0) {
		scope->stack = layers->stack;
		scope->rel = layers->rel;
	} else {
		r = tarx_locate(&scope->at, base, path, err);
		if (r >= 0 && scope->at.found) {
			scope->stack = &scope->at.stack;
			scope->rel = scope->at.rel;
		}
	}
	if (r >= 0 && scope->stack)
		r = check_reachable(layers, scope->path, scope->stack, err);
	return r;
}

static int make_room(struct tarx_layers *layers)
{
	size_t room = layers->room ? layers->room * 2 : 8;
	struct tarx_scope **scopes;

	if (layers->count < layers->room)
		return 0;
	scopes = realloc(layers->scopes, room * sizeof(struct tarx_scope *));
	if (!scopes)
		return -ENOMEM;
	layers->scopes = scopes;
	layers->room = room;
	return 0;
}

static int push(struct tarx_layers *layers, const struct align_node *node, int base,
		const char *path, struct tx_err *err)
{
	struct tarx_scope *scope = make_room(layers) < 0 ? NULL : calloc(1, sizeof(*scope));
	int r;

	if (!scope)
		return tx_fail(err, ENOMEM, "enter");
	scope->dev = node->st.st_dev;
	scope->path = strdup(node->path);
	if (!scope->path) {
		free(scope);
		return tx_fail(err, ENOMEM, "enter");
	}
	r = find_stack(layers, scope, base, path, err);
	layers->scopes[layers->count++] = scope;
	if (scope->stack)
		overlay_finder_init(&scope->finder, scope->stack);
	return r < 0 ? fall_back(layers, node->path, err) : 0;
}

static bool is_on_mount(int fd, uint64_t mount_id)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == 0 &&
	       (stx.stx_mask & STATX_MNT_ID) && stx.stx_mnt_id == mount_id;
}

/* Another file system begins here, or another place of the same overlay. */
static bool is_mounted(const struct tarx_scope *scope, const struct align_node *node)
{
	if (!S_ISDIR(node->st.st_mode))
		return false;
	return node->st.st_dev != scope->dev ||
	       (scope->stack && !is_on_mount(node->fd, scope->stack->mount_id));
}

int tarx_layers_enter(struct tarx_layers *layers, int base, const char *root,
		      const struct align_node *node, struct tx_err *err)
{
	if (layers->overlay == TARX_OVERLAY_OFF)
		return 0;
	while (layers->count > 0 && !is_within(node->path, innermost(layers)->path))
		scope_free(layers->scopes[--layers->count]);
	if (layers->count == 0)
		return push(layers, node, base, root, err);
	if (is_mounted(innermost(layers), node))
		return push(layers, node, node->dirfd, node->name, err);
	return 0;
}

int tarx_layers_source(const struct tarx_layers *layers, const struct align_node *node)
{
	struct tarx_scope *scope;
	TX_FREE char *rel = NULL;
	const char *below;
	int fd;

	if (layers->count == 0)
		return -1;
	scope = innermost(layers);
	if (!scope->stack)
		return -1;
	/* A file that was mounted over another one is not in a layer at that path. */
	if (!is_on_mount(node->fd, scope->stack->mount_id))
		return -1;
	below = node->path + strlen(scope->path);
	below += *below == '/';
	if (asprintf(&rel, "%s%s%s", scope->rel, *scope->rel && *below ? "/" : "", below) < 0) {
		rel = NULL;
		return -1;
	}
	fd = overlay_source_open(&scope->finder, rel, node->fd, &node->st);
	return fd < 0 ? -1 : fd;
}

void tarx_layers_release(struct tarx_layers *layers)
{
	while (layers->count > 0)
		scope_free(layers->scopes[--layers->count]);
	free(layers->scopes);
	*layers = (struct tarx_layers){ 0 };
}
