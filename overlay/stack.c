#include "overlay/stack.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/fuse.h"
#include "overlay/handle.h"
#include "overlay/mountinfo.h"
#include "overlay/stack_parts.h"
#include "overlay/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A default of the kernel module: options that agree with it are not shown in mountinfo. When it
 * cannot be read, it counts as on. */
static bool index_is_default(void)
{
	TX_FD fd = open("/sys/module/overlay/parameters/index", O_RDONLY | O_CLOEXEC);
	char value;

	return fd < 0 || tx_read_at(fd, &value, 1, 0) != 1 || value != 'N';
}

/* The kernel shows trusted.* only to CAP_SYS_ADMIN of the first user namespace, and lets the others
 * believe that there are none. */
bool overlay_sees_trusted(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = { 0 };
	const ino_t first_user_namespace = 0xEFFFFFFD; /* PROC_USER_INIT_INO */
	struct stat st;

	if (stat("/proc/self/ns/user", &st) < 0 || st.st_ino != first_user_namespace)
		return false;
	if (syscall(SYS_capget, &head, caps) < 0)
		return false;
	return caps[0].effective & (1u << CAP_SYS_ADMIN);
}

bool overlay_is_same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A mount whose layers are looked for. */
struct quest {
	struct overlay_stack *s; /* borrowed */
	const struct overlay_mounts *m; /* borrowed; the mounts among which it is */
	const struct overlay_mount *mount; /* borrowed */
	int whole; /* owned: the root of the whole overlay, -1: not in sight */
	int base; /* owned: where relative paths begin, -1: not known */
	const char *path; /* borrowed: of the layer that is looked for, relative */
	int found; /* owned: that */
	struct overlay_storage storage; /* owned; what has the upper as a layer; empty: unknown */
	bool asked; /* whether it is such a layer was found out */
};

static int open_root(struct quest *q, struct tx_err *err)
{
	struct overlay_stack *s = q->s;
	struct stat st;
	uint64_t id;
	int r;

	s->root = overlay_mounts_open(q->m, s->point);
	if (s->root < 0)
		return tx_fail(err, -s->root, "open the overlay's mount point %s", s->point);
	r = overlay_mount_id(s->root, &id);
	if (r < 0 || fstat(s->root, &st) < 0)
		return tx_fail(err, r < 0 ? -r : errno, "stat %s", s->point);
	if (id != s->mount_id)
		return tx_reject(err, ESTALE, "covered by another mount: %s", s->point);
	s->dev = st.st_dev;
	return 0;
}

static bool is_of_same_overlay(const struct overlay_mount *a, const struct overlay_mount *b)
{
	return a->major == b->major && a->minor == b->minor;
}

/* Of S itself, or of another mount of the same overlay. */
static void open_whole(struct quest *q)
{
	if (!*q->s->prefix) {
		q->whole = fcntl(q->s->root, F_DUPFD_CLOEXEC, 0);
		return;
	}
	for (size_t i = 0; i < q->m->count && q->whole < 0; i++) {
		const struct overlay_mount *other = &q->m->list[i];
		TX_FD fd = -1;
		struct stat st;

		if (*other->prefix || !is_of_same_overlay(other, q->mount))
			continue;
		fd = overlay_mounts_open(q->m, other->point);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == q->s->dev)
			q->whole = tx_fd_steal(&fd);
	}
}

/* ------------------------------------------------------------------ proofs */

