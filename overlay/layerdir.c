/* The stack of a layer that is named by its own directory. */
#include "overlay/stack_parts.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/fuse.h"
#include "overlay/marks.h"
#include "overlay/mountinfo.h"
#include "overlay/storage.h"
#include "overlay/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Directories further up than this are not asked whether they are an upper layer. */
#define LEVELS_MAX 512

/* A directory and those above it on the same mount, up to it. */
struct level {
	int fd; /* owned */
	struct stat st;
};

struct climb {
	struct level *levels; /* owned; the directory itself first */
	size_t count;
};

/* What the directory that was named belongs to. */
struct owner {
	const struct climb *climb; /* borrowed */
	size_t level; /* which directory of the climb is the layer; SIZE_MAX while none is known */
	struct overlay_mounts m; /* owned; empty when no mount has it as its upper */
	uint64_t mount_id;
};

/* ------------------------------------------------------------------ the climb */

/* Takes FD over. 1: it is one level more, 0: it is on another mount, or the end, -errno. */
static int add_level(struct climb *climb, int *fd, uint64_t mount_id)
{
	struct level *more, level = { .fd = *fd };
	uint64_t id;

	if (fstat(*fd, &level.st) < 0 || overlay_mount_id(*fd, &id) < 0)
		return -errno;
	if (id != mount_id || climb->count == LEVELS_MAX)
		return 0;
	if (climb->count > 0 &&
	    overlay_is_same_inode(&climb->levels[climb->count - 1].st, &level.st))
		return 0;
	more = realloc(climb->levels, (climb->count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	climb->levels = more;
	more[climb->count++] = level;
	tx_fd_steal(fd);
	return 1;
}

static int climb_from(struct climb *climb, int fd)
{
	uint64_t mount_id;
	int r = overlay_mount_id(fd, &mount_id);

	for (r = r < 0 ? r : 1; r > 0;) {
		TX_FD next = climb->count == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0)
					       : openat(climb->levels[climb->count - 1].fd, "..",
							O_PATH | O_DIRECTORY | O_CLOEXEC);

		r = next < 0 ? -errno : add_level(climb, &next, mount_id);
	}
	/* What is above and may not be looked at is not asked. */
	return climb->count > 0 ? 0 : r;
}

static void climb_release(struct climb *climb)
{
	for (size_t i = 0; i < climb->count; i++)
		tx_fd_release(&climb->levels[i].fd);
	free(climb->levels);
}

/* ------------------------------------------------------------------ by a mount */

static size_t level_of(const struct climb *climb, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return SIZE_MAX;
	for (size_t i = 0; i < climb->count; i++)
		if (overlay_is_same_inode(&climb->levels[i].st, &st))
			return i;
	return SIZE_MAX;
}

/* A relative path is one from a folder above the mount point. */
static size_t level_of_relative(const struct climb *climb, const struct overlay_mounts *m,
				const char *point, const char *path)
{
	TX_FREE char *above = strdup(point);
	size_t level = SIZE_MAX;

	for (char *slash = above ? strrchr(above, '/') : NULL; slash && level == SIZE_MAX;
	     slash = strrchr(above, '/')) {
		TX_FD base = -1, fd = -1;

		*slash = '\0';
		base = overlay_mounts_open(m, *above ? above : "/");
		if (base >= 0)
			fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		level = level_of(climb, fd);
	}
	return level;
}

static size_t level_of_path(const struct climb *climb, const struct overlay_mounts *m,
			    const char *point, const char *path)
{
	TX_FD fd = -1, theirs = -1;
	size_t level;

	if (*path != '/')
		return level_of_relative(climb, m, point, path);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	level = level_of(climb, fd);
	if (level != SIZE_MAX || m->own)
		return level;
	theirs = overlay_mounts_open(m, path);
	return level_of(climb, theirs < 0 ? -1 : theirs);
}

/* Which directory of the climb is the upper of MOUNT. */
static size_t level_of_upper(const struct climb *climb, const struct overlay_mounts *m,
			     const struct overlay_mount *mount)
{
	struct overlay_options o;
	size_t level = SIZE_MAX;

	int r = mount->fuse ? overlay_fuse_options(&o, mount)
			    : overlay_options_parse(&o, mount->options);

	if (r == 0 && o.upper) {
		/* See open_upper() in stack.c: with escapes or without. */
		level = level_of_path(climb, m, mount->point, o.upper);
		overlay_unescape(o.upper);
		if (level == SIZE_MAX)
			level = level_of_path(climb, m, mount->point, o.upper);
	}
	overlay_options_release(&o);
	return level;
}

/* Keeps the mount whose upper is the nearest; of several of one overlay one that shows all of it. */
static int look_for_upper(struct overlay_mounts *m, void *arg)
{
	struct owner *owner = arg;
	bool better = false;

	for (size_t i = 0; i < m->count; i++) {
		const struct overlay_mount *mount = &m->list[i];
		size_t level;

		if (*mount->prefix)
			continue;
		level = level_of_upper(owner->climb, m, mount);
		if (level >= owner->level)
			continue;
		owner->level = level;
		owner->mount_id = mount->id;
		better = true;
	}
	if (better) {
		overlay_mounts_release(&owner->m);
		owner->m = overlay_mounts_steal(m);
	}
	return 0;
}

/* ------------------------------------------------------------------ by container storage */

static int take_layers(struct overlay_stack *s, struct overlay_storage *storage)
{
	s->layers = calloc(storage->count + 1, sizeof(*s->layers));
	if (!s->layers)
		return -ENOMEM;
	s->layers[0] = (struct overlay_layer){ .fd = tx_fd_steal(&storage->diff),
					       .path = strdup("diff") };
	s->count = 1;
	if (!s->layers[0].path)
		return -ENOMEM;
	for (size_t i = 0; i < storage->count; i++) {
		int fd = overlay_storage_lower(storage, i);

		s->layers[s->count] = (struct overlay_layer){ .fd = fd < 0 ? -1 : fd,
							      .path = strdup(storage->lowers[i]) };
		if (!s->layers[s->count++].path)
			return -ENOMEM;
	}
	return 0;
}

static int stack_of_storage(struct overlay_stack *s, struct overlay_storage *storage,
			    struct tx_err *err)
{
	if (take_layers(s, storage) < 0)
		return tx_fail(err, ENOMEM, "open the layers of container storage");
	s->has_upper = true;
	s->lowers_known = true;
	/* Whoever is not root mounts with userxattr. */
	s->userxattr = storage->owner != 0 || !overlay_sees_trusted();
	s->fuse = storage->fuse;
	overlay_stack_look_at_devices(s);
	/* Without a view the layer can be read all the same, as far as it needs no other. The kernel
	 * would not understand what fuse-overlayfs wrote. */
	if (!s->fuse)
		overlay_view_open(s);
	return 0;
}

/* ------------------------------------------------------------------ by marks */

/* Overlayfs marks directories within a layer too: the topmost one that is marked is the layer. */
static size_t level_of_marked(const struct climb *climb, bool *userxattr)
{
	size_t level = SIZE_MAX;

	for (size_t i = 0; i < climb->count; i++)
		if (overlay_marks_any(climb->levels[i].fd, userxattr))
			level = i;
	return level;
}

static int stack_of_marked(struct overlay_stack *s, const struct level *level, bool userxattr,
			   struct tx_err *err)
{
	s->layers = calloc(1, sizeof(*s->layers));
	if (!s->layers)
		return tx_fail(err, ENOMEM, "open the layer");
	s->count = 1;
	s->layers[0].fd = fcntl(level->fd, F_DUPFD_CLOEXEC, 0);
	s->layers[0].path = strdup("the upper layer");
	if (s->layers[0].fd < 0 || !s->layers[0].path)
		return tx_fail(err, ENOMEM, "open the layer");
	s->has_upper = true;
	s->userxattr = userxattr;
	overlay_stack_look_at_devices(s);
	return 0;
}

/* ------------------------------------------------------------------ the directory that was named */

/* The names that lead from directory LEVEL of the climb down to its start. */
static int path_below(const struct climb *climb, size_t level, char **rel, struct tx_err *err)
{
	char link[TX_PROC_ROOM], path[PATH_MAX];
	struct stat st;
	TX_FD fd = -1;
	char *at;
	ssize_t n;

	tx_proc_path(link, climb->levels[0].fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return tx_fail(err, errno, "find the path within the layer");
	path[n] = '\0';
	at = path + n;
	for (size_t i = 0; i < level && at > path; i++)
		do
			at--;
		while (at > path && *at != '/');
	at += level > 0 && *at == '/';
	fd = tx_open_beneath_nofollow(climb->levels[level].fd, *at ? at : ".", O_PATH | O_DIRECTORY,
				      0);
	if (fd < 0 || fstat(fd, &st) < 0 || !overlay_is_same_inode(&st, &climb->levels[0].st))
		return tx_reject(err, ENOENT, "cannot be found within its layer");
	*rel = strdup(at);
	return *rel ? 0 : tx_fail(err, ENOMEM, "find the path within the layer");
}

/* Whether the directory LEVEL of the climb is the diff of a layer of container storage. 1, 0 or
 * -errno. */
static int is_diff(const struct climb *climb, size_t level, struct overlay_storage *storage,
		   struct tx_err *err)
{
	int r;

	*storage = (struct overlay_storage){ .home = -1, .diff = -1 };
	if (level + 1 >= climb->count)
		return 0;
	r = overlay_storage_open(storage, climb->levels[level + 1].fd, err);
	return r > 0 ? level_of(climb, storage->diff) == level : r;
}

/* The innermost diff below the upper of a mount, if one was found. */
static int try_storage(struct overlay_stack *s, struct owner *owner, struct tx_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < owner->climb->count && i < owner->level; i++) {
		struct overlay_storage storage;

		r = is_diff(owner->climb, i, &storage, err);
		if (r > 0) {
			owner->level = i;
			r = stack_of_storage(s, &storage, err) < 0 ? -err->code : 1;
		}
		overlay_storage_release(&storage);
	}
	return r;
}

static int try_marks(struct overlay_stack *s, struct owner *owner, struct tx_err *err)
{
	bool userxattr = false;

	owner->level = level_of_marked(owner->climb, &userxattr);
	if (owner->level == SIZE_MAX)
		return 0;
	return stack_of_marked(s, &owner->climb->levels[owner->level], userxattr, err) < 0
		       ? -err->code
		       : 1;
}

/* 1, 0 (no layer) or -errno. */
static int open_owner(struct overlay_stack *s, struct owner *owner, struct tx_err *err)
{
	int r = overlay_mounts_each(look_for_upper, owner);

	if (r < 0)
		return tx_fail(err, -r, "read /proc/self/mountinfo");
	r = try_storage(s, owner, err);
	if (r != 0)
		return r;
	if (owner->level == SIZE_MAX)
		return try_marks(s, owner, err);
	r = overlay_stack_of_mount(s, &owner->m, overlay_mounts_find(&owner->m, owner->mount_id),
				   err);
	return r < 0 ? r : 1;
}

static int open_below(struct overlay_stack *s, int fd, char **rel, struct tx_err *err)
{
	struct climb climb = { 0 };
	struct owner owner = { .climb = &climb, .level = SIZE_MAX, .m = { .root = -1 } };
	int r = climb_from(&climb, fd);

	if (r < 0)
		r = tx_fail(err, -r, "look at the directories above");
	else
		r = open_owner(s, &owner, err);
	if (r > 0 && path_below(&climb, owner.level, rel, err) < 0)
		r = -err->code;
	overlay_mounts_release(&owner.m);
	climb_release(&climb);
	return r;
}

int overlay_stack_open_layer(struct overlay_stack *s, int fd, char **rel, struct tx_err *err)
{
	struct overlay_storage storage;
	int r;

	*s = (struct overlay_stack){ .root = -1 };
	*rel = NULL;
	r = overlay_storage_open(&storage, fd, err);
	if (r >= 0)
		r = open_below(s, r > 0 ? storage.diff : fd, rel, err);
	overlay_storage_release(&storage);
	if (r <= 0)
		overlay_stack_release(s);
	return r;
}
