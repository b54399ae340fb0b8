#include "align/walk.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Directories further up than this are closed and found again by "..", so that the depth of a tree
 * costs no descriptors. */
#define OPEN_FRAMES 32

struct align_frame {
	struct align_dir *dir; /* held; NULL: closed for now */
	dev_t dev;
	ino_t ino;
	struct tx_names names; /* owned */
	size_t next;
	size_t path_len; /* of the walk's path, this directory's part */
	bool linked; /* a symbolic link led here: ".." does not lead back */
};

/* ------------------------------------------------------------------ the path */

static int path_append(struct align_walk *walk, const char *name)
{
	size_t len = strlen(name), need = walk->path_len + len + 2;
	bool slash = walk->path_len > 0 && walk->path[walk->path_len - 1] != '/';

	if (need > walk->path_room) {
		char *path = realloc(walk->path, need * 2);

		if (!path)
			return -ENOMEM;
		walk->path = path;
		walk->path_room = need * 2;
	}
	if (slash)
		walk->path[walk->path_len++] = '/';
	memcpy(walk->path + walk->path_len, name, len + 1);
	walk->path_len += len;
	return 0;
}

static void path_cut(struct align_walk *walk, size_t len)
{
	walk->path_len = len;
	walk->path[len] = '\0';
}

/* ------------------------------------------------------------------ open directories */

static struct align_dir *dir_new(int fd)
{
	struct align_dir *dir = malloc(sizeof(*dir));

	if (!dir)
		return NULL;
	dir->fd = fd;
	atomic_init(&dir->holders, 1);
	return dir;
}

struct align_dir *align_dir_hold(struct align_dir *dir)
{
	if (dir)
		atomic_fetch_add_explicit(&dir->holders, 1, memory_order_relaxed);
	return dir;
}

void align_dir_drop(struct align_dir **held)
{
	struct align_dir *dir = tx_ptr_steal(held);

	if (!dir || atomic_fetch_sub_explicit(&dir->holders, 1, memory_order_acq_rel) > 1)
		return;
	close(dir->fd);
	free(dir);
}

/* ------------------------------------------------------------------ the frames */

static struct align_frame *top(struct align_walk *walk)
{
	return &walk->frames[walk->depth - 1];
}

static int push(struct align_walk *walk, struct align_dir *dir, const struct stat *st,
		struct tx_names *names)
{
	if (walk->depth == walk->room) {
		size_t room = walk->room ? walk->room * 2 : 16;
		struct align_frame *frames = realloc(walk->frames, room * sizeof(*frames));

		if (!frames)
			return -ENOMEM;
		walk->frames = frames;
		walk->room = room;
	}
	walk->frames[walk->depth++] = (struct align_frame){
		.dir = align_dir_hold(dir),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.names = *names,
		.path_len = walk->path_len,
		.linked = walk->enter_linked,
	};
	if (walk->depth > OPEN_FRAMES && !walk->frames[walk->depth - OPEN_FRAMES].linked)
		align_dir_drop(&walk->frames[walk->depth - 1 - OPEN_FRAMES].dir);
	return 0;
}

static void map_device(const struct align_walk *walk, struct stat *st)
{
	if (walk && walk->lens)
		st->st_dev = walk->lens->device(walk->lens->data, st->st_dev);
}

/* Opens the directory of FRAME again, which is the parent of the one behind CHILD. */
static int reopen(const struct align_walk *walk, struct align_frame *frame, int child)
{
	TX_FD fd = openat(child, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	map_device(walk, &st);
	if (st.st_dev != frame->dev || st.st_ino != frame->ino)
		return -ESTALE;
	frame->dir = dir_new(fd);
	if (!frame->dir)
		return -ENOMEM;
	tx_fd_steal(&fd);
	return 0;
}

static int pop(struct align_walk *walk, struct tx_err *err)
{
	struct align_frame *child = top(walk);
	int r = 0;

	walk->depth--;
	if (walk->depth > 0 && !top(walk)->dir)
		r = reopen(walk, top(walk), child->dir->fd);
	tx_names_release(&child->names);
	align_dir_drop(&child->dir);
	if (walk->depth > 0)
		path_cut(walk, top(walk)->path_len);
	return r < 0 ? tx_fail(err, -r, "go back to the directory %s", walk->path) : 0;
}

/* ------------------------------------------------------------------ a node */

static int open_node(int dirfd, const char *name, int flags, struct stat *st)
{
	TX_FD fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);

	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	return tx_fd_steal(&fd);
}

static bool may_enter(struct align_walk *walk, const struct align_node *node)
{
	if (!*node->below)
		walk->dev = node->st.st_dev;
	return !walk->one_device || node->st.st_dev == walk->dev;
}

