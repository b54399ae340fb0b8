#include "tarx/compare.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "align/twin.h"
#include "overlay/marks.h"
#include "tarx/fflags.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A member beside its inode. */
struct pair {
	struct tarx_comparison *c;
	const struct tarx_item *item;
	int fd; /* owned: O_PATH */
	struct stat st;
};

static void differ(const struct pair *pair, const char *what)
{
	tarx_report_difference(pair->c->report, pair->item->path, "%s", what);
}

/* ------------------------------------------------------------------ finding it */

/* Nothing is changed here, so links may lead anywhere; a path of any length is found beneath the root. */
static int find(const struct tarx_comparison *c, const char *path)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = -EXDEV;

	if (*path != '/')
		fd = tx_open_beneath(c->root, *path ? path : ".", flags, 0);
	if (fd == -EXDEV)
		fd = openat(c->root, path, flags);
	return fd == -1 ? -errno : fd;
}

static int look(struct tarx_comparison *c, const char *name, const char *path, struct stat *st,
		const char *verb)
{
	TX_FD fd = find(c, path);
	int error = fd < 0 ? -fd : fstat(fd, st) < 0 ? errno : 0;

	if (error == 0)
		return tx_fd_steal(&fd);
	tarx_warning(c->report, "%s: %sCannot %s: %s", name, error == ENOENT ? "Warning: " : "",
		     verb, strerror(error));
	return -error;
}

/* ------------------------------------------------------------------ attributes */

static void compare_mode(const struct pair *pair)
{
	if ((pair->item->mode ^ pair->st.st_mode) & 07777)
		differ(pair, "Mode differs");
}

static void compare_owner(const struct pair *pair)
{
	const struct tarx_item *item = pair->item;
	uid_t uid = item->uid;
	gid_t gid = item->gid;

	if (!pair->c->wants.numeric) {
		uid = tarx_owners_id(pair->c->owners, TARX_USER, item->uname, uid);
		gid = tarx_owners_id(pair->c->owners, TARX_GROUP, item->gname, gid);
	}
	if (item->no_owner || uid != pair->st.st_uid)
		differ(pair, "Uid differs");
	if (item->no_owner || gid != pair->st.st_gid)
		differ(pair, "Gid differs");
}

static void compare_time(const struct pair *pair)
{
	const struct timespec *a = &pair->item->mtime, *b = &pair->st.st_mtim;

	if (a->tv_sec != b->tv_sec ||
	    (tarx_reader_keeps_fractions(pair->c->reader) && a->tv_nsec != b->tv_nsec))
		differ(pair, "Mod time differs");
}

/* What belongs to one mount, or is an ACL in another guise, is not restored either. */
static bool is_compared(const char *name)
{
	enum overlay_xattr kind = overlay_xattr_kind(name);

	return !tarx_meta_is_acl(name) && strncmp(name, "btrfs.", 6) != 0 &&
	       (kind == OVERLAY_XATTR_NONE || kind == OVERLAY_XATTR_OPAQUE);
}

static bool has_xattr(const struct tarx_item *item, const struct tarx_xattr *wanted)
{
	for (size_t i = 0; i < item->xattr_count; i++) {
		const struct tarx_xattr *x = &item->xattrs[i];

		if (!strcmp(x->name, wanted->name))
			return x->len == wanted->len && !memcmp(x->value, wanted->value, x->len);
	}
	return false;
}

static void compare_acl(const struct pair *pair, const char *what, const char *a, const char *b)
{
	const struct tarx_comparison *c = pair->c;

	if (c->wants.acls && a && !(b && tarx_meta_same_acl(a, b, &c->wants, c->owners)))
		differ(pair, what);
}

/* "user::rw-,group::r--,other::r--": a file without an ACL has this one, and GNU tar stores it. */
static void acl_of_mode(char text[40], mode_t mode)
{
	static const char *const perms[] = {
		"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"
	};

	snprintf(text, 40, "user::%s,group::%s,other::%s", perms[mode >> 6 & 7],
		 perms[mode >> 3 & 7], perms[mode & 7]);
}

