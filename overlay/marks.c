#include "overlay/marks.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>

/* The two names of a mark, picked by userxattr. */
struct mark {
	const char *name[2];
};

#define MARK(x)                                                                                    \
	{                                                                                          \
		{                                                                                  \
			"trusted.overlay." x, "user.overlay." x                                    \
		}                                                                                  \
	}

static const struct mark opaque_mark = MARK("opaque");
static const struct mark redirect_mark = MARK("redirect");
static const struct mark metacopy_mark = MARK("metacopy");
static const struct mark whiteout_mark = MARK("whiteout");
static const struct mark nlink_mark = MARK("nlink");

static const struct {
	const char *name;
	enum overlay_xattr kind;
} kinds[] = {
	{ "opaque", OVERLAY_XATTR_OPAQUE },
	{ "redirect", OVERLAY_XATTR_REDIRECT },
	{ "metacopy", OVERLAY_XATTR_METACOPY },
	{ "whiteout", OVERLAY_XATTR_WHITEOUT },
};

static const char *after_prefix(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) ? NULL : name + len;
}

static const char fuse_prefix[] = "user.fuseoverlayfs.";

bool overlay_xattr_is_fuse(const char *name)
{
	return after_prefix(name, fuse_prefix);
}

enum overlay_fuse_name overlay_fuse_name(const char *name)
{
	const char *removed = after_prefix(name, OVERLAY_FUSE_PREFIX);

	if (!removed)
		return OVERLAY_FUSE_FILE;
	/* A whiteout of the opaque mark comes with it. */
	if (!strcmp(removed, ".wh..opq") || !strcmp(removed, ".opq"))
		return OVERLAY_FUSE_OPAQUE;
	return *removed ? OVERLAY_FUSE_REMOVED : OVERLAY_FUSE_FILE;
}

enum overlay_xattr overlay_xattr_kind(const char *name)
{
	const char *own = after_prefix(name, "trusted.overlay.");

	if (!own)
		own = after_prefix(name, "user.overlay.");
	if (!own)
		own = after_prefix(name, fuse_prefix);
	if (!own)
		return OVERLAY_XATTR_NONE;
	if (after_prefix(own, "overlay."))
		return OVERLAY_XATTR_ESCAPED;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(own, kinds[i].name))
			return kinds[i].kind;
	return OVERLAY_XATTR_BOUND;
}

static bool means_absent(int errnum)
{
	return errnum == ENODATA || errnum == EOPNOTSUPP;
}

/* Where an inode is and whose marks to read. */
struct place {
	int fd; /* borrowed */
	bool userxattr;
};

/* 1: the mark is there, whatever its value; 0: not; -errno. */
static int has_mark(const struct place *at, const struct mark *mark, struct tx_err *err)
{
	const char *name = mark->name[at->userxattr];

	if (fgetxattr(at->fd, name, NULL, 0) >= 0)
		return 1;
	return means_absent(errno) ? 0 : tx_fail(err, errno, "read xattr %s", name);
}

static int read_opaque(struct overlay_marks *m, const struct place *at, struct tx_err *err)
{
	const char *name = opaque_mark.name[at->userxattr];
	char value;
	ssize_t n = fgetxattr(at->fd, name, &value, 1);

	/* ERANGE: longer than one byte, which overlayfs takes for nothing. */
	if (n < 0 && !means_absent(errno) && errno != ERANGE)
		return tx_fail(err, errno, "read xattr %s", name);
	m->opaque = n == 1 && value == 'y';
	m->xattr_whiteouts = n == 1 && value == 'x';
	return 0;
}

static int read_directory(struct overlay_marks *m, const struct place *at, struct tx_err *err)
{
	int r = read_opaque(m, at, err);

	if (r == 0)
		r = has_mark(at, &redirect_mark, err);
	m->redirect = r > 0;
	return r < 0 ? r : 0;
}

/* A file that was copied up without its bytes may have been renamed after that. */
static int read_file(struct overlay_marks *m, const struct place *at, struct tx_err *err)
{
	int r = has_mark(at, &metacopy_mark, err);

	m->metacopy = r > 0;
	if (r > 0)
		r = has_mark(at, &redirect_mark, err);
	m->redirect = r > 0;
	return r < 0 ? r : 0;
}