static bool is_within(const struct align_walk *walk, const struct stat *st)
{
	for (size_t i = 0; i < walk->depth; i++)
		if (walk->frames[i].dev == st->st_dev && walk->frames[i].ino == st->st_ino)
			return true;
	return false;
}

/* What a symbolic link led to is told from what lies there itself. */
static int check_linked(struct align_walk *walk, const struct align_node *node)
{
	struct stat own;

	if (!walk->follow || !S_ISDIR(node->st.st_mode))
		return 0;
	walk->enter_linked = fstatat(node->dirfd, node->name, &own, AT_SYMLINK_NOFOLLOW) == 0 &&
			     S_ISLNK(own.st_mode);
	return is_within(walk, &node->st) ? -ELOOP : 0;
}

static int look_only(const struct align_walk *walk, struct align_node *node)
{
	bool follow = walk && walk->follow;
	int r = fstatat(node->dirfd, node->name, &node->st, follow ? 0 : AT_SYMLINK_NOFOLLOW);

	map_device(walk, &node->st);
	return r;
}

/* *FD, opened for NODE, becomes what stands for it. */
static int look_through_lens(struct align_walk *walk, struct align_node *node, int *fd)
{
	int other;

	node->fd = *fd;
	other = walk->lens->stand_in(walk->lens->data, node);
	node->fd = -1;
	if (other < 0)
		return 0;
	close(*fd);
	*fd = other;
	/* ".." of what stands in leads elsewhere. */
	walk->enter_linked = true;
	return fstat(other, &node->st) < 0 ? -errno : 0;
}

/* Fills st and fd, which is the caller's. What is neither a regular file nor a directory is not
 * opened: that could wait for ever or set a device going. WALK is NULL where it neither follows nor
 * has a lens. */
static int look_at(struct align_walk *walk, struct align_node *node, unsigned char type)
{
	int fd, flags = walk && walk->follow ? 0 : O_NOFOLLOW;

	if (type != DT_REG && type != DT_DIR) {
		if (look_only(walk, node) < 0)
			return -errno;
		if (!S_ISREG(node->st.st_mode) && !S_ISDIR(node->st.st_mode))
			return 0;
		type = S_ISDIR(node->st.st_mode) ? DT_DIR : DT_REG;
	}
	flags |= type == DT_DIR ? O_DIRECTORY : 0;
	fd = open_node(node->dirfd, node->name, flags, &node->st);
	if (fd == -ELOOP || fd == -ENOTDIR || fd == -ENXIO) /* it has become something else */
		return look_only(walk, node) < 0 ? -errno : 0;
	if (fd < 0)
		return fd;
	if (!S_ISREG(node->st.st_mode) && !S_ISDIR(node->st.st_mode)) {
		close(fd); /* that too */
		return 0;
	}
	if (walk && walk->lens && look_through_lens(walk, node, &fd) < 0) {
		close(fd);
		return -EIO;
	}
	map_device(walk, &node->st);
	node->fd = fd;
	return 0;
}

void align_node_look(struct align_node *node, struct tx_err *err)
{
	int r = look_at(NULL, node, node->type);

	node->unseen = false;
	if (r < 0)
		tx_fail(err, -r, "open");
	else if (S_ISDIR(node->st.st_mode)) /* the walk has passed it by */
		r = tx_reject(err, EISDIR, "it became a directory while its directory was read");
	if (r < 0)
		tx_fd_release(&node->fd);
	node->error = -r;
}

/* What was opened is the walk's. */
static int keep(struct align_walk *walk, struct align_node *node)
{
	if (node->fd < 0 || !S_ISDIR(node->st.st_mode)) {
		walk->fd = node->fd;
		return 0;
	}
	walk->self = node->self = dir_new(node->fd);
	if (!walk->self) {
		tx_fd_release(&node->fd);
		return -ENOMEM;
	}
	if (!may_enter(walk, node))
		return 0;
	walk->enter = align_dir_hold(walk->self);
	walk->enter_st = node->st;
	return 0;
}

static bool may_wait(const struct align_walk *walk, unsigned char type)
{
	return walk->lazy && !walk->follow && !walk->lens && type != DT_DIR && type != DT_UNKNOWN;
}

static void see(struct align_walk *walk, struct align_node *node, struct tx_err *err)
{
	int r = look_at(walk, node, node->type);

	if (r == 0)
		r = keep(walk, node);
	if (r < 0)
		tx_fail(err, -r, "open");
	else if (check_linked(walk, node) < 0)
		r = tx_reject(err, ELOOP, "a directory that it lies in, by way of a symbolic link");
	if (r < 0) {
		align_dir_drop(&walk->enter);
		node->fd = -1;
	}
	node->error = -r;
}