/* Only what the archive has is compared. */
static void compare_attributes(const struct pair *pair)
{
	struct tarx_comparison *c = pair->c;
	const struct tarx_item *item = pair->item;
	struct tarx_item disk = { .mode = pair->st.st_mode };
	char plain[40];
	struct tx_err err;

	if (item->xattr_count == 0 && !item->acl_access && !item->acl_default)
		return;
	tx_arena_reset(&c->arena);
	if (tarx_meta_load(&disk, pair->fd, true, &c->wants, c->owners, &c->arena, &err) < 0)
		tarx_warning(c->report, "%s: %s", item->path, err.text);
	for (size_t i = 0; i < item->xattr_count; i++)
		if (is_compared(item->xattrs[i].name) &&
		    tarx_meta_wants_xattr(&c->wants, item->xattrs[i].name) &&
		    !has_xattr(&disk, &item->xattrs[i]))
			tarx_report_difference(c->report, item->path,
					       "Extended attribute %s differs",
					       item->xattrs[i].name);
	acl_of_mode(plain, pair->st.st_mode);
	compare_acl(pair, "ACL differs", item->acl_access,
		    disk.acl_access ? disk.acl_access : plain);
	compare_acl(pair, "Default ACL differs", item->acl_default, disk.acl_default);
}

static int open_for_reading(const struct pair *pair)
{
	char path[TX_PROC_ROOM];

	tx_proc_path(path, pair->fd);
	return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* A word that this system does not know is no flag of the file's. */
static bool has_flags(const char *words, const char *disk)
{
	const char *unknown;
	size_t len;
	uint32_t flags = tarx_fflags_parse(words, &unknown, &len);

	return !unknown && flags == (disk ? tarx_fflags_parse(disk, NULL, NULL) : 0);
}

/* Again only what the archive has. */
static void compare_flags(const struct pair *pair)
{
	struct tarx_comparison *c = pair->c;
	const struct tarx_item *item = pair->item;
	struct tarx_item disk = { 0 };
	struct tx_err err;
	TX_FD fd = -1;

	if (!c->wants.fflags || !(item->fflags || item->has_projid) ||
	    !(S_ISREG(item->mode) || S_ISDIR(item->mode)))
		return;
	fd = open_for_reading(pair);
	if (fd < 0) {
		tarx_warning(c->report, "%s: Cannot open: %s", item->path, strerror(errno));
		return;
	}
	tx_arena_reset(&c->arena);
	if (tarx_meta_load_flags(&disk, fd, pair->st.st_dev, &c->asker, &c->arena, &err) < 0) {
		tarx_warning(c->report, "%s: %s", item->path, err.text);
		return;
	}
	if (item->fflags && !has_flags(item->fflags, disk.fflags))
		differ(pair, "Flags differ");
	if (item->has_projid && item->projid != disk.projid)
		differ(pair, "Project differs");
}

/* ------------------------------------------------------------------ contents */

static int compare_stream(struct pair *pair, int fd, bool *same, struct tx_err *err)
{
	struct align_tally *tally = &pair->c->report->tally;
	const struct tarx_item *item = pair->item;
	const void *bytes;
	off_t off, end = 0;
	size_t len;
	int r = 0;

	*same = true;
	while (*same && item->size > 0) {
		r = tarx_reader_block(pair->c->reader, &bytes, &len, &off, err);
		if (r <= 0)
			break;
		if (off < end || (off_t)len > item->size - off)
			return tx_reject(
				err, EBADMSG,
				"the archive is damaged: a piece of the file lies outside it");
		r = align_twin_compare_hole(fd, end, off, tally, same, err);
		if (r == 0 && *same)
			r = align_twin_compare_bytes(bytes, len, fd, off, tally, same, err);
		if (r < 0)
			return r;
		end = off + (off_t)len;
	}
	if (r < 0 || !*same)
		return r;
	return align_twin_compare_hole(fd, end, item->size, tally, same, err);
}

/* Segments that lie in the archive's file, and the holes between them. */
static int compare_segments(struct pair *pair, int fd, bool *same, struct tx_err *err)
{
	struct align_tally *tally = &pair->c->report->tally;
	const struct tarx_item *item = pair->item;
	off_t end = 0;
	int r = 0;

	*same = true;
	for (size_t i = 0; r == 0 && *same && i < item->segment_count; i++) {
		const struct tarx_segment *segment = &item->segments[i];
		struct align_span span = item->data;

		span.off = segment->at;
		span.len = segment->len;
		r = align_twin_compare_hole(fd, end, segment->off, tally, same, err);
		if (r == 0 && *same)
			r = align_twin_compare(&span, fd, segment->off, tally, same, err);
		end = segment->off + segment->len;
	}
	if (r < 0 || !*same)
		return r;
	return align_twin_compare_hole(fd, end, item->size, tally, same, err);
}

static int compare_bytes(struct pair *pair, int fd, bool *same, struct tx_err *err)
{
	const struct tarx_item *item = pair->item;

	if (item->data.fd < 0)
		return compare_stream(pair, fd, same, err);
	if (item->data.len > item->data.end - item->data.off)
		return tx_reject(err, EBADMSG, "the archive is truncated");
	if (item->segments)
		return compare_segments(pair, fd, same, err);
	return align_twin_compare(&item->data, fd, 0, &pair->c->report->tally, same, err);
}

static void compare_contents(struct pair *pair)
{
	TX_FD fd = open_for_reading(pair);
	struct tx_err err;
	bool same;

	if (pair->item->broken)
		tarx_error(pair->c->report, "%s: %s", pair->item->path, pair->item->broken);
	else if (fd < 0)
		tarx_warning(pair->c->report, "%s: Cannot open: %s", pair->item->path,
			     strerror(errno));
	else if (compare_bytes(pair, fd, &same, &err) < 0)
		tarx_error(pair->c->report, "%s: %s", pair->item->path, err.text);
	else if (!same)
		differ(pair, "Contents differ");
}

/* ------------------------------------------------------------------ kinds */

static void compare_file(struct pair *pair)
{
	compare_mode(pair);
	compare_owner(pair);
	compare_time(pair);
	if (pair->st.st_size != pair->item->size)
		differ(pair, "Size differs");
	else
		compare_contents(pair);
}

static void compare_hardlink(struct pair *pair)
{
	const struct tarx_item *item = pair->item;
	TX_FREE char *path = pair->c->report->opts->absolute_names ? tarx_path_named(item->link)
								   : tarx_path_restored(item->link);
	struct stat st;
	TX_FD fd = path ? look(pair->c, item->link, path, &st, "stat") : -1;

	if (fd >= 0 && st.st_dev == pair->st.st_dev && st.st_ino == pair->st.st_ino)
		return;
	if (fd >= 0 || !path)
		tarx_report_difference(pair->c->report, item->path, "Not linked to %s", item->link);
}

static void compare_symlink(const struct pair *pair)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(pair->fd, "", target, sizeof(target));

	if (n < 0)
		tarx_warning(pair->c->report, "%s: Cannot readlink: %s", pair->item->path,
			     strerror(errno));
	else if ((size_t)n != strlen(pair->item->link) ||
		 memcmp(target, pair->item->link, (size_t)n) != 0)
		differ(pair, "Symlink differs");
	compare_owner(pair);
}

