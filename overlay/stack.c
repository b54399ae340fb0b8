#include "overlay/stack.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/handle.h"
#include "overlay/mountinfo.h"

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

/* What mountinfo says of one mount. */
struct found {
	char *options; /* owned */
	char *prefix; /* owned; directory of the overlay that is mounted, "" for its root */
	char *point; /* owned */
	char *whole; /* owned; where the overlay's root is mounted, NULL if nowhere in sight */
	unsigned int major, minor;
};

static void found_release(struct found *f)
{
	free(f->options);
	free(f->prefix);
	free(f->point);
	free(f->whole);
}

static int mount_id_of(int fd, uint64_t *id)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (!(sx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	*id = sx.stx_mnt_id;
	return 0;
}

static const char *without_slash(const char *path)
{
	return *path == '/' ? path + 1 : path;
}

static int keep(struct found *f, const struct overlay_mount_line *m)
{
	f->options = strdup(m->options);
	f->prefix = strdup(without_slash(m->root));
	f->point = strdup(m->point);
	f->major = m->major;
	f->minor = m->minor;
	return f->options && f->prefix && f->point ? 1 : -ENOMEM;
}

/* Returns 1 when the mount ID is among the lines, 0 when not. */
static int find_mount(FILE *lines, uint64_t id, struct found *f)
{
	TX_FREE char *line = NULL;
	struct overlay_mount_line m;
	size_t room = 0;
	int r = 0;

	errno = 0;
	while (r == 0 && getline(&line, &room, lines) >= 0)
		if (overlay_mount_line_parse(&m, line) && m.id == id && !strcmp(m.type, "overlay"))
			r = keep(f, &m);
	return r == 0 && ferror(lines) ? -errno : r;
}

/* Another mount of the same overlay, of its root. Not finding one is no failure. */
static int find_whole(FILE *lines, struct found *f)
{
	TX_FREE char *line = NULL;
	struct overlay_mount_line m;
	size_t room = 0;

	while (getline(&line, &room, lines) >= 0) {
		if (!overlay_mount_line_parse(&m, line) || m.major != f->major ||
		    m.minor != f->minor || strcmp(m.root, "/") != 0)
			continue;
		f->whole = strdup(m.point);
		return f->whole ? 1 : -ENOMEM;
	}
	return 0;
}

static int read_mountinfo(struct found *f, uint64_t id, struct tx_err *err)
{
	FILE *lines = fopen("/proc/self/mountinfo", "re");
	int r;

	if (!lines)
		return tx_fail(err, errno, "open /proc/self/mountinfo");
	r = find_mount(lines, id, f);
	if (r == 1 && *f->prefix) {
		rewind(lines);
		r = find_whole(lines, f) < 0 ? -ENOMEM : 1;
	}
	fclose(lines);
	if (r < 0)
		return tx_fail(err, -r, "read /proc/self/mountinfo");
	if (r == 0)
		return tx_reject(err, ENOENT, "the overlay's mount is not in /proc/self/mountinfo");
	return 0;
}

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
static bool sees_trusted(void)
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

static int open_root(struct overlay_stack *s, struct tx_err *err)
{
	uint64_t id;
	struct stat st;
	int r;

	s->root = open(s->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return tx_fail(err, errno, "open the overlay's mount point %s", s->point);
	r = mount_id_of(s->root, &id);
	if (r < 0 || fstat(s->root, &st) < 0)
		return tx_fail(err, r < 0 ? -r : errno, "stat %s", s->point);
	if (id != s->mount_id)
		return tx_reject(err, ESTALE, "covered by another mount: %s", s->point);
	s->dev = st.st_dev;
	return 0;
}

static int open_layer(const char *path)
{
	int fd;

	/* A relative path was meant from where the mounter stood. */
	if (*path != '/')
		return -EINVAL;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A merged directory shows the attributes of the topmost layer's. */
static bool same_attributes(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* MERGED is the directory REL of the overlay, its root where REL is ""; so it should be of TOP. */
static bool proved_by_attributes(int merged, int top, const char *rel)
{
	TX_FD dir = tx_open_beneath_nofollow(top, *rel ? rel : ".", O_PATH | O_DIRECTORY, 0);
	struct stat seen, real;

	return dir >= 0 && fstat(merged, &seen) == 0 && fstat(dir, &real) == 0 &&
	       same_attributes(&seen, &real);
}

/* The root of the whole overlay, of S or of the mount that S is a part of. -1: not in sight. */
static int open_whole(const struct overlay_stack *s, const struct found *f)
{
	TX_FD fd = -1;
	struct stat st;

	if (!*s->prefix)
		return fcntl(s->root, F_DUPFD_CLOEXEC, 0);
	if (!f->whole)
		return -1;
	fd = open(f->whole, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != s->dev)
		return -1;
	return tx_fd_steal(&fd);
}

/* Whether TOP is the directory that the overlay has as its topmost layer. */
static bool proved(const struct overlay_stack *s, const struct found *f, int top)
{
	TX_FD whole = open_whole(s, f);
	enum overlay_handle said;
	uint64_t id;

	if (whole < 0)
		return proved_by_attributes(s->root, top, s->prefix);
	if (mount_id_of(whole, &id) < 0)
		return false;
	said = overlay_handle_compare(whole, "", id, top, s->has_upper);
	if (said != OVERLAY_HANDLE_UNKNOWN)
		return said == OVERLAY_HANDLE_SAME;
	return proved_by_attributes(whole, top, "");
}

/* Opens PATH as the upper layer. 0, ESTALE when another directory lies there, -errno. */
static int try_upper(struct overlay_stack *s, const struct found *f, const char *path)
{
	TX_FD fd = open_layer(path);

	if (fd < 0)
		return fd;
	if (!proved(s, f, fd))
		return -ESTALE;
	s->layers[0].path = strdup(path);
	if (!s->layers[0].path)
		return -ENOMEM;
	s->layers[0].fd = tx_fd_steal(&fd);
	return 0;
}

static int refuse_upper(int code, const char *path, struct tx_err *err)
{
	if (code == -EINVAL)
		return tx_reject(err, EINVAL, "upperdir= is relative: %s", path);
	if (code == -ESTALE)
		return tx_reject(err, ESTALE,
				 "not the mount's upper layer (renamed, or covered): %s", path);
	return tx_fail(err, -code, "open the upper layer %s", path);
}

/* SHOWN is with overlayfs' escapes or without, see mountinfo.h; the proof decides. */
static int open_upper(struct overlay_stack *s, const struct found *f, const char *shown,
		      struct tx_err *err)
{
	TX_FREE char *plain = strdup(shown);
	int r, as_shown;

	if (!plain)
		return tx_fail(err, ENOMEM, "open the upper layer");
	overlay_unescape(plain);
	r = try_upper(s, f, plain);
	if (r == 0)
		return 0;
	as_shown = strcmp(plain, shown) != 0 ? try_upper(s, f, shown) : r;
	if (as_shown == 0)
		return 0;
	return refuse_upper(as_shown == -ESTALE ? as_shown : r, plain, err);
}

/* The descriptors of lower layers; paths are taken over from O. */
static void open_lowers(struct overlay_stack *s, struct overlay_options *o)
{
	struct overlay_layer *layer = s->layers + s->has_upper;

	for (size_t i = 0; i < o->count; i++, layer++) {
		int fd = open_layer(o->lowers[i].path);

		layer->fd = fd < 0 ? -1 : fd;
		layer->path = tx_ptr_steal(&o->lowers[i].path);
		layer->data_only = o->lowers[i].data_only;
	}
}

static int open_layers(struct overlay_stack *s, const struct found *f, struct overlay_options *o,
		       struct tx_err *err)
{
	s->has_upper = o->upper;
	s->userxattr = o->userxattr;
	s->marks_hidden = !o->userxattr && !sees_trusted();
	s->indexed = o->index == OVERLAY_INDEX_DEFAULT ? index_is_default()
						       : o->index == OVERLAY_INDEX_ON;
	s->layers = calloc(o->count + s->has_upper, sizeof(*s->layers));
	if (!s->layers)
		return tx_fail(err, ENOMEM, "open %zu layers", o->count);
	s->count = o->count + s->has_upper;
	s->layers[0].fd = -1;
	open_lowers(s, o);
	if (s->has_upper)
		return open_upper(s, f, o->upper, err);
	if (s->layers[0].fd >= 0 && !proved(s, f, s->layers[0].fd))
		tx_fd_release(&s->layers[0].fd);
	return 0;
}

static bool lies_on(int fd, dev_t dev)
{
	struct statfs fs;
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == dev && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == XFS_SUPER_MAGIC;
}

static void look_at_devices(struct overlay_stack *s)
{
	struct stat st;

	if (s->layers[0].fd < 0 || fstat(s->layers[0].fd, &st) < 0)
		return;
	s->layer_dev = st.st_dev;
	s->one_xfs = true;
	for (size_t i = 0; i < s->count; i++)
		s->one_xfs = s->one_xfs && lies_on(s->layers[i].fd, st.st_dev);
}

static int fill(struct overlay_stack *s, struct found *f, struct tx_err *err)
{
	struct overlay_options o;
	int r;

	s->prefix = tx_ptr_steal(&f->prefix);
	s->point = tx_ptr_steal(&f->point);
	r = overlay_options_parse(&o, f->options);
	if (r < 0)
		r = tx_fail(err, -r, "options of the overlay at %s", s->point);
	if (r == 0)
		r = open_root(s, err);
	if (r == 0)
		r = open_layers(s, f, &o, err);
	if (r == 0)
		look_at_devices(s);
	overlay_options_release(&o);
	return r;
}

int overlay_stack_open(struct overlay_stack *s, int fd, struct tx_err *err)
{
	struct found f = { 0 };
	struct statfs fs;
	int r;

	*s = (struct overlay_stack){ .root = -1 };
	if (fstatfs(fd, &fs) < 0)
		return tx_fail(err, errno, "find the file system");
	if (fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return 0;
	r = mount_id_of(fd, &s->mount_id);
	if (r < 0)
		return tx_fail(err, -r, "find the overlay's mount");
	r = read_mountinfo(&f, s->mount_id, err);
	if (r == 0)
		r = fill(s, &f, err);
	found_release(&f);
	if (r < 0)
		overlay_stack_release(s);
	return r < 0 ? r : 1;
}

/* What follows the mount point in PATH; NULL when PATH is not beneath it. */
static const char *beneath(const char *path, const char *point)
{
	size_t len = strcmp(point, "/") != 0 ? strlen(point) : 0;

	if (strncmp(path, point, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return without_slash(path + len);
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
	r = mount_id_of(again, &id);
	if (r < 0)
		return r;
	if (fstat(fd, &a) < 0 || fstat(again, &b) < 0)
		return -errno;
	return id == s->mount_id && a.st_dev == b.st_dev && a.st_ino == b.st_ino ? 0 : -ENOENT;
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
	r = mount_id_of(fd, &id);
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