static int give(struct align_walk *walk, struct align_node *node, struct align_dir *dir,
		const char *name, unsigned char type, struct tx_err *err)
{
	*node = (struct align_node){
		.dirfd = dir ? dir->fd : walk->base,
		.dir = dir,
		.fd = -1,
		.depth = walk->depth,
		.type = type,
		.unseen = may_wait(walk, type),
		.name = name,
		.path = walk->path,
		.below = walk->path_len > walk->below_at ? walk->path + walk->below_at : "",
	};
	walk->enter_linked = false;
	if (!node->unseen)
		see(walk, node, err);
	return 1;
}

/* Enters the directory that was given last. A failure gives the same node again, with the error. */
static int enter(struct align_walk *walk, struct align_node *node, struct tx_err *err)
{
	struct align_dir *dir = tx_ptr_steal(&walk->enter);
	struct tx_names names;
	int r = tx_names_read(&names, dir->fd);

	if (r == 0 && walk->by_inode)
		tx_names_sort_by_inode(&names);
	if (r == 0) {
		r = push(walk, dir, &walk->enter_st, &names);
		if (r < 0)
			tx_names_release(&names);
		align_dir_drop(&dir);
		return r;
	}
	align_dir_drop(&dir);
	*node = (struct align_node){ .dirfd = -1,
				     .fd = -1,
				     .depth = walk->depth,
				     .path = walk->path,
				     .error = -r,
				     .st = walk->enter_st,
				     .name = "",
				     .below = "" };
	tx_fail(err, -r, "read the directory");
	return 1;
}

int align_walk_open(struct align_walk *walk, int base, const char *root, const char *shown,
		    struct tx_err *err)
{
	*walk = (struct align_walk){ .base = base, .root = root, .fd = -1 };
	if (path_append(walk, shown) < 0)
		return tx_fail(err, ENOMEM, "begin with %s", shown);
	walk->below_at = walk->path_len + (walk->path_len && shown[walk->path_len - 1] != '/');
	return 0;
}

/* Leaves the directories that are done and goes on to the next name. 1, 0: there is none, or -errno. */
static int next_name(struct align_walk *walk, const struct tx_name **name, struct tx_err *err)
{
	struct align_frame *frame;
	int r;

	while (walk->depth > 0 && top(walk)->next == top(walk)->names.count) {
		r = pop(walk, err);
		if (r < 0)
			return r;
	}
	if (walk->depth == 0)
		return 0;
	frame = top(walk);
	*name = &frame->names.list[frame->next++];
	path_cut(walk, frame->path_len);
	return path_append(walk, (*name)->name) < 0 ? tx_fail(err, ENOMEM, "walk") : 1;
}

static bool is_wanted(const struct align_walk *walk)
{
	return !walk->wants || walk->wants(walk->data, walk->path);
}

static int begin(struct align_walk *walk, struct align_node *node, struct tx_err *err)
{
	walk->started = true;
	if (!is_wanted(walk))
		return 0;
	return give(walk, node, NULL, walk->root, DT_UNKNOWN, err);
}

int align_walk_next(struct align_walk *walk, struct align_node *node, struct tx_err *err)
{
	const struct tx_name *name = NULL;
	int r;

	tx_fd_release(&walk->fd);
	align_dir_drop(&walk->self);
	if (!walk->started)
		return begin(walk, node, err);
	if (walk->enter) {
		r = enter(walk, node, err);
		if (r < 0)
			return tx_fail(err, -r, "walk");
		if (r > 0)
			return r;
	}
	do {
		r = next_name(walk, &name, err);
	} while (r > 0 && !is_wanted(walk));
	return r > 0 ? give(walk, node, top(walk)->dir, name->name, name->type, err) : r;
}

void align_walk_skip(struct align_walk *walk)
{
	align_dir_drop(&walk->enter);
}

int align_walk_leave(struct align_walk *walk, size_t depth, struct tx_err *err)
{
	int r = 0;

	align_dir_drop(&walk->enter);
	while (r == 0 && walk->depth > depth)
		r = pop(walk, err);
	return r;
}

void align_walk_release(struct align_walk *walk)
{
	while (walk->depth > 0) {
		tx_names_release(&top(walk)->names);
		align_dir_drop(&top(walk)->dir);
		walk->depth--;
	}
	tx_fd_release(&walk->fd);
	align_dir_drop(&walk->self);
	align_dir_drop(&walk->enter);
	free(walk->frames);
	free(walk->path);
	*walk = (struct align_walk){ .fd = -1 };
}