static void compare_device(const struct pair *pair)
{
	if (!S_ISFIFO(pair->item->mode) && pair->item->rdev != pair->st.st_rdev) {
		differ(pair, "Device number differs");
		return;
	}
	compare_mode(pair);
	compare_owner(pair);
}

static void compare_pair(struct pair *pair)
{
	if (pair->item->hardlink) {
		compare_hardlink(pair);
		return;
	}
	if ((pair->st.st_mode ^ pair->item->mode) & S_IFMT) {
		differ(pair, "File type differs");
		return;
	}
	switch (pair->item->mode & S_IFMT) {
	case S_IFREG:
		compare_file(pair);
		break;
	case S_IFDIR:
		compare_mode(pair);
		compare_owner(pair);
		break;
	case S_IFLNK:
		compare_symlink(pair);
		break;
	default:
		compare_device(pair);
	}
	compare_attributes(pair);
	compare_flags(pair);
}

/* As GNU tar names it here, without the slash of a directory. */
static char *name_of(const struct tarx_item *item)
{
	size_t len = strlen(item->path);

	while (len > 1 && item->path[len - 1] == '/')
		len--;
	return strndup(item->path, len);
}

void tarx_compare(struct tarx_comparison *c, const struct tarx_item *item, const char *path)
{
	bool symlink = S_ISLNK(item->mode) && !item->hardlink;
	TX_FREE char *name = name_of(item);
	struct tarx_item named = *item;
	struct pair pair = { .c = c, .item = &named };

	if (name)
		named.path = name;
	pair.fd = look(c, named.path, path, &pair.st, symlink ? "readlink" : "stat");
	if (pair.fd < 0)
		return;
	compare_pair(&pair);
	tx_fd_release(&pair.fd);
}
