#include "overlay/stack.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/stack_parts.h"

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
