#include "tarx/place.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/marks.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Until its own mode is set, what is made belongs to us alone. */
#define FILE_AT_FIRST 0600
#define DIR_AT_FIRST  0700

struct tarx_later {
	char *path; /* owned; beneath the target */
	struct align_handle handle; /* owned */
	dev_t dev;
	ino_t ino;
	size_t order, depth;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *uname, *gname, *acl_access, *acl_default; /* owned, or NULL */
	struct timespec mtime;
	bool clear_acls;
};

/* ------------------------------------------------------------------ the target */

int tarx_place_open(struct tarx_place *place, const char *dir, enum align_reflink reflink,
		    struct tx_err *err)
{
	place->parent = (struct tarx_parent){ .fd = -1 };
	place->mover = (struct align_mover){ .reflink = reflink, .tally = &place->report->tally };
	place->privileged = geteuid() == 0;
	place->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place->root < 0 ? tx_fail(err, errno, "open the directory %s", dir) : 0;
}

bool tarx_place_is_fatal(int errnum)
{
	return errnum == ENOSPC || errnum == EDQUOT || errnum == EROFS || errnum == ENOMEM ||
	       errnum == EMFILE || errnum == ENFILE;
}

/* ------------------------------------------------------------------ the parent */

static void forget_parent(struct tarx_place *place)
{
	tx_fd_release(&place->parent.fd);
	free(place->parent.path);
	place->parent.path = NULL;
}

