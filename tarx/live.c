#include "tarx/live.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/handle.h"
#include "overlay/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int probe_upper(struct tarx_live *live, struct tx_err *err)
{
	TX_FD upper = openat(live->at.stack.layers[0].fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (upper < 0)
		return tx_fail(err, errno, "open the upper layer");
	return align_volume_probe(&live->volume, upper, err);
}

/* *ROOT becomes FD (taken over), or -errno. */
static int exchange(int *root, int fd, const char *what, struct tx_err *err)
{
	if (fd < 0)
		return tx_fail(err, -fd, "open %s", what);
	tx_fd_release(root);
	*root = fd;
	return 0;
}

/* *ROOT is no merged directory. Where its layers cannot be found it is what it is. */
static int open_layer(struct tarx_live *live, int *root, struct tx_err *err)
{
	struct tarx_located *at = &live->at;
	const char *rel;
	int r;

	if (tarx_locate_layer(at, *root, ".", err) < 0 || !at->found)
		return TARX_TARGET_LAYER;
	live->marks = at->stack.userxattr ? TARX_MARKS_USER : TARX_MARKS_TRUSTED;
	live->below = *at->rel;
	if (at->stack.root >= 0 && !at->stack.view) {
		live->on = true;
		r = exchange(root, tarx_located_open(at, at->rel, O_RDONLY | O_DIRECTORY),
			     "the place in the mount", err);
		return r < 0 ? r : TARX_TARGET_MOUNTED;
	}
	rel = *at->rel ? at->rel : ".";
	r = exchange(
		root,
		tx_open_beneath_nofollow(at->stack.layers[0].fd, rel, O_RDONLY | O_DIRECTORY, 0),
		"the place in the layer", err);
	return r < 0 ? r : TARX_TARGET_LAYER;
}

static int open_merged(struct tarx_live *live, int root, struct tx_err *err)
{
	int r = tarx_locate(&live->at, root, ".", err);

	live->on = true;
	if (r < 0)
		return TARX_TARGET_LIVE_COPIED;
	live->marks = live->at.stack.userxattr ? TARX_MARKS_USER : TARX_MARKS_TRUSTED;
	return live->at.stack.has_upper ? TARX_TARGET_LIVE
					: tx_fail(err, EROFS, "the overlay has no upper layer");
}

int tarx_live_open(struct tarx_live *live, int *root, struct tx_err *err)
{
	struct statfs fs;
	int r;

	*live = (struct tarx_live){ 0 };
	if (fstatfs(*root, &fs) < 0)
		return tx_fail(err, errno, "find the file system of the target");
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC)
		r = open_merged(live, *root, err);
	else
		r = open_layer(live, root, err);
	/* What fuse-overlayfs has in its caches nobody else can change. */
	live->escapes = live->on && !live->at.stack.fuse;
	if (r > TARX_TARGET_LAYER && live->at.stack.fuse)
		tx_reject(err, EOPNOTSUPP, "fuse-overlayfs");
	else if (r > TARX_TARGET_LAYER && live->at.found && probe_upper(live, err) == 0)
		return r;
	tarx_located_release(&live->at);
	return r > TARX_TARGET_LAYER ? TARX_TARGET_LIVE_COPIED : r;
}

void tarx_live_enter(struct tarx_live *live, int fd)
{
	uint64_t id;

	live->within = live->at.found && overlay_mount_id(fd, &id) == 0 &&
		       id == live->at.stack.mount_id;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Before Linux 6.6 the kernel does not say. In the upper layer a path is what it is; a file that is
 * empty, has one name and was changed in the very same nanosecond is the one that was just made. */
static bool is_alike(int merged, int real)
{
	struct stat a, b;

	return fstat(merged, &a) == 0 && fstat(real, &b) == 0 && S_ISREG(b.st_mode) &&
	       a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
	       a.st_size == 0 && b.st_size == 0 && b.st_nlink == 1 &&
	       same_time(&a.st_mtim, &b.st_mtim) && same_time(&a.st_ctim, &b.st_ctim);
}

static bool is_real(const struct tarx_live *live, int merged, int real)
{
	switch (overlay_handle_compare(merged, live->at.stack.mount_id, real, true)) {
	case OVERLAY_HANDLE_SAME:
		return true;
	case OVERLAY_HANDLE_UNKNOWN:
		return is_alike(merged, real);
	default:
		return false;
	}
}

int tarx_live_open_real(const struct tarx_live *live, int merged)
{
	TX_FREE char *rel = NULL;
	TX_FD real = -1;

	if (!live->within || overlay_stack_path(&live->at.stack, merged, &rel) < 0)
		return -1;
	real = tx_open_beneath_nofollow(live->at.stack.layers[0].fd, rel,
					O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (real < 0 || !is_real(live, merged, real))
		return -1;
	return tx_fd_steal(&real);
}

void tarx_live_release(struct tarx_live *live)
{
	tarx_located_release(&live->at);
	*live = (struct tarx_live){ 0 };
}