static int read_empty_file(struct overlay_marks *m, const struct place *at, struct tx_err *err)
{
	int r = has_mark(at, &whiteout_mark, err);

	m->whiteout = r > 0;
	return r < 0 ? r : 0;
}

int overlay_marks_read(struct overlay_marks *m, int fd, const struct stat *st, bool userxattr,
		       bool parent_xattr_whiteouts, struct tx_err *err)
{
	const struct place at = { .fd = fd, .userxattr = userxattr };

	*m = (struct overlay_marks){ 0 };
	if (S_ISCHR(st->st_mode))
		m->whiteout = st->st_rdev == makedev(0, 0);
	if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
		return 0;
	if (S_ISDIR(st->st_mode))
		return read_directory(m, &at, err);
	if (st->st_size > 0)
		return read_file(m, &at, err);
	return parent_xattr_whiteouts ? read_empty_file(m, &at, err) : 0;
}

int overlay_marks_indexed(int fd, bool userxattr)
{
	char path[TX_PROC_ROOM];

	/* What cannot be opened for reading is asked by its name in /proc. */
	tx_proc_path(path, fd);
	if (getxattr(path, nlink_mark.name[userxattr], NULL, 0) >= 0)
		return 1;
	return means_absent(errno) ? 0 : -errno;
}

int overlay_marks_metacopy(int fd, bool userxattr)
{
	if (fgetxattr(fd, metacopy_mark.name[userxattr], NULL, 0) >= 0)
		return 1;
	return means_absent(errno) ? 0 : -errno;
}

/* 1, 0 or -errno. */
static int says_yes(int fd, const char *name)
{
	char value;
	ssize_t n = fgetxattr(fd, name, &value, 1);

	if (n < 0)
		return means_absent(errno) || errno == ERANGE ? 0 : -errno;
	return n == 1 && value == 'y';
}

static int is_opaque_to_fuse(int fd)
{
	int r = says_yes(fd, "user.fuseoverlayfs.opaque");

	if (r == 0)
		r = says_yes(fd, opaque_mark.name[true]);
	if (r == 0)
		r = faccessat(fd, ".wh..wh..opq", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return r;
}

int overlay_marks_opaque(int fd, bool userxattr, bool fuse, bool *opaque)
{
	int r = says_yes(fd, opaque_mark.name[userxattr]);

	if (r == 0 && fuse)
		r = is_opaque_to_fuse(fd);
	*opaque = r > 0;
	return r < 0 ? r : 0;
}

#define REDIRECT_MAX 65536 /* no xattr is longer */

static bool is_name(const char *name, size_t len)
{
	return len > 0 && len <= NAME_MAX && !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

static bool is_redirect(const char *path, size_t len)
{
	const char *name = *path == '/' ? path + 1 : path;

	if (strlen(path) != len || (*path != '/' && strchr(path, '/')))
		return false;
	for (;;) {
		const char *end = strchrnul(name, '/');

		if (!is_name(name, (size_t)(end - name)))
			return false;
		if (!*end)
			return true;
		name = end + 1;
	}
}

int overlay_marks_redirect(int fd, bool userxattr, char **path)
{
	const char *name = redirect_mark.name[userxattr];
	ssize_t n = fgetxattr(fd, name, NULL, 0);
	TX_FREE char *value = NULL;

	*path = NULL;
	if (n < 0)
		return means_absent(errno) ? 0 : -errno;
	if (n > REDIRECT_MAX)
		return -EINVAL;
	value = malloc((size_t)n + 1);
	if (!value)
		return -ENOMEM;
	n = fgetxattr(fd, name, value, (size_t)n);
	if (n < 0)
		return -errno;
	value[n] = '\0';
	if (!is_redirect(value, (size_t)n))
		return -EINVAL;
	*path = tx_ptr_steal(&value);
	return 1;
}

bool overlay_marks_any(int fd, bool *userxattr)
{
	static const struct mark marks[] = { MARK("uuid"), MARK("impure"), MARK("origin"),
					     MARK("opaque"), MARK("redirect") };
	char path[TX_PROC_ROOM];

	tx_proc_path(path, fd);
	for (int user = 0; user < 2; user++) {
		for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
			if (getxattr(path, marks[i].name[user], NULL, 0) < 0)
				continue;
			*userxattr = user;
			return true;
		}
	}
	return false;
}