/* Makes the directories of PATH from its byte AT on, one in the other, beginning in DIR (owned). */
static int make_dirs(int dir, const char *path)
{
	TX_FD at = dir;

	while (*path) {
		size_t len = strcspn(path, "/");
		char name[256];
		int next;

		if (len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		if (mkdirat(at, name, 0777) < 0 && errno != EEXIST)
			return -errno;
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		tx_fd_release(&at);
		at = next;
		path += len;
		path += *path == '/';
	}
	return tx_fd_steal(&at);
}

/* Opens the directory PATH beneath the target; what is missing of it is made. */
static int open_or_make(const struct tarx_place *place, const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	int fd = tx_open_beneath(place->root, *path ? path : ".", flags, 0);
	TX_FREE char *there = NULL;

	if (fd != -ENOENT)
		return fd;
	there = strdup(path);
	if (!there)
		return -ENOMEM;
	/* From the end backwards to the part that exists. */
	while (fd == -ENOENT) {
		char *slash = strrchr(there, '/');

		if (!slash)
			slash = there;
		*slash = '\0';
		fd = tx_open_beneath(place->root, *there ? there : ".", flags, 0);
		if (!*there)
			break;
	}
	if (fd < 0)
		return fd;
	path += strlen(there);
	return make_dirs(fd, path + (*path == '/'));
}

/* What the file system of the directory can do, asked once a file system. */
static int learn_volume(struct tarx_place *place, int fd, struct tx_err *err)
{
	struct align_volume *volume = &place->parent.volume;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the directory");
	if (!volume->name || volume->dev != st.st_dev) {
		int r = align_volume_probe(volume, fd, err);

		if (r < 0)
			return r;
	}
	place->mover.block = volume->block;
	place->mover.round_tail = volume->round_tail;
	return 0;
}

static int enter_parent(struct tarx_place *place, const char *path, size_t len, struct tx_err *err)
{
	struct tarx_parent *parent = &place->parent;
	TX_FD fd = -1;
	int r;

	if (parent->fd >= 0 && !strncmp(parent->path, path, len) && !parent->path[len])
		return 0;
	forget_parent(place);
	parent->path = strndup(path, len);
	if (!parent->path)
		return tx_fail(err, ENOMEM, "remember the directory");
	fd = open_or_make(place, parent->path);
	if (fd == -EXDEV)
		return tx_reject(err, EXDEV, "a symbolic link on its path leads out of the target");
	if (fd < 0)
		return tx_fail(err, -fd, "open its directory");
	r = learn_volume(place, fd, err);
	if (r < 0)
		return r;
	parent->acls = tarx_meta_has_default_acl(fd);
	parent->fd = tx_fd_steal(&fd);
	return 0;
}

/* ------------------------------------------------------------------ what is in the way */

/* Removes NAME from the parent, a directory only if it is empty. */
static int clear_the_way(struct tarx_place *place, const char *name)
{
	if (unlinkat(place->parent.fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	return unlinkat(place->parent.fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------ trust */

static bool is_opaque_mark(const struct tarx_item *item, const struct tarx_xattr *x)
{
	return S_ISDIR(item->mode) && x->len == 1 && *(const char *)x->value == 'y';
}

/* overlayfs' own attributes are not taken from an archive: a redirect or a metacopy mark would make
 * files of lower layers readable. Only the opaque mark of a directory, which hides, is set. */
static bool is_trusted(struct tarx_place *place, const struct tarx_item *item,
		       const struct tarx_xattr *x)
{
	switch (overlay_xattr_kind(x->name)) {
	case OVERLAY_XATTR_NONE:
		return true;
	case OVERLAY_XATTR_OPAQUE:
		if (is_opaque_mark(item, x))
			return true;
		break;
	case OVERLAY_XATTR_BOUND:
		if (tarx_say_once(place->report, TARX_ONCE_BOUND))
			tarx_notice(place->report,
				    "%s: %s and the like are left out: they mean something to one "
				    "mount only",
				    item->path, x->name);
		return false;
	default:
		break;
	}
	tarx_warning(place->report, "%s: refused the overlayfs mark %s: an archive is not trusted with it",
		     item->path, x->name);
	return false;
}

/* The item without the attributes that are not trusted; KEEP (owned by the caller) holds the rest. */
static int drop_untrusted(struct tarx_place *place, struct tarx_item *item, struct tarx_xattr **keep)
{
	size_t kept = 0;

	*keep = calloc(item->xattr_count + 1, sizeof(**keep));
	if (!*keep)
		return -ENOMEM;
	for (size_t i = 0; i < item->xattr_count; i++)
		if (is_trusted(place, item, &item->xattrs[i]))
			(*keep)[kept++] = item->xattrs[i];
	item->xattrs = *keep;
	item->xattr_count = kept;
	return 0;
}

/* ------------------------------------------------------------------ attributes */

struct complaint {
	struct tarx_place *place;
	const char *path;
};

static void complain(void *data, const struct tx_err *err)
{
	const struct complaint *c = data;

	/* Without privilege some attributes cannot be had; GNU tar does not count that either. */
	if (!c->place->privileged && err->code == EPERM) {
		if (tarx_say_once(c->place->report, TARX_ONCE_PRIVILEGE))
			tarx_notice(c->place->report,
				    "%s: %s (and so for others: this needs to be root)", c->path,
				    err->text);
		return;
	}
	tarx_warning(c->place->report, "%s: %s", c->path, err->text);
}

static void apply(struct tarx_place *place, const struct tarx_item *item, int fd, bool by_path,
		  unsigned int parts)
{
	struct tarx_meta_target target = { .fd = fd, .by_path = by_path,
					   .clear_acls = place->parent.acls };
	struct complaint c = { place, item->path };

	tarx_meta_apply(item, &target, parts, place->wants, place->owners, complain, &c);
}

/* ------------------------------------------------------------------ regular files */

static int check_reach(const struct tarx_item *item, const struct tarx_reader *reader,
		       struct tx_err *err)
{
	off_t end = reader->base + reader->size;

	if (item->data.off <= end && item->size <= end - item->data.off)
		return 0;
	return tx_reject(err, EBADMSG, "the archive is truncated: %jd bytes from %jd on are missing",
			 (intmax_t)(item->size - (end - item->data.off)), (intmax_t)end);
}

static int fill_from_file(struct tarx_place *place, const struct tarx_item *item,
			  const struct tarx_reader *reader, int fd, struct tx_err *err)
{
	struct align_moved moved;
	int r = check_reach(item, reader, err);

	if (r < 0)
		return r;
	r = align_span_move(&place->mover, &item->data, fd, 0, &moved, err);
	place->refused |= r < 0 && moved.refused;
	if (r < 0)
		return r;
	if (moved.bytes < item->size)
		return tx_reject(err, EBADMSG, "the archive became shorter while it was read");
	if (moved.ends_in_hole && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	return 0;
}

static int fill_from_stream(struct tarx_place *place, const struct tarx_item *item,
			    struct tarx_reader *reader, int fd, struct tx_err *err)
{
	uint64_t copied = 0;
	const void *bytes;
	size_t len;
	off_t off, end = 0;
	int r;

	while ((r = tarx_reader_block(reader, &bytes, &len, &off, err)) > 0) {
		if (off < end || (off_t)len > item->size - off)
			return tx_reject(err, EBADMSG, "the archive is damaged: a piece of the file lies outside it");
		r = tx_write_at(fd, bytes, len, off);
		if (r < 0)
			return tx_fail(err, -r, "write %zu bytes at %jd", len, (intmax_t)off);
		copied += len;
		end = off + (off_t)len;
	}
	if (r < 0)
		return r;
	if (end < item->size && ftruncate(fd, item->size) < 0)
		return tx_fail(err, errno, "set the length");
	place->mover.tally->copied += copied;
	place->mover.tally->hole += (uint64_t)item->size - copied;
	return 0;
}

/* A payload that lies in the file is worth more than its bytes from the reader's buffer where it
 * can be shared, or is long. */
static bool is_moved_directly(const struct tarx_place *place, const struct tarx_item *item)
{
	uint32_t block = place->mover.reflink == ALIGN_REFLINK_NEVER ? 0 : place->mover.block;

	if (item->data.fd < 0 || item->size == 0)
		return false;
	if (block && item->data.off % block == 0 && item->size >= block)
		return true;
	return item->size > 64 << 10;
}

static int fill(struct tarx_place *place, const struct tarx_item *item, struct tarx_reader *reader,
		int fd, struct tx_err *err)
{
	if (item->size == 0)
		return 0;
	if (place->mover.reflink == ALIGN_REFLINK_ALWAYS && !place->parent.volume.clones) {
		place->refused = true;
		return tx_fail(err, EOPNOTSUPP, "cannot share extents (%s has no reflinks)",
			       place->parent.volume.name);
	}
	if (is_moved_directly(place, item))
		return fill_from_file(place, item, reader, fd, err);
	return fill_from_stream(place, item, reader, fd, err);
}

static int create_file(struct tarx_place *place, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(place->parent.fd, name, flags, FILE_AT_FIRST);

	if (fd < 0 && errno == EEXIST) {
		int r = clear_the_way(place, name);

		if (r < 0)
			return r;
		fd = openat(place->parent.fd, name, flags, FILE_AT_FIRST);
	}
	return fd < 0 ? -errno : fd;
}

static int place_file(struct tarx_place *place, const struct tarx_item *item, const char *name,
		      struct tarx_reader *reader, struct tx_err *err)
{
	int fd = create_file(place, name), r;

	if (fd < 0)
		return tx_fail(err, -fd, "create");
	r = fill(place, item, reader, fd, err);
	if (r == 0)
		apply(place, item, fd, false, TARX_META_ALL);
	if (close(fd) < 0 && r == 0)
		r = tx_fail(err, errno, "close");
	if (r < 0)
		unlinkat(place->parent.fd, name, 0);
	return r;
}

/* ------------------------------------------------------------------ links, devices, FIFOs */

/* Hard links to what lies beneath the target; a symbolic link is linked itself. */
static int make_hardlink(struct tarx_place *place, const char *target, const char *name)
{
	const char *slash = strrchr(target, '/');
	TX_FREE char *dir = slash ? strndup(target, (size_t)(slash - target)) : strdup(".");
	const char *last = slash ? slash + 1 : target;
	TX_FD from = -1;

	if (!dir)
		return -ENOMEM;
	from = tx_open_beneath(place->root, dir, O_PATH | O_DIRECTORY, 0);
	if (from < 0)
		return from;
	return linkat(from, last, place->parent.fd, name, 0) < 0 ? -errno : 0;
}

static bool is_linked_already(struct tarx_place *place, const char *target, const char *name)
{
	TX_FD fd = tx_open_beneath(place->root, target, O_PATH | O_NOFOLLOW, 0);
	struct stat there, here;

	return fd >= 0 && fstat(fd, &there) == 0 &&
	       fstatat(place->parent.fd, name, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
	       there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static int place_hardlink(struct tarx_place *place, const struct tarx_item *item, const char *name,
			  struct tx_err *err)
{
	TX_FREE char *target = tarx_path_restored(item->link);
	int r;

	if (!target || !*target)
		return tx_reject(err, EINVAL, "a hard link to %s, which is not beneath the target",
				 item->link);
	r = make_hardlink(place, target, name);
	if (r == -EEXIST && !is_linked_already(place, target, name)) {
		r = clear_the_way(place, name);
		if (r == 0)
			r = make_hardlink(place, target, name);
	} else if (r == -EEXIST) {
		r = 0;
	}
	return r < 0 ? tx_fail(err, -r, "link to %s", item->link) : 0;
}

static int make_special(struct tarx_place *place, const struct tarx_item *item, const char *name)
{
	mode_t type = item->mode & S_IFMT;
	int r;

	if (type == S_IFLNK)
		r = symlinkat(item->link ? item->link : "", place->parent.fd, name);
	else
		r = mknodat(place->parent.fd, name, type | FILE_AT_FIRST,
			    S_ISFIFO(type) ? 0 : item->rdev);
	return r < 0 ? -errno : 0;
}

static int place_special(struct tarx_place *place, const struct tarx_item *item, const char *name,
			 struct tx_err *err)
{
	TX_FD fd = -1;
	struct stat st;
	int r = make_special(place, item, name);

	if (r == -EEXIST) {
		r = clear_the_way(place, name);
		if (r == 0)
			r = make_special(place, item, name);
	}
	if (r < 0)
		return tx_fail(err, -r, "create");
	fd = openat(place->parent.fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return tx_fail(err, errno, "open");
	/* Where others may write too: not what we made, or known by another name as well. */
	if ((st.st_mode & S_IFMT) != (item->mode & S_IFMT) || st.st_nlink != 1)
		return tx_reject(err, ESTALE, "somebody replaced it while it was being restored");
	apply(place, item, fd, true, TARX_META_ALL);
	return 0;
}

/* ------------------------------------------------------------------ directories */

static char *keep_text(const char *text, bool *lost)
{
	char *copy = text ? strdup(text) : NULL;

	*lost |= text && !copy;
	return copy;
}

static void release_later(struct tarx_later *later)
{
	align_handle_release(&later->handle);
	free(later->path);
	free(later->uname);
	free(later->gname);
	free(later->acl_access);
	free(later->acl_default);
}

static size_t depth_of(const char *path)
{
	size_t depth = *path != '\0';

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static struct tarx_later *add_later(struct tarx_place *place)
{
	if (place->later_count == place->later_room) {
		size_t room = place->later_room ? place->later_room * 2 : 64;
		struct tarx_later *later = realloc(place->later, room * sizeof(*later));

		if (!later)
			return NULL;
		place->later = later;
		place->later_room = room;
	}
	return &place->later[place->later_count++];
}

static int remember_directory(struct tarx_place *place, const struct tarx_item *item,
			      const char *path, int fd, struct tx_err *err)
{
	struct tarx_later *later = add_later(place);
	bool lost = false;
	struct stat st;

	if (!later)
		return tx_fail(err, ENOMEM, "remember the directory");
	*later = (struct tarx_later){
		.path = keep_text(path, &lost),
		.uname = keep_text(item->uname, &lost),
		.gname = keep_text(item->gname, &lost),
		.acl_access = keep_text(item->acl_access, &lost),
		.acl_default = keep_text(item->acl_default, &lost),
		.order = place->later_count,
		.depth = depth_of(path),
		.mode = item->mode,
		.uid = item->uid,
		.gid = item->gid,
		.mtime = item->mtime,
		.clear_acls = place->parent.acls,
	};
	if (lost)
		return tx_fail(err, ENOMEM, "remember the directory");
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the directory");
	later->dev = st.st_dev;
	later->ino = st.st_ino;
	/* Where there are no handles the path is taken, and must lead to the same inode. */
	if (place->privileged)
		align_handle_take(&place->parent.volume, &later->handle, fd);
	return 0;
}

static int open_directory(struct tarx_place *place, const char *name)
{
	int fd = openat(place->parent.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A directory that is there stays; anything else, a symbolic link too, gives way. */
static int make_directory(struct tarx_place *place, const char *name)
{
	int r, fd;

	if (mkdirat(place->parent.fd, name, DIR_AT_FIRST) == 0)
		return open_directory(place, name);
	if (errno != EEXIST)
		return -errno;
	fd = open_directory(place, name);
	if (fd != -ENOTDIR && fd != -ELOOP)
		return fd;
	r = clear_the_way(place, name);
	if (r < 0)
		return r;
	if (mkdirat(place->parent.fd, name, DIR_AT_FIRST) < 0)
		return -errno;
	return open_directory(place, name);
}

static int place_directory(struct tarx_place *place, const struct tarx_item *item, const char *path,
			   const char *name, struct tx_err *err)
{
	TX_FD fd = make_directory(place, *name ? name : ".");

	if (fd < 0)
		return tx_fail(err, -fd, "create the directory");
	apply(place, item, fd, false, TARX_META_XATTRS);
	return remember_directory(place, item, path, fd, err);
}

/* The deepest first, so that closing a directory to us never stands in the way; what came twice in
 * its order, so that the last one counts. */
static int by_depth(const void *a, const void *b)
{
	const struct tarx_later *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth > y->depth ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static int open_again(const struct tarx_place *place, const struct tarx_later *later)
{
	TX_FD fd = align_handle_open(&later->handle, O_RDONLY | O_DIRECTORY);
	struct stat st;

	if (fd < 0)
		fd = tx_open_beneath(place->root, *later->path ? later->path : ".",
				     O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != later->dev || st.st_ino != later->ino)
		return -ESTALE;
	return tx_fd_steal(&fd);
}

static void finish_directory(struct tarx_place *place, const struct tarx_later *later)
{
	const struct tarx_item item = {
		.path = *later->path ? later->path : ".",
		.mode = later->mode,
		.uid = later->uid,
		.gid = later->gid,
		.uname = later->uname,
		.gname = later->gname,
		.mtime = later->mtime,
		.acl_access = later->acl_access,
		.acl_default = later->acl_default,
	};
	TX_FD fd = open_again(place, later);

	/* A later member may have taken its place, and is right to. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ESTALE)
		return;
	if (fd < 0) {
		tarx_warning(place->report, "%s: open the directory again for its mode and times: %s",
			     item.path, strerror(-fd));
		return;
	}
	place->parent.acls = later->clear_acls;
	apply(place, &item, fd, false, TARX_META_ALL & ~(unsigned int)TARX_META_XATTRS);
}

void tarx_place_finish(struct tarx_place *place)
{
	forget_parent(place);
	qsort(place->later, place->later_count, sizeof(*place->later), by_depth);
	for (size_t i = 0; i < place->later_count; i++)
		finish_directory(place, &place->later[i]);
}

/* ------------------------------------------------------------------ any item */

static int place_by_type(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tarx_reader *reader, struct tx_err *err)
{
	if (!*name && !S_ISDIR(item->mode))
		return tx_reject(err, EINVAL, "only a directory can be the target itself");
	if (item->hardlink)
		return place_hardlink(place, item, name, err);
	switch (item->mode & S_IFMT) {
	case S_IFREG:
		return place_file(place, item, name, reader, err);
	case S_IFDIR:
		return place_directory(place, item, path, name, err);
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return place_special(place, item, name, err);
	default:
		return tx_reject(err, EOPNOTSUPP, "a member of an unknown type (mode %07o)", item->mode);
	}
}

int tarx_place_item(struct tarx_place *place, const struct tarx_item *item, const char *restored,
		    struct tarx_reader *reader, struct tx_err *err)
{
	const char *slash = strrchr(restored, '/');
	size_t dir_len = slash ? (size_t)(slash - restored) : 0;
	TX_FREE struct tarx_xattr *kept = NULL;
	struct tarx_item trusted = *item;
	int r = enter_parent(place, restored, dir_len, err);

	if (r < 0)
		return r;
	if (item->xattr_count > 0 && drop_untrusted(place, &trusted, &kept) < 0)
		return tx_fail(err, ENOMEM, "restore");
	return place_by_type(place, &trusted, restored, slash ? slash + 1 : restored, reader, err);
}

int tarx_place_sync(struct tarx_place *place, struct tx_err *err)
{
	return syncfs(place->root) < 0 ? tx_fail(err, errno, "sync the target") : 0;
}

void tarx_place_release(struct tarx_place *place)
{
	for (size_t i = 0; i < place->later_count; i++)
		release_later(&place->later[i]);
	free(place->later);
	forget_parent(place);
	align_mover_release(&place->mover);
	tx_fd_release(&place->root);
}