/* A merged directory shows the attributes of the topmost layer's. */
static bool same_attributes(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* fuse-overlayfs hands on the number of the inode, and its kernel's side keeps the times that it
 * heard first. */
static bool proved_to_fuse(const struct stat *seen, const struct stat *real)
{
	return seen->st_ino == real->st_ino && seen->st_mode == real->st_mode &&
	       seen->st_uid == real->st_uid && seen->st_gid == real->st_gid;
}

/* MERGED is the directory REL of the overlay, its root where REL is ""; so it should be of TOP. */
static bool proved_by_attributes(const struct quest *q, int merged, int top, const char *rel)
{
	TX_FD dir = tx_open_beneath_nofollow(top, *rel ? rel : ".", O_PATH | O_DIRECTORY, 0);
	struct stat seen, real;

	if (dir < 0 || fstat(merged, &seen) < 0 || fstat(dir, &real) < 0)
		return false;
	return q->s->fuse ? proved_to_fuse(&seen, &real) : same_attributes(&seen, &real);
}

/* Whether TOP is the directory that the overlay has as its topmost layer. */
static bool proved(const struct quest *q, int top)
{
	enum overlay_handle said;
	uint64_t id;

	if (q->whole < 0)
		return proved_by_attributes(q, q->s->root, top, q->s->prefix);
	if (overlay_mount_id(q->whole, &id) < 0)
		return false;
	said = overlay_handle_compare(q->whole, id, top, q->s->has_upper);
	if (said != OVERLAY_HANDLE_UNKNOWN)
		return said == OVERLAY_HANDLE_SAME;
	return proved_by_attributes(q, q->whole, top, "");
}

/* ------------------------------------------------------------------ the folder of relative paths */

static int open_directory(int base, const char *path)
{
	int fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Whether the layer is found from BASE, which is then taken over. */
static bool try_base(struct quest *q, int *base)
{
	TX_FD fd = open_directory(*base, q->path);

	if (fd < 0 || !proved(q, fd))
		return false;
	q->found = tx_fd_steal(&fd);
	q->base = tx_fd_steal(base);
	return true;
}

/* Whether LAYER is a layer's directory of container storage, and its files the layer that is looked
 * for. The storage then tells the layers below. */
static bool try_storage(struct quest *q, int layer)
{
	struct overlay_storage storage;
	struct tx_err ignored;
	bool good = overlay_storage_open(&storage, layer, &ignored) > 0 && proved(q, storage.diff);

	if (good) {
		q->found = fcntl(storage.diff, F_DUPFD_CLOEXEC, 0);
		q->storage = storage;
		return q->found >= 0;
	}
	overlay_storage_release(&storage);
	return false;
}

/* Tries the folders above a mount point, the innermost first. */
static bool try_above(struct quest *q, const struct overlay_mounts *m, const char *point)
{
	TX_FREE char *above = strdup(point);

	if (!above)
		return false;
	for (char *slash = strrchr(above, '/'); slash; slash = strrchr(above, '/')) {
		TX_FD base = -1;

		*slash = '\0';
		base = overlay_mounts_open(m, *above ? above : "/");
		if (base >= 0 && (try_base(q, &base) || try_storage(q, base)))
			return true;
	}
	return false;
}

static int look_for_base(struct overlay_mounts *m, void *arg)
{
	struct quest *q = arg;

	for (size_t i = 0; i < m->count; i++)
		if (is_of_same_overlay(&m->list[i], q->mount) && try_above(q, m, m->list[i].point))
			return 1;
	return 0;
}

/* Finds the topmost layer and the folder that relative paths are from, by any mount of the same
 * overlay in any namespace. */
static int find_base(struct quest *q, const char *path)
{
	int r;

	q->path = path;
	r = overlay_mounts_each(look_for_base, q);
	if (r < 0)
		return r;
	return r > 0 ? tx_fd_steal(&q->found) : -EINVAL;
}

/* ------------------------------------------------------------------ layers */

/* An absolute path is one of whoever mounted, or of ours. */
static int open_absolute(const struct quest *q, const char *path)
{
	int fd = open_directory(AT_FDCWD, path);

	if (fd < 0 && !q->m->own)
		fd = overlay_mounts_open(q->m, path);
	return fd;
}

/* Whether the upper is a layer of container storage. */
static void ask_storage(struct quest *q)
{
	TX_FD layer = -1;

	if (q->asked || !q->s->has_upper || q->storage.home >= 0)
		return;
	q->asked = true;
	layer = open_directory(q->s->layers[0].fd, "..");
	if (layer >= 0 && try_storage(q, layer))
		tx_fd_release(&q->found);
}

static int open_told(const struct quest *q, const char *path)
{
	if (*path == '/')
		return open_absolute(q, path);
	return q->base < 0 ? -EINVAL : open_directory(q->base, path);
}

/* Container storage may have mounted a layer under another name, or from /proc/self/fd, which is a
 * path no more; where it has as many layers as the mount, AT is the same in both. */
static int open_lower(struct quest *q, const char *path, size_t at, size_t count)
{
	int fd = open_told(q, path);

	if (fd >= 0)
		return fd;
	ask_storage(q);
	return q->storage.count == count ? overlay_storage_lower(&q->storage, at) : fd;
}

/* Opens PATH as the topmost layer. The descriptor, ESTALE when another directory lies there,
 * -errno. */
static int open_top(struct quest *q, const char *path)
{
	TX_FD fd = -1;
	int r;

	if (*path != '/')
		return find_base(q, path);
	fd = open_directory(AT_FDCWD, path);
	r = fd < 0 ? fd : -ESTALE;
	if (fd >= 0 && proved(q, fd))
		return tx_fd_steal(&fd);
	tx_fd_release(&fd);
	if (q->m->own)
		return r;
	fd = overlay_mounts_open(q->m, path);
	if (fd >= 0 && proved(q, fd))
		return tx_fd_steal(&fd);
	return r;
}

static int try_upper(struct quest *q, const char *path)
{
	struct overlay_layer *layer = &q->s->layers[0];

	layer->fd = open_top(q, path);
	if (layer->fd < 0) {
		int r = layer->fd;

		layer->fd = -1;
		return r;
	}
	layer->path = strdup(path);
	return layer->path ? 0 : -ENOMEM;
}

static int refuse_upper(int code, const char *path, struct tx_err *err)
{
	if (code == -EINVAL)
		return tx_reject(err, EINVAL,
				 "upperdir= is relative, and not to a folder above the mount: %s",
				 path);
	if (code == -ESTALE)
		return tx_reject(err, ESTALE,
				 "not the mount's upper layer (renamed, or covered): %s", path);
	return tx_fail(err, -code, "open the upper layer %s", path);
}

/* SHOWN is with overlayfs' escapes or without, see mountinfo.h; the proof decides. */
static int open_upper(struct quest *q, const char *shown, struct tx_err *err)
{
	TX_FREE char *plain = strdup(shown);
	int r, as_shown;

	if (!plain)
		return tx_fail(err, ENOMEM, "open the upper layer");
	overlay_unescape(plain);
	r = try_upper(q, plain);
	if (r == 0)
		return 0;
	as_shown = strcmp(plain, shown) != 0 ? try_upper(q, shown) : r;
	if (as_shown == 0)
		return 0;
	return refuse_upper(as_shown == -ESTALE ? as_shown : r, plain, err);
}

/* The descriptors of lower layers; paths are taken over from O. The topmost layer of an overlay
 * without an upper is proved. */
static void open_lowers(struct quest *q, struct overlay_options *o)
{
	struct overlay_layer *layer = q->s->layers + q->s->has_upper;

	ask_storage(q);

	for (size_t i = 0; i < o->count; i++, layer++) {
		bool top = i == 0 && !q->s->has_upper;
		int fd = top ? open_top(q, o->lowers[i].path)
			     : open_lower(q, o->lowers[i].path, i, o->count);

		layer->fd = fd < 0 ? -1 : fd;
		layer->path = tx_ptr_steal(&o->lowers[i].path);
		layer->data_only = o->lowers[i].data_only;
	}
}

static int open_layers(struct quest *q, struct overlay_options *o, struct tx_err *err)
{
	struct overlay_stack *s = q->s;
	int r = 0;

	s->has_upper = o->upper;
	s->lowers_known = true;
	s->userxattr = o->userxattr;
	s->marks_hidden = !o->userxattr && !overlay_sees_trusted();
	s->indexed = o->index == OVERLAY_INDEX_DEFAULT ? !s->fuse && index_is_default()
						       : o->index == OVERLAY_INDEX_ON;
	s->layers = calloc(o->count + s->has_upper, sizeof(*s->layers));
	if (!s->layers)
		return tx_fail(err, ENOMEM, "open %zu layers", o->count);
	s->count = o->count + s->has_upper;
	for (size_t i = 0; i < s->count; i++)
		s->layers[i].fd = -1;
	if (s->has_upper)
		r = open_upper(q, o->upper, err);
	if (r == 0)
		open_lowers(q, o);
	return r;
}

static bool lies_on_xfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == XFS_SUPER_MAGIC;
}

void overlay_stack_look_at_devices(struct overlay_stack *s)
{
	struct stat st;

	if (s->layers[0].fd < 0 || fstat(s->layers[0].fd, &st) < 0)
		return;
	s->layer_dev = st.st_dev;
	s->one_device = true;
	for (size_t i = 0; s->one_device && i < s->count; i++)
		s->one_device = s->layers[i].fd >= 0 && fstat(s->layers[i].fd, &st) == 0 &&
				st.st_dev == s->layer_dev;
	s->one_xfs = s->one_device && lies_on_xfs(s->layers[0].fd);
}

/* ------------------------------------------------------------------ a mount */

static int fill(struct quest *q, struct tx_err *err)
{
	struct overlay_options o;
	int r;

	r = q->mount->fuse ? overlay_fuse_options(&o, q->mount)
			   : overlay_options_parse(&o, q->mount->options);
	if (r < 0)
		r = tx_fail(err, -r, "options of the overlay at %s", q->s->point);
	if (r == 0)
		r = open_root(q, err);
	if (r == 0) {
		open_whole(q);
		r = open_layers(q, &o, err);
	}
	if (r == 0)
		overlay_stack_look_at_devices(q->s);
	overlay_options_release(&o);
	return r;
}

int overlay_stack_of_mount(struct overlay_stack *s, const struct overlay_mounts *m,
			   const struct overlay_mount *mount, struct tx_err *err)
{
	struct quest q = {
		.s = s,
		.m = m,
		.mount = mount,
		.whole = -1,
		.base = -1,
		.found = -1,
		.storage = { .home = -1, .diff = -1 },
	};
	int r;

	s->mount_id = mount->id;
	s->fuse = mount->fuse;
	s->prefix = strdup(mount->prefix);
	s->point = strdup(mount->point);
	r = s->prefix && s->point ? fill(&q, err) : tx_fail(err, ENOMEM, "find the layers");
	tx_fd_release(&q.whole);
	tx_fd_release(&q.base);
	tx_fd_release(&q.found);
	overlay_storage_release(&q.storage);
	return r;
}

/* The mounts among which the mount with a number is. */
struct wanted {
	uint64_t id;
	struct overlay_mounts m; /* owned */
};

static int look_for_id(struct overlay_mounts *m, void *arg)
{
	struct wanted *wanted = arg;

	if (!overlay_mounts_find(m, wanted->id))
		return 0;
	wanted->m = overlay_mounts_steal(m);
	return 1;
}

/* 1, 0 (another file system) or -errno. */
static int open_found(struct overlay_stack *s, uint64_t id, bool fuse, struct tx_err *err)
{
	struct wanted wanted = { .id = id, .m = { .root = -1 } };
	int r = overlay_mounts_each(look_for_id, &wanted);

	if (r < 0)
		r = tx_fail(err, -r, "read /proc/self/mountinfo");
	else if (r == 0 && !fuse)
		r = tx_reject(err, ENOENT, "the overlay's mount is in no mountinfo");
	if (r > 0)
		r = overlay_stack_of_mount(s, &wanted.m, overlay_mounts_find(&wanted.m, id), err) <
				    0
			    ? -err->code
			    : 1;
	overlay_mounts_release(&wanted.m);
	return r;
}

int overlay_stack_open(struct overlay_stack *s, int fd, struct tx_err *err)
{
	struct statfs fs;
	uint64_t id;
	int r;

	*s = (struct overlay_stack){ .root = -1 };
	if (fstatfs(fd, &fs) < 0)
		return tx_fail(err, errno, "find the file system");
	if (fs.f_type != OVERLAYFS_SUPER_MAGIC && fs.f_type != FUSE_SUPER_MAGIC)
		return 0;
	r = overlay_mount_id(fd, &id);
	if (r < 0)
		return tx_fail(err, -r, "find the overlay's mount");
	r = open_found(s, id, fs.f_type == FUSE_SUPER_MAGIC, err);
	if (r < 0)
		overlay_stack_release(s);
	return r;
}

/* What follows the mount point in PATH; NULL when PATH is not beneath it. */
static const char *beneath(const char *path, const char *point)
{
	size_t len = strcmp(point, "/") != 0 ? strlen(point) : 0;

	if (strncmp(path, point, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	path += len;
	return *path == '/' ? path + 1 : path;
}

/* Whether REST, from the root of the mount, is FD: names may be stale (" (deleted)"). */
static int check_directory(const struct overlay_stack *s, int fd, const char *rest)
{
	TX_FD again = tx_open_beneath_nofollow(s->root, *rest ? rest : ".", O_PATH | O_DIRECTORY,
					       0);
	struct stat a, b;
	uint64_t id;
	int r;

	if (again < 0)
		return again;
	r = overlay_mount_id(again, &id);
	if (r < 0)
		return r;
	if (fstat(fd, &a) < 0 || fstat(again, &b) < 0)
		return -errno;
	return id == s->mount_id && overlay_is_same_inode(&a, &b) ? 0 : -ENOENT;
}

static int read_path(int fd, char path[PATH_MAX])
{
	char link[TX_PROC_ROOM];
	ssize_t n;

	tx_proc_path(link, fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	return n == PATH_MAX - 1 ? -ENAMETOOLONG : 0;
}

static int join(char **rel, const char *prefix, const char *rest)
{
	if (asprintf(rel, "%s%s%s", prefix, *prefix && *rest ? "/" : "", rest) >= 0)
		return 0;
	*rel = NULL;
	return -ENOMEM;
}

int overlay_stack_relative(const struct overlay_stack *s, int fd, char **rel, struct tx_err *err)
{
	char path[PATH_MAX];
	const char *rest;
	uint64_t id;
	int r;

	*rel = NULL;
	r = overlay_mount_id(fd, &id);
	if (r == 0 && id != s->mount_id)
		return tx_reject(err, EXDEV, "not on the overlay mounted at %s", s->point);
	if (r == 0)
		r = read_path(fd, path);
	if (r < 0)
		return tx_fail(err, -r, "find the path within the overlay at %s", s->point);
	rest = beneath(path, s->point);
	r = rest ? check_directory(s, fd, rest) : -ENOENT;
	if (r == 0)
		r = join(rel, s->prefix, rest);
	return r < 0 ? tx_fail(err, -r, "find within the overlay: %s", path) : 0;
}

int overlay_stack_path(const struct overlay_stack *s, int fd, char **rel)
{
	char path[PATH_MAX];
	const char *rest;
	int r = read_path(fd, path);

	*rel = NULL;
	if (r < 0)
		return r;
	rest = beneath(path, s->point);
	return rest ? join(rel, s->prefix, rest) : -ENOENT;
}

void overlay_stack_release(struct overlay_stack *s)
{
	for (size_t i = 0; i < s->count; i++) {
		tx_fd_release(&s->layers[i].fd);
		free(s->layers[i].path);
	}
	free(s->layers);
	free(s->prefix);
	free(s->point);
	tx_fd_release(&s->root);
	*s = (struct overlay_stack){ .root = -1 };
}
